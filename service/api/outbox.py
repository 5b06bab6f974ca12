"""The outbox: mail and notifications that sodan sends, with delivery reports."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from service.api.case_schema import Out, doc, page_of
from service.api.dependencies import TheDesk, Who
from service.api.paging import Limit, answer, page_of_rows
from service.api.problems import error_responses
from service.desk import Desk
from service.store import outbox
from service.store.cases import key_of
from service.store.database import Connection


class OutboxEntry(Out):
    """A mail or a notification that sodan sends."""

    id: int = doc("Id of the entry.")
    case: str | None = doc("Key of the case; null if the entry is about no case, or about several (a digest).")
    kind: str = doc("`acknowledgement`, `questions`, `reminder`, `digest` or `notification`.")
    state: outbox.State = doc(
        "`draft`: a person must send or discard the mail. `waiting`: sodan will send it. `sent`: the outgoing mail "
        "server accepted it. `failed`: sodan could not send it, or it came back. `discarded`: sodan will not send it."
    )
    recipient: str = doc("Mail address. For a notification: the name of its target.")
    language: str = doc("`ja` or `en`.")
    subject: str = doc("The subject.")
    text: str = doc("The body as plain text.")
    html: str = doc("The body as HTML; empty if there is none.")
    headers: dict[str, str] = doc("Additional headers, such as `In-Reply-To`.")
    items: list[str] = doc("Ids of the checklist items that the mail asks for, in the order of their numbers.")
    message_id: str | None = doc("`Message-ID` of the mail; null for a notification.")
    answers: int | None = doc("`id` of the message that the mail answers; null if it answers none.")
    made_by: str = doc("The person who wrote the mail; empty if sodan did.")
    created_at: datetime = doc("When the entry was written.")
    attempts: int = doc("How often sodan tried to send the mail.")
    in_doubt: int = doc("How often a sender process died while it sent the mail. The recipient may have extra copies.")
    reason: str | None = doc("Why the mail is a draft, is delayed, or failed; null if there is no problem.")
    sent_at: datetime | None = doc("When the server accepted the mail; null until then.")
    reply: str | None = doc("Last reply of the server; null before the first attempt.")
    report: dict[str, Any] | None = doc("Delivery report that came back (RFC 3464); null if none did.")


OutboxPage = page_of("OutboxPage", OutboxEntry, "A page of outbox entries.", "The entries, newest first.", int)
Id = Annotated[int, Path(ge=1, le=2**53, description="Id of the outbox entry.")]
Before = Annotated[int | None, Query(ge=1, le=2**53, description="`next` of the previous page.")]
State = Annotated[outbox.State | None, Query(description="Only entries in this state.")]
HIDDEN = ("once", "case_id", "channel", "due_at")  # columns that the API does not show


router = APIRouter(prefix="/api/outbox", tags=["outbox"])


@router.get("", response_model=OutboxPage, responses=error_responses(400))
def list_outbox_entries(
    request: Request, desk: TheDesk, state: State = None, limit: Limit = 50, cursor: Before = None
) -> Response:
    """List outgoing mails and notifications, newest first."""
    rows = desk.database.read(lambda conn: outbox.listing(conn, state, limit + 1, cursor))
    return page_of_rows(request, [entry(row, desk.prefix) for row in rows], limit)


@router.get("/{id}", response_model=OutboxEntry, responses=error_responses(404))
def read_outbox_entry(desk: TheDesk, id: Id) -> Response:
    """Return one outgoing mail: text, state, the reply of the server, the delivery report."""
    return answer(entry(desk.database.read(lambda conn: outbox.entry(conn, id)), desk.prefix))


@router.post("/{id}/send", response_model=OutboxEntry, responses=error_responses(404, 409))
def send_outbox_entry(desk: TheDesk, who: Who, id: Id) -> Response:
    """Send a draft, or try again to send a failed mail."""
    return _changed(desk, id, outbox.send_again, who)


@router.delete("/{id}", response_model=OutboxEntry, responses=error_responses(404, 409))
def discard_outbox_entry(desk: TheDesk, who: Who, id: Id) -> Response:
    """Discard a draft, a waiting mail or a failed mail: sodan does not send it."""
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
