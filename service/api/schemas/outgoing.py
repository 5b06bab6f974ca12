"""Outgoing mail, and notes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas.people import Out


class OutboxEntry(Out):
    """A mail or a notification that sodan sends."""

    id: int = Field(description="Id of the entry.")
    case: str | None = Field(description="Key of its case; null if it concerns no case or several (a digest).")
    kind: str = Field(description="`acknowledgement`, `questions`, `reminder`, `digest` or `notification`.")
    state: Literal["draft", "waiting", "sent", "failed", "discarded"] = Field(
        description="`draft`: a person must send it. `waiting`: it will be sent. `sent`: the server accepted it. "
        "`failed`: it could not be sent, or was returned. `discarded`: it is not sent."
    )
    recipient: str = Field(description="Mail address; of a notification the name of its target.")
    language: str = Field(description="`ja` or `en`.")
    subject: str = Field(description="The subject.")
    text: str = Field(description="The body as plain text.")
    html: str = Field(description="The body as HTML; empty if there is none.")
    headers: dict[str, str] = Field(description="Additional headers, such as `In-Reply-To`.")
    items: list[str] = Field(description="Ids of the checklist items asked for, in the order of their numbers.")
    message_id: str | None = Field(description="Its `Message-ID`; null for a notification.")
    answers: int | None = Field(description="`id` of the message that it answers; null if it answers none.")
    made_by: str = Field(description="The person who wrote it; empty if sodan did.")
    created_at: datetime = Field(description="When it was written.")
    attempts: int = Field(description="How often sending was attempted.")
    in_doubt: int = Field(
        description="How often a sender stopped while sending: it may have been sent so many times more."
    )
    reason: str | None = Field(
        description="Why it is held as a draft, is delayed, or failed; null if there is no problem."
    )
    sent_at: datetime | None = Field(description="When the server accepted it; null until then.")
    reply: str | None = Field(description="Last reply of the server; null before the first attempt.")
    report: dict[str, Any] | None = Field(description="Delivery report that was returned (RFC 3464); null if none was.")


class OutboxPage(Out):
    """A page of outbox entries."""

    items: list[OutboxEntry] = Field(description="The entries, newest first.")
    next: int | None = Field(description="`cursor` of the next page; null on the last page.")


class To(Out):
    """The recipient of a mail."""

    name: str = Field(description="Display name; empty if it is not known.")
    address: str = Field(description="Mail address.")


class QuestionsDraft(Out):
    """A mail that asks a requester for facts, before it is sent."""

    to: To | None = Field(description="The requester; null if no mail of the case is from a requester.")
    subject: str = Field(description="The subject.")
    text: str = Field(description="The body as plain text, with numbered questions.")
    language: str = Field(description="`ja` or `en`.")
    items: list[str] = Field(description="Ids of the checklist items, in the order of their numbers.")
    refused: str | None = Field(description="Why it may not be sent; null if it may.")


ItemId = Annotated[str, Field(max_length=64, pattern="^[a-z_]+$")]


class Questions(BaseModel):
    """The facts to ask the requester for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"items": ["occurred_at", "version"]}]})

    items: list[ItemId] = Field(
        default=[], max_length=5, description="Ids of checklist items, at most five; empty: the missing items."
    )
    text: str = Field(
        default="",
        max_length=20_000,
        description="Text above the questions, or the whole mail if it contains the numbered questions.",
    )
    lang: Literal["ja", "en"] | None = Field(
        default=None, description="Language of the mail; null: the language of the case."
    )


class Note(Out):
    """A note of the team. It is never sent."""

    id: int = Field(description="Id of the note.")
    case: str = Field(description="Key of the case it was written for.")
    who: str = Field(description="The person who wrote it.")
    at: datetime = Field(description="When it was written.")
    text: str = Field(description="The note.")


class NotePage(Out):
    """The notes of a case."""

    items: list[Note] = Field(description="The notes, oldest first: at most the 500 newest.")
    next: str | None = Field(default=None, description="Always null: there is only one page.")


class NewNote(BaseModel):
    """A note to add."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "Called Ms. Tanaka at 10:30."}]})

    text: str = Field(min_length=1, max_length=20_000, pattern=r"\S", description="The note. It is never sent.")
