"""Outgoing mail, and notes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas.people import Out


class OutboxEntry(Out):
    id: int
    case: str | None
    kind: str = Field(description="acknowledgement, questions, reminder, digest, notification")
    state: Literal["draft", "waiting", "sent", "failed", "discarded"]
    recipient: str = Field(description="An address; for a notification the name of its target.")
    language: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    items: list[str] = Field(description="Checklist items asked for, in the order of their numbers.")
    message_id: str | None
    answers: int | None = Field(description="The message that is answered.")
    made_by: str = Field(description="Who wrote it; empty for the machine.")
    created_at: datetime
    attempts: int
    in_doubt: int = Field(description="How often a sender died over it: it may have left that much more often.")
    reason: str | None = Field(description="Why it is held, waits, or failed.")
    sent_at: datetime | None
    reply: str | None = Field(description="Last answer of the server.")
    report: dict[str, Any] | None = Field(description="Delivery report that came back (RFC 3464).")


class OutboxPage(Out):
    items: list[OutboxEntry]
    next: int | None


class To(Out):
    name: str
    address: str


class QuestionsDraft(Out):
    """A mail that asks a requester for facts, before it is sent."""

    to: To | None
    subject: str
    text: str
    language: str
    items: list[str] = Field(description="In the order of their numbers.")
    refused: str | None = Field(description="Why it may not be sent; null where it may.")


ItemId = Annotated[str, Field(max_length=64, pattern="^[a-z_]+$")]


class Questions(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"items": ["occurred_at", "version"]}]})

    items: list[ItemId] = Field(
        default=[], max_length=5, description="Ids of items, at most five at once; none: what is missing."
    )
    text: str = Field(
        default="",
        max_length=20_000,
        description="Words above the questions, or the whole mail with numbered questions.",
    )
    lang: Literal["ja", "en"] | None = Field(default=None, description="Else the language of the case.")


class Note(Out):
    id: int
    case: str
    who: str
    at: datetime
    text: str


class NotePage(Out):
    items: list[Note]
    next: str | None = None


class NewNote(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "Called Ms. Tanaka at 10:30."}]})

    text: str = Field(min_length=1, max_length=20_000, pattern=r"\S", description="For the team only.")
