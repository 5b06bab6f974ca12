"""Events and webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas.people import Out

KINDS = {
    "case.opened": "a mail opened a case",
    "case.changed": "a case was judged again, after new mail or a manual change",
    "case.set": "a person set fields: `data.set`; `data.was` holds what the case showed before",
    "case.kept_apart": "a person said that another case is a different matter: `data.other`",
    "case.merged": "a case was merged into another: `data.from`, `data.into` (numbers of the cases)",
    "case.split": "a person moved several messages to another case",
    "case.noted": "a person added a note: `data.note` (its id)",
    "case.removed": "retention deleted a case: `data.number`",
    "message.moved": "a person moved one message to another case",
    "undone": "a person undid a manual change: `data.event`",
    "contents.removed": "retention deleted raw mails",
    "outbox.written": "a mail was written to the outbox: `data.outbox` (its id)",
    "outbox.released": "a person sent a draft, or a failed mail again",
    "outbox.discarded": "a person discarded a mail",
    "outbox.sent": "the server accepted a mail",
    "outbox.failed": "a mail could not be sent",
    "outbox.returned": "a delivery report about a sent mail arrived",
    "outbox.held": "a mail is held as a draft, because a limit of automatic mail was reached",
    "spool.shunted": "a mail was set aside after three failed attempts: `data.spool`, `data.reason`",
    "webhook.disabled": "a webhook failed nine times and was disabled: `data.webhook`, `data.reason`",
    "mailbox.away": "a mailbox could not be read for ten minutes: `data.mailbox`, `data.cause`, `data.next_step`",
    "mailbox.back": "a mailbox can be read again: `data.mailbox`",
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

    id: int = Field(description="Id of the event; later events have higher ids.")
    kind: str = Field(description="; ".join(f"`{kind}`: {when}" for kind, when in KINDS.items()))
    case: str | None = Field(description="Key of the case; null if it concerns no case.")
    at: datetime = Field(description="When it happened.")
    who: str = Field(description="The person who did it; empty if no person did.")
    data: dict[str, Any] = Field(description="Details, depending on `kind`.")
    undone_by: int | None = Field(
        default=None, description="Id of the event that undid this change; null if it was not undone."
    )


class WebhookPayload(Out):
    """Body of a webhook request (Standard Webhooks).

    The headers `webhook-id`, `webhook-timestamp` and `webhook-signature` contain its signature.
    """

    type: str = Field(description="The kind of the event.", examples=["case.changed"])
    timestamp: datetime = Field(description="When it happened; the same as `data.at`.")
    data: Event = Field(description="The event.")


class EventPage(Out):
    """Events of a case."""

    items: list[Event] = Field(description="The events, newest first: at most 100.")
    next: str | None = Field(default=None, description="Always null: there is only one page.")


class Webhook(Out):
    """A webhook: events are sent to its URL."""

    id: int = Field(description="Id of the webhook.")
    url: str = Field(description="Where events are sent.")
    kinds: list[str] = Field(description="Kinds of events that are sent; empty: all.")
    created_at: datetime = Field(description="When it was created.")
    disabled_at: datetime | None = Field(description="When it was disabled; null while it is in use.")
    event: int = Field(default=0, description="Id of the last event that was delivered.")
    attempts: int = Field(default=0, description="Failed attempts to deliver the next event.")
    due_at: datetime | None = Field(default=None, description="Earliest time of the next attempt.")
    last_error: str | None = Field(
        default=None, description="Why the last attempt failed, or why it is disabled; null if there is no problem."
    )


class NewWebhook(BaseModel):
    """A webhook to create."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"url": "https://dashboard.example/hooks/sodan", "kinds": ["case.changed"]}]},
    )

    url: str = Field(
        description="Where to send events: `https://…`; `http://` only if `SODAN_WEBHOOK_NETWORKS` is set.",
        max_length=2000,
        pattern=r"^https?://[A-Za-z0-9-]{1,63}([.][A-Za-z0-9-]{1,63}){0,9}[.]?(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?(/[!-~]*)?$",
    )
    kinds: list[Annotated[str, Field(pattern="^[a-z_]+([.][a-z_]+)*$", max_length=40)]] = Field(
        default=[], max_length=20, description="Kinds of events to send; empty: all."
    )


class MadeWebhook(Webhook):
    """A new webhook with its secret."""

    secret: str = Field(description="Secret of the signatures (Standard Webhooks). Only this response contains it.")


class WebhookPage(Out):
    """All webhooks."""

    items: list[Webhook] = Field(description="The webhooks, oldest first.")
    next: str | None = Field(default=None, description="Always null: there is only one page.")
