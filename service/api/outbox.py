"""The outbox: mail and notifications that sodan sends, with delivery reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from service.api.case_schema import Out, doc
from service.api.dependencies import TheDesk, Who
from service.api.paging import Limit, answer, page_of_rows
from service.api.problems import documented
from service.desk import Desk
from service.store import outbox
from service.store.cases import key_of
from service.store.database import Connection


class OutboxEntry(Out):
    """A mail or a notification that sodan sends."""

    id: int = doc("Id of the entry.")
    case: str | None = doc("Key of its case; null if it concerns no case or several (a digest).")
    kind: str = doc("`acknowledgement`, `questions`, `reminder`, `digest` or `notification`.")
    state: Literal["draft", "waiting", "sent", "failed", "discarded"] = doc(
        "`draft`: a person must send it. `waiting`: it will be sent. `sent`: the server accepted it. "
        "`failed`: it could not be sent, or was returned. `discarded`: it is not sent."
    )
    recipient: str = doc("Mail address; of a notification the name of its target.")
    language: str = doc("`ja` or `en`.")
    subject: str = doc("The subject.")
    text: str = doc("The body as plain text.")
    html: str = doc("The body as HTML; empty if there is none.")
    headers: dict[str, str] = doc("Additional headers, such as `In-Reply-To`.")
    items: list[str] = doc("Ids of the checklist items asked for, in the order of their numbers.")
    message_id: str | None = doc("Its `Message-ID`; null for a notification.")
    answers: int | None = doc("`id` of the message that it answers; null if it answers none.")
    made_by: str = doc("The person who wrote it; empty if sodan did.")
    created_at: datetime = doc("When it was written.")
    attempts: int = doc("How often sending was attempted.")
    in_doubt: int = doc("How often a sender stopped while sending: it may have been sent so many times more.")
    reason: str | None = doc("Why it is held as a draft, is delayed, or failed; null if there is no problem.")
    sent_at: datetime | None = doc("When the server accepted it; null until then.")
    reply: str | None = doc("Last reply of the server; null before the first attempt.")
    report: dict[str, Any] | None = doc("Delivery report that was returned (RFC 3464); null if none was.")


class OutboxPage(Out):
    """A page of outbox entries."""

    items: list[OutboxEntry] = doc("The entries, newest first.")
    next: int | None = doc("`cursor` of the next page; null on the last page.")


Id = Annotated[int, Path(ge=1, le=2**53, description="Id of the outbox entry.")]
Before = Annotated[int | None, Query(ge=1, le=2**53, description="`next` of the previous page.")]
State = Annotated[
    Literal["draft", "waiting", "sent", "failed", "discarded"] | None, Query(description="Only entries in this state.")
]
HIDDEN = ("leased_by", "leased_until", "once", "case_id", "channel", "due_at")


router = APIRouter(prefix="/api/outbox", tags=["outbox"])


@router.get("", response_model=OutboxPage, responses=documented(400, 503))
def list_outbox_entries(
    request: Request, desk: TheDesk, state: State = None, limit: Limit = 50, cursor: Before = None
) -> Response:
    """List outgoing mails and notifications, newest first."""
    rows = desk.database.read(lambda conn: outbox.listing(conn, state, limit + 1, cursor))
    return page_of_rows(request, rows, limit, lambda row: entry(row, desk.prefix))


@router.get("/{id}", response_model=OutboxEntry, responses=documented(404, 503))
def read_outbox_entry(desk: TheDesk, id: Id) -> Response:
    """Return one outgoing mail: text, state, the reply of the server, the delivery report."""
    return answer(entry(desk.database.read(lambda conn: outbox.entry(conn, id)), desk.prefix))


@router.post("/{id}/send", response_model=OutboxEntry, responses=documented(404, 409, 503))
def send_outbox_entry(desk: TheDesk, who: Who, id: Id) -> Response:
    """Send a draft, or try a failed mail again."""
    return _changed(desk, id, outbox.send_again, who)


@router.delete("/{id}", response_model=OutboxEntry, responses=documented(404, 409, 503))
def discard_outbox_entry(desk: TheDesk, who: Who, id: Id) -> Response:
    """Discard a draft, a waiting mail or a failed mail, so that it is not sent."""
    return _changed(desk, id, outbox.discard, who)


def _changed(desk: Desk, id: int, change: Callable[[Connection, int, str, datetime], None], who: str) -> Response:
    now = desk.now()

    def write(conn: Connection) -> dict[str, Any]:
        change(conn, id, who, now)
        return outbox.entry(conn, id)

    return answer(entry(desk.database.transact(write), desk.prefix))


def entry(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return a row of the outbox as the API shows it."""
    case = None if row["case_id"] is None else key_of(row["case_id"], prefix)
    return {"case": case, **{name: value for name, value in row.items() if name not in HIDDEN}}
