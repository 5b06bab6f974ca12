"""The spool: received mails that are waiting, done, shunted or refused, with the reason."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from service.api import schemas
from service.api.dependencies import TheDesk, must_be_admin
from service.api.paging import Limit, answer, page_at
from service.api.problems import documented
from service.store import spool, spool_view

Id = Annotated[str, Path(max_length=36, description="Id of the received mail; the 250 reply of SMTP contains it.")]
Before = Annotated[str | None, Query(max_length=36, pattern="^[0-9a-f-]+$", description="`next` of the previous page.")]
State = Annotated[
    Literal["waiting", "done", "shunted", "refused"] | None, Query(description="Only mails in this state.")
]


router = APIRouter(prefix="/api/spool", tags=["spool"])


@router.get("", response_model=schemas.SpoolPage, responses=documented(400, 503))
def list_spool_entries(
    request: Request, desk: TheDesk, state: State = None, limit: Limit = 50, cursor: Before = None
) -> Response:
    """List received mails, newest first."""
    rows = desk.database.read(lambda conn: spool_view.listing(conn, state, limit + 1, cursor))
    shown = rows[:limit]
    return page_at(request, [entry(row) for row in shown], shown[-1]["id"] if len(rows) > limit else None)


@router.get("/{id}", response_model=schemas.SpoolEntry, responses=documented(404, 503))
def read_spool_entry(desk: TheDesk, id: Id) -> Response:
    """Return one received mail: envelope, attempts, reason."""
    return answer(entry(desk.database.read(lambda conn: spool_view.entry(conn, id))))


@router.post(
    "/{id}/retry",
    response_model=schemas.SpoolEntry,
    responses=documented(404, 409, 503),
    dependencies=[Depends(must_be_admin)],
)
def retry_spool_entry(desk: TheDesk, id: Id) -> Response:
    """Process a shunted mail again. Needs a token with the scope admin."""
    now = desk.now()

    def again(conn: Any) -> dict[str, Any]:
        spool.retry(conn, id, now)
        return spool_view.entry(conn, id)

    return answer(entry(desk.database.transact(again)))


def entry(row: dict[str, Any]) -> dict[str, Any]:
    """Return a spool entry as it is shown to clients, without its lease."""
    return {name: value for name, value in row.items() if not name.startswith("leased")}
