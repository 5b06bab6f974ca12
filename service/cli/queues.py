"""`sodan spool` and `sodan outbox`: received mail that waits or failed, and mail to send."""

import getpass
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from service.cli import start
from service.cli.printing import print_fields, print_rows
from service.errors import Refused
from service.settings import Settings
from service.store import contents, spool_view
from service.store import outbox as outgoing
from service.store import spool as received
from service.store.blob_store import blob_store_of
from service.store.cases import key_of
from service.store.database import Connection

spool = App(name="spool", help="Received mail: list, show, retry mails that sodan set aside.")
outbox = App(name="outbox", help="Mail that sodan sends: list, show, send, discard.")
RECEIVED = ("id", "state", "received_at", "channel", "mail_from", "size", "attempts", "reason")
SENT = ("id", "state", "kind", "recipient", "subject", "created_at", "attempts", "reason")


SpoolState = Annotated[
    Literal["waiting", "done", "shunted", "refused"] | None, Parameter(help="Only mails in this state.")
]
SpoolId = Annotated[str, Parameter(help="Id of the mail in `sodan spool list` or in the 250 reply of SMTP.")]
OutboxState = Annotated[outgoing.State | None, Parameter(help="Only entries in this state.")]
OutboxId = Annotated[int, Parameter(help="Id of the mail in `sodan outbox list`.")]


@spool.command(name="list")
def spool_list(*, state: SpoolState = None, limit: start.Limit = 100, json: start.Json = False) -> int:
    """List received mails, newest first. Exit status 1: a mail is shunted (set aside after three failed attempts)."""
    settings = start.settings()
    database = start.database(settings)
    rows = database.read(lambda conn: spool_view.listing(conn, state, limit))
    print_rows(rows, RECEIVED, as_json=json, zone=settings.zone)
    return start.FOUND_WRONG if database.read(spool_view.counts_not_done).get("shunted") else 0


@spool.command(name="show")
def spool_show(id: SpoolId, *, raw: bool = False) -> int:
    """Show one received mail: envelope, state, attempts, and the reason if it failed.

    Args:
        raw: Print the mail itself, exactly as it was received.
    """
    settings = start.settings()
    database = start.database(settings)
    if raw:
        sys.stdout.buffer.write(contents.content(database, blob_store_of(settings), id))
        return 0
    row = database.read(lambda conn: spool_view.entry(conn, id))
    print_fields(row, settings.zone)
    return start.FOUND_WRONG if row["state"] == "shunted" else 0


@spool.command(name="retry")
def spool_retry(*ids: SpoolId, all: Annotated[bool, Parameter(help="Retry all of these mails.")] = False) -> None:
    """Retry mails that sodan set aside (shunted). A worker then processes the mails again."""
    if bool(ids) == all:
        raise Refused("give the ids of the mails to retry, or --all")
    database, now, count = start.database(start.settings()), start.now(), len(ids)
    if all:
        count = database.transact(lambda conn: received.retry_all(conn, now))
    for id in ids:
        database.transact(partial(received.retry, id=id, now=now))
    start.say(f"a worker will retry {start.counted(count, 'mail')}")


@outbox.command(name="list")
def outbox_list(*, state: OutboxState = None, limit: start.Limit = 100, json: start.Json = False) -> int:
    """List outgoing mails and notifications, newest first. Exit status 1: one of them failed."""
    settings = start.settings()
    database = start.database(settings)
    rows = database.read(lambda conn: outgoing.listing(conn, state, limit))
    print_rows((_with_key(row, settings) for row in rows), SENT, as_json=json, zone=settings.zone)
    return start.FOUND_WRONG if database.read(outgoing.counts).get("failed") else 0


@outbox.command(name="show")
def outbox_show(id: OutboxId) -> int:
    """Show one outgoing mail: its text, and the result of sending it."""
    settings = start.settings()
    row = start.database(settings).read(lambda conn: outgoing.entry(conn, id))
    text, _ = row.pop("text"), row.pop("html")
    print_fields(_with_key(row, settings), settings.zone)
    print(f"\n{text}")
    return start.FOUND_WRONG if row["state"] == "failed" else 0


@outbox.command(name="send")
def outbox_send(*ids: OutboxId) -> None:
    """Send drafts, or try again to send failed mails."""
    _change(ids, outgoing.send_again, "will be sent")


@outbox.command(name="discard")
def outbox_discard(*ids: OutboxId) -> None:
    """Discard mails: sodan does not send them."""
    _change(ids, outgoing.discard, "discarded")


def _change(ids: Sequence[int], change: Callable[[Connection, int, str, datetime], None], result: str) -> None:
    """Change several outbox entries in one transaction, and print how many were changed."""
    if not ids:
        raise Refused("give the ids of the mails; `sodan outbox list` shows them")
    now, who = start.now(), getpass.getuser()

    def change_all(conn: Connection) -> None:
        for id in ids:
            change(conn, id, who, now)

    start.database(start.settings()).transact(change_all)
    start.say(f"{len(ids)} {result}")


def _with_key(row: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Return a row of the outbox with the key of its case instead of the number."""
    key = row["case_id"] and key_of(row["case_id"], settings.case_prefix)
    return {"case" if name == "case_id" else name: key if name == "case_id" else row[name] for name in row}
