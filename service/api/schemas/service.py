"""Vendors, the spool, and the state of the service."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from service.api.schemas.people import Out


class Review(Out):
    """Review of the exchange with a vendor: the times of both sides, shown from five cases on."""

    cases: int
    enough: bool = Field(description="False below five cases: then no figures, they would say nothing.")
    turns_to_resolution: float | None
    median_wait: dict[str, float | None] = Field(description="Seconds a case waited on each side, median.")


class Vendor(Out):
    id: str
    name: Any
    review: Review


class VendorPage(Out):
    items: list[Vendor]
    next: str | None = None


class SpoolEntry(Out):
    id: str
    state: Literal["waiting", "done", "shunted", "refused"]
    received_at: datetime
    channel: str
    mail_from: str
    rcpt_tos: list[str]
    size: int
    attempts: int
    reason: str | None


class SpoolPage(Out):
    items: list[SpoolEntry]
    next: str | None


class Health(Out):
    status: str = Field(examples=["ok"])
    note: str | None = Field(None, description="What keeps no mail up, and yet wants a look; else left out.")
