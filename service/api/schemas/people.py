"""People, vendor references, and types that several schemas share."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["open", "resolved", "closed"]
Side = Literal["team", "vendor", "requester"]
Level = Literal["P1", "P2", "P3", "P4"]
Kind = Literal["incident", "howto", "request", "billing", "security", "rca", "notice"]
Sort = Literal["-updated", "updated", "-opened", "opened", "priority"]
Role = Literal["team", "requester", "vendor", "unknown"]


class Out(BaseModel):
    """Base of all responses: fields may be added, but none is removed."""

    model_config = ConfigDict(extra="allow")


class VendorRef(Out):
    vendor: str
    ref: str


class Person(Out):
    name: str
    address: str


class Author(Out):
    name: str | None
    address: str | None
    role: Role
