"""Events and webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas.people import Out

KINDS = {
    "case.opened": "a mail opened a case",
    "case.changed": "a mail changed a case",
    "case.set": "a person set a field; `data.set` holds what",
    "case.merged": "a case became part of another: `data.from`, `data.into`",
    "case.split": "a person put messages into another case",
    "case.noted": "a person wrote a note",
    "case.removed": "a case was removed by retention or erased",
    "message.moved": "a person put one message into another case",
    "undone": "a person took a correction back: `data.event`",
    "contents.removed": "raw mails were removed by retention",
    "outbox.written": "a mail was written and waits, or is a draft",
    "outbox.released": "a person released a draft",
    "outbox.discarded": "a person discarded a draft",
    "outbox.sent": "a mail left",
    "outbox.failed": "a mail could not be sent",
    "outbox.returned": "a mail came back undelivered",
    "outbox.held": "a limit of automatic mail was reached",
    "spool.shunted": "a mail was set aside after three attempts",
    "webhook.disabled": "a webhook failed too often and is told nothing more",
    "mailbox.away": "a mailbox cannot be reached",
    "mailbox.back": "a mailbox can be reached again",
}
"""Kind of event → when it happens. More kinds may be added."""


class Event(Out):
    """An event about a case or about the service."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "id": 41,
                    "kind": "case.changed",
                    "case": "SD-12",
                    "at": "2026-11-24T01:12:00Z",
                    "who": "",
                    "data": {"status": "open", "waiting_on": "vendor", "priority": "P2", "title": "Portal unreachable"},
                }
            ]
        },
    )

    id: int = Field(description="Counts up.")
    kind: str = Field(description="; ".join(f"`{kind}`: {when}" for kind, when in KINDS.items()))
    case: str | None = Field(description="The key; null where it concerns no case.")
    at: datetime
    who: str = Field(description="A person's name, or empty where the rules did it.")
    data: dict[str, Any] = Field(description="What is known of it, by kind.")


class WebhookPayload(Out):
    """Body of a webhook request (Standard Webhooks).

    `webhook-id`, `webhook-timestamp` and `webhook-signature` sign it.
    """

    type: str = Field(description="The kind of the event.", examples=["case.changed"])
    timestamp: datetime
    data: Event


class EventPage(Out):
    items: list[Event]
    next: str | None = None


class Webhook(Out):
    id: int
    url: str
    kinds: list[str]
    created_at: datetime
    disabled_at: datetime | None
    last_error: str | None = None


class NewWebhook(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"url": "https://dashboard.example/hooks/sodan", "kinds": ["case.changed"]}]},
    )

    url: str = Field(
        max_length=2000,
        pattern=r"^https?://[A-Za-z0-9-]{1,63}([.][A-Za-z0-9-]{1,63}){0,9}[.]?(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?(/[!-~]*)?$",
    )
    kinds: list[Annotated[str, Field(pattern="^[a-z]+([.][a-z]+)*$", max_length=40)]] = Field(
        default=[], max_length=20, description="Kinds of events; empty means all."
    )


class MadeWebhook(Webhook):
    secret: str = Field(description="Signs what we send (Standard Webhooks); shown this once.")


class WebhookPage(Out):
    items: list[Webhook]
    next: str | None = None
