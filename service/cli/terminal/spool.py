"""`sodan spool`: received mails and their state."""

from __future__ import annotations

import sys
from datetime import datetime

from service.cli.terminal.tables import print_rows
from service.errors import Refused
from service.store import contents, spool, spool_view
from service.store.blob_store import BlobStore
from service.store.database import Database

COLUMNS = ("id", "state", "received_at", "channel", "mail_from", "size", "attempts", "reason")
FOUND_WRONG = 1


def list_entries(database: Database, *, state: str | None, limit: int, as_json: bool) -> int:
    """Print the mails, newest first; return status 1 if any mail was set aside."""
    rows = database.read(lambda conn: spool_view.listing(conn, state, limit))
    shown = [{name: value for name, value in row.items() if not name.startswith("leased")} for row in rows]
    print_rows(shown, COLUMNS, as_json=as_json)
    return FOUND_WRONG if database.read(spool_view.undone).get("shunted") else 0


def show_entry(database: Database, outside: BlobStore | None, id: str, *, raw: bool) -> int:
    """Print one entry, or its mail byte for byte."""
    if raw:
        sys.stdout.buffer.write(contents.content(database, outside, id))
        return 0
    row = database.read(lambda conn: spool_view.entry(conn, id))
    print_rows([{"name": name, "value": value} for name, value in row.items()], ("name", "value"), as_json=False)
    return FOUND_WRONG if row["state"] == "shunted" else 0


def retry_entries(database: Database, ids: tuple[str, ...], *, everything: bool, now: datetime) -> int:
    """Let the worker try mails again."""
    if bool(ids) == everything:
        raise Refused("give the ids of the mails to retry, or --all")
    if everything:
        count = database.transact(lambda conn: spool.retry_all(conn, now))
    else:
        for id in ids:
            database.transact(lambda conn, id=id: spool.retry(conn, id, now))  # type: ignore[misc]
        count = len(ids)
    print(f"sodan: {count} mails will be retried by a worker", file=sys.stderr)
    return 0
