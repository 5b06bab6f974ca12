"""People, vendor references, and types that several schemas share."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

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
    """A case number of a vendor."""

    vendor: str = Field(description="Id of the vendor (`GET /api/vendors`).")
    ref: str = Field(description="The number, as the vendor writes it.")


class Person(Out):
    """A person with a mail address."""

    name: str = Field(description="Display name; empty if the mail has none.")
    address: str = Field(description="Mail address.")


class Author(Out):
    """The author of a message. Of a forwarded mail it is the person who wrote it first."""

    name: str | None = Field(description="Display name; empty if the mail has none.")
    address: str | None = Field(description="Mail address in lower case; empty if it is not known.")
    role: Role = Field(description="The side the author belongs to; `unknown`: nothing says which.")
