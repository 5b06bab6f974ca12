"""The spool: received mails that are waiting, done, shunted or refused, with the reason."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from service.api.case_schema import Out, doc, page_of
from service.api.dependencies import TheDesk, must_be_admin
from service.api.paging import Limit, answer, page_of_rows
from service.api.problems import error_responses
from service.store import spool, spool_view

SpoolState = Literal["waiting", "done", "shunted", "refused"]


class SpoolEntry(Out):
    """A mail as it was received, and the state of its processing."""

    id: str = doc("Id of the entry; the 250 reply of SMTP contains it.")
    state: SpoolState = doc(
        "`waiting`: not processed yet. `done`: the mail is in a case. `shunted`: set aside after three failed "
        "attempts. `refused`: not used in this version."
    )
    received_at: datetime = doc("When sodan received the mail.")
    done_at: datetime | None = doc("When a worker processed the mail; null until then.", None)
    due_at: datetime | None = doc("Earliest time of the next attempt.", None)
    channel: str = doc("How sodan received the mail: `smtp`, `lmtp`, `import` or `mailbox`.")
    source: str | None = doc("Path of the imported file, or name of the mailbox; null for SMTP and LMTP.", None)
    peer: str | None = doc("IP address of the sending host; null if the mail did not arrive by SMTP.", None)
    helo: str | None = doc("Name that the sending host gave; null if the mail did not arrive by SMTP.", None)
    authserv: str | None = doc("Server whose Authentication-Results sodan trusts; null: `SODAN_AUTHSERV_ID`.", None)
    mail_from: str = doc("Sender of the envelope; empty for a delivery report.")
    rcpt_tos: list[str] = doc("Recipients of the envelope.")
    size: int = doc("Size in bytes.")
    sha256: str = doc("SHA-256 of the mail, in hexadecimal.", "")
    attempts: int = doc("How often a worker tried to process the mail.")
    given_up: int = doc("How often the database aborted the transaction when the mail was processed alone.", 0)
    reason: str | None = doc("Why the mail is not processed; null if there is no problem.")


SpoolPage = page_of("SpoolPage", SpoolEntry, "A page of received mails.", "The mails, newest first.")
Id = Annotated[str, Path(max_length=36, description="Id of the received mail; the 250 reply of SMTP contains it.")]
Before = Annotated[str | None, Query(max_length=36, pattern="^[0-9a-f-]+$", description="`next` of the previous page.")]
State = Annotated[SpoolState | None, Query(description="Only mails in this state.")]
ADMIN = [Depends(must_be_admin)]


router = APIRouter(prefix="/api/spool", tags=["spool"])


@router.get("", response_model=SpoolPage, responses=error_responses(400))
def list_spool_entries(
    request: Request, desk: TheDesk, state: State = None, limit: Limit = 50, cursor: Before = None
) -> Response:
    """List received mails, newest first."""
    rows = desk.database.read(lambda conn: spool_view.listing(conn, state, limit + 1, cursor))
    return page_of_rows(request, rows, limit)


@router.get("/{id}", response_model=SpoolEntry, responses=error_responses(404))
def read_spool_entry(desk: TheDesk, id: Id) -> Response:
    """Return one received mail: envelope, attempts, reason."""
    return answer(desk.database.read(lambda conn: spool_view.entry(conn, id)))


@router.post("/{id}/retry", response_model=SpoolEntry, responses=error_responses(404, 409), dependencies=ADMIN)
def retry_spool_entry(desk: TheDesk, id: Id) -> Response:
    """Process a shunted mail again. Needs a token with the scope admin."""
    now = desk.now()

    def retry(conn: Any) -> dict[str, Any]:
        spool.retry(conn, id, now)
        return spool_view.entry(conn, id)

    return answer(desk.database.transact(retry))
