"""Vendors, the spool, and the state of the service."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from service.api.schemas.people import Out


class Review(Out):
    """How the exchange with a vendor went in the last 90 days, for both sides.

    It covers at most the 500 most recently updated cases in which the vendor took part. A figure that fewer than five
    cases support is null.
    """

    cases: int = Field(description="Number of cases.")
    resolved: int = Field(default=0, description="Number of those that are resolved or closed.")
    enough: bool = Field(description="True from five cases on. Below, all figures are null.")
    window_days: int = Field(default=90, description="Length of the period in days.")
    turns_to_resolution: float | None = Field(
        description="Median number of exchanges until a case was resolved or closed."
    )
    first_response: float | None = Field(default=None, description="Median seconds until the first response.")
    median_wait: dict[str, float | None] = Field(
        description="Median seconds per case during which `team`, `vendor` and `requester` had to act."
    )
    median_answer: dict[str, float | None] = Field(
        default_factory=dict, description="Median seconds until a request to `team` or `vendor` was answered."
    )


class Vendor(Out):
    """A vendor and its cases."""

    id: str = Field(description="Id of the vendor, such as `microsoft`.")
    name: Any = Field(description="Name by language: `ja`, `en`.")
    cases: int = Field(default=0, description="Number of cases.")
    open: int = Field(default=0, description="Number of open cases.")
    review: Review = Field(description="How the exchange with the vendor went.")


class VendorPage(Out):
    """The vendors that have cases."""

    items: list[Vendor] = Field(description="The vendors, the most cases first: at most 200.")
    next: str | None = Field(default=None, description="Always null: there is only one page.")


class SpoolEntry(Out):
    """A mail as it was received, and the state of its processing."""

    id: str = Field(description="Id of the entry; the 250 reply of SMTP contains it.")
    state: Literal["waiting", "done", "shunted", "refused"] = Field(
        description="`waiting`: not processed yet. `done`: it is in a case. `shunted`: set aside after three failed "
        "attempts. `refused`: reserved; this version sets it for no mail."
    )
    received_at: datetime = Field(description="When it was received.")
    done_at: datetime | None = Field(default=None, description="When it was processed; null until then.")
    due_at: datetime | None = Field(default=None, description="Earliest time of the next attempt.")
    channel: str = Field(description="How it was received: `smtp`, `lmtp`, `import` or `mailbox`.")
    source: str | None = Field(
        default=None, description="Path of the imported file, or name of the mailbox; null for SMTP and LMTP."
    )
    peer: str | None = Field(default=None, description="IP address of the sending host; null if not received by SMTP.")
    helo: str | None = Field(default=None, description="Name that the sending host gave; null if not received by SMTP.")
    authserv: str | None = Field(
        default=None, description="Server whose Authentication-Results are trusted; null: as in the settings."
    )
    mail_from: str = Field(description="Sender of the envelope; empty for a delivery report.")
    rcpt_tos: list[str] = Field(description="Recipients of the envelope.")
    size: int = Field(description="Size in bytes.")
    sha256: str = Field(default="", description="SHA-256 of the mail, in hexadecimal.")
    attempts: int = Field(description="How often processing was attempted.")
    given_up: int = Field(default=0, description="How often the database aborted the processing of this mail alone.")
    reason: str | None = Field(description="Why it is not processed; null if there is no problem.")


class SpoolPage(Out):
    """A page of received mails."""

    items: list[SpoolEntry] = Field(description="The mails, newest first.")
    next: str | None = Field(description="`cursor` of the next page; null on the last page.")


class Health(Out):
    """The state of the service."""

    status: str = Field(examples=["ok"], description="`ok`.")
    note: str | None = Field(
        None, description="A problem that does not stop mail but needs attention; absent if there is none."
    )
