"""The outbox: mail and notifications that sodan sends, with delivery reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from service.api import schemas
from service.api.dependencies import TheDesk, Who
from service.api.paging import Limit, answer, page_at
from service.api.problems import documented
from service.desk import Desk
from service.store import outbox
from service.store.cases import key_of
from service.store.database import Connection

Id = Annotated[int, Path(ge=1, le=2**53, description="Id of the outbox entry.")]
Before = Annotated[int | None, Query(ge=1, le=2**53, description="`next` of the previous page.")]
State = Annotated[
    Literal["draft", "waiting", "sent", "failed", "discarded"] | None, Query(description="Only entries in this state.")
]
HIDDEN = ("leased_by", "leased_until", "once", "case_id", "channel", "due_at")


router = APIRouter(prefix="/api/outbox", tags=["outbox"])


@router.get("", response_model=schemas.OutboxPage, responses=documented(400, 503))
def list_outbox_entries(
    request: Request, desk: TheDesk, state: State = None, limit: Limit = 50, cursor: Before = None
) -> Response:
    """List outgoing mails and notifications, newest first."""
    rows = desk.database.read(lambda conn: outbox.listing(conn, state, limit + 1, cursor))
    shown = rows[:limit]
    after = shown[-1]["id"] if len(rows) > limit else None
    return page_at(request, [entry(row, desk.prefix) for row in shown], after)


@router.get("/{id}", response_model=schemas.OutboxEntry, responses=documented(404, 503))
def read_outbox_entry(desk: TheDesk, id: Id) -> Response:
    """Return one outgoing mail: text, state, the reply of the server, the delivery report."""
    return answer(entry(desk.database.read(lambda conn: outbox.entry(conn, id)), desk.prefix))


@router.post("/{id}/send", response_model=schemas.OutboxEntry, responses=documented(404, 409, 503))
def send_outbox_entry(desk: TheDesk, who: Who, id: Id) -> Response:
    """Send a draft, or try a failed mail again."""
    return _changed(desk, id, outbox.send_again, who)


@router.delete("/{id}", response_model=schemas.OutboxEntry, responses=documented(404, 409, 503))
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
    """Return an outbox entry as it is shown to clients."""
    case = None if row["case_id"] is None else key_of(row["case_id"], prefix)
    return {"case": case, **{name: value for name, value in row.items() if name not in HIDDEN}}
