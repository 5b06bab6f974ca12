"""Processed mails."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from mailrules import catalogue
from service.api.schemas.people import Author, Out


class AttachmentOut(Out):
    id: str
    filename: str
    content_type: str
    size: int
    sha256: str


class StatementOut(Out):
    """A meaning of the catalogue (`GET /api/meanings`) found in a mail."""

    meaning: str = Field(json_schema_extra={"enum": [*catalogue.load().ids]})
    state: str = Field(default="value", json_schema_extra={"enum": [*sorted(catalogue.STATES)]})
    quote: str = ""
    value: str | None = None
    confidence: float = 1.0
    reader: str = "embedded"


class MessageOut(Out):
    """A processed mail. If the same mail is received in several ways, it is still one message."""

    id: str
    case: str
    message_id: str | None = None
    origin: Literal["delivered", "forwarded", "attached", "quoted"]
    author: Author
    forwarded_by: Any = None
    to: list[Any]
    cc: list[Any]
    subject: str
    date: datetime | None
    received_at: datetime
    text: str
    quoted_text: str
    automatic: str | None
    attachments: list[AttachmentOut]
    deliveries: int
    statements: list[StatementOut] = Field(default=[], description="Meanings found in it, with their words.")
    findings: list[dict[str, Any]]
    defects: list[str] = Field(
        description="What was wrong with the mail; `dmarc-failed`: its author did not send it, so it changed nothing; "
        "`sender-unverified`: nothing vouches for its author."
    )


class MessagePage(Out):
    items: list[MessageOut]
    next: str | None = None


class Why(Out):
    """The evidence that put a message into its case, and the other candidate cases."""

    message: str
    case: str
    placed_by: str
    evidence: list[Any]
    runners_up: list[Any]
    pinned_by: str | None = None
