"""Server-sent events: sent as they happen, resumable with `Last-Event-ID`."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, FastAPI, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.api.case_schema import Out, doc, page_of
from service.api.problems import error_responses, problem
from service.desk import Desk
from service.errors import Refused, Unavailable
from service.store import feed

KINDS = {
    "case.opened": "a mail opened a case",
    "case.changed": "sodan judged a case again, after new mail or a manual change",
    "case.set": "a person set fields: `data.set` (the new values), `data.was` (the old values)",
    "case.kept_apart": "a person said that another case is about another problem: `data.other`",
    "case.merged": "a case was merged into another case: `data.from`, `data.into` (numbers of the cases)",
    "case.split": "a person moved several messages to another case",
    "case.noted": "a person added a note: `data.note` (its id)",
    "case.removed": "retention deleted a case: `data.number`",
    "message.moved": "a person moved one message to another case",
    "undone": "a person undid a manual change: `data.event`",
    "contents.removed": "retention deleted raw mails",
    "outbox.written": "sodan wrote a mail to the outbox: `data.outbox` (its id)",
    "outbox.released": "a person released a draft or a failed mail for sending",
    "outbox.discarded": "a person discarded a mail",
    "outbox.sent": "the outgoing mail server accepted a mail",
    "outbox.failed": "sodan gave up sending a mail",
    "outbox.returned": "a delivery report about a sent mail arrived",
    "outbox.held": "sodan wrote a mail as a draft, because a limit of automatic mail was reached",
    "spool.shunted": "sodan set a mail aside after three failed attempts: `data.spool`, `data.reason`",
    "webhook.disabled": "a delivery failed nine times, and sodan disabled the webhook: `data.webhook`, `data.reason`",
    "mailbox.away": "sodan could not read a mailbox for ten minutes: `data.mailbox`, `data.cause`, `data.next_step`",
    "mailbox.back": "sodan can read a mailbox again: `data.mailbox`",
}
"""Kind of event → when it happens. More kinds may be added."""


_EXAMPLE = {
    "id": 41, "kind": "case.changed", "case": "SD-12", "at": "2026-11-24T01:12:00Z", "who": "",
    "data": {"status": "open", "waiting_on": "vendor", "priority": "P2", "title": "Portal unreachable"},
}  # fmt: skip


class Event(Out, json_schema_extra={"examples": [_EXAMPLE]}):
    """An event about a case or about the service."""

    id: int = doc("Id of the event; later events have higher ids.")
    kind: str = doc("; ".join(f"`{kind}`: {when}" for kind, when in KINDS.items()))
    case: str | None = doc("Key of the case; null if the event is about no case.")
    at: datetime = doc("When the event happened.")
    who: str = doc("The person who caused the event; empty if no person did.")
    data: dict[str, Any] = doc("Details, depending on `kind`.")
    undone_by: int | None = doc("Id of the event that undid this change; null if nobody undid it.", None)


class WebhookPayload(Out):
    """Body of a webhook request (Standard Webhooks). Check its signature with the `webhook-…` headers."""

    type: str = doc("The kind of the event.", examples=["case.changed"])
    timestamp: datetime = doc("When the event happened; the same as `data.at`.")
    data: Event = doc("The event.")


EventPage = page_of("EventPage", Event, "Events of a case.", "The events, newest first: at most 100.", None)
POLL_SECONDS = 0.25  # time between two database queries; one query serves all listeners
EVENT_SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "examples": ["41"]},
        "event": {"type": "string", "examples": ["case.changed"]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/Event"},
        },
    },
}
"""OpenAPI schema of one event."""
STREAM_SCHEMA = {"anyOf": [{"type": "string", "description": "The stream as text."}, EVENT_SCHEMA]}
"""OpenAPI schema of the stream. Some clients apply it to each event, generated clients to the whole text."""
_LAST = "Continue after this event, for clients that cannot send `Last-Event-ID`."
_ONCE = "`true`: end after the stored events: all, or those after `last` or `Last-Event-ID`."
_NAMED = "`true`: the field `event` is the kind; `false`: without it, a browser gets each event as `message`."
Last = Annotated[str | None, Query(pattern="^[0-9]{1,18}$", description=_LAST)]
Once = Annotated[bool, Query(description=_ONCE)]
Named = Annotated[bool, Query(description=_NAMED)]
MAX_LISTENERS = 200
BATCH = 500  # maximum number of events read at once


class Feed:
    """Polls the database for new events while clients listen, and wakes these clients."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.listeners = 0
        self._newest = 0
        self._changed = asyncio.Condition()
        self._poller: asyncio.Task[None] | None = None

    async def newest(self) -> int:
        return await run_sync(self.desk.database.read, feed.newest)

    async def after(self, last: int) -> list[dict[str, Any]]:
        """Return up to ``BATCH`` events after the event ``last``. Raises Unavailable."""
        return await run_sync(self.desk.database.read, lambda conn: feed.since(conn, last, BATCH, self.desk.prefix))

    async def wait(self, last: int, seconds: float) -> None:
        """Wait until there is an event after the event ``last``, but at most for ``seconds``."""
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self._newest > last)
        except TimeoutError:
            pass

    async def _poll(self) -> None:
        while self.listeners:
            try:
                newest = await self.newest()
            except Unavailable:
                newest = self._newest
            if newest != self._newest:
                async with self._changed:
                    self._newest = newest
                    self._changed.notify_all()
            await asyncio.sleep(POLL_SECONDS)


router = APIRouter(prefix="/api/events", tags=["events"])


@router.get(
    "",
    response_class=EventSourceResponse,
    responses={
        200: {
            "content": {"text/event-stream": {"schema": STREAM_SCHEMA}},
            "description": "The events, each sent as it happens.",
        },
        **error_responses(400),
    },
)
async def stream_events(
    request: Request,
    last_event_id: Annotated[str | None, Header(include_in_schema=False)] = None,
    last: Last = None,
    once: Once = False,
    named: Named = True,
) -> Response:
    """Stream events.

    `id` increases, `event` is the kind, and `data` is JSON with `id`, `kind`, `case`, `at`, `who`, `data`.

    With the header `Last-Event-ID`, the stream continues after that event. Without this header, the stream begins
    with new events.
    """
    events: Feed = request.app.state.feed
    given = last_event_id or last
    if given is not None and not (given.isascii() and given.isdigit() and len(given) < 19):
        raise Refused("Last-Event-ID: expected the `id` of an event, such as 41")
    start = int(given) if given is not None else 0 if once else await events.newest()
    # no await between check and increment, since many requests may arrive at once
    if events.listeners >= MAX_LISTENERS:
        why = f"{MAX_LISTENERS} clients read events already; retry after the seconds in Retry-After"
        return problem(503, why, headers={"Retry-After": "30"})
    events.listeners += 1
    stream = _stream(events, min(start, 2**62), once, named)
    return _CountedStream(events, stream, ping=15, headers={"Cache-Control": "no-store"})


def describe_webhook(app: FastAPI) -> None:
    @app.webhooks.post("event", operation_id="receiveEvent", tags=["events"], status_code=204)
    def receive_event(body: WebhookPayload) -> None:
        """An event. sodan sends it immediately after it happened.

        Respond with 2xx within ten seconds. Otherwise sodan sends the event again, with increasing delays.
        """


class _CountedStream(EventSourceResponse):
    """An event stream that counts as a listener until it ends, even before its first event."""

    def __init__(self, events: Feed, stream: AsyncIterator[ServerSentEvent], **options: Any) -> None:
        super().__init__(stream, **options)
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._events.listeners -= 1


async def _stream(events: Feed, last: int, once: bool, named: bool) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(comment="listening", retry=2000)
    while True:
        batch = await events.after(last)
        for event in batch:
            last = event["id"]
            name = event["kind"] if named else None
            yield ServerSentEvent(json.dumps(event, ensure_ascii=False), id=str(last), event=name)
        if once and len(batch) < BATCH:
            return
        if len(batch) < BATCH:
            await events.wait(last, 30)
