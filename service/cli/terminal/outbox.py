"""`sodan outbox`: outgoing entries and their results."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Sequence
from datetime import datetime

from service.cli.terminal.tables import print_rows
from service.errors import Refused
from service.store import outbox
from service.store.database import Connection, Database

COLUMNS = ("id", "state", "kind", "recipient", "subject", "created_at", "attempts", "reason")
FOUND_WRONG = 1


def list_entries(database: Database, *, state: str | None, limit: int, as_json: bool) -> int:
    """Print the entries, newest first; return status 1 if any entry failed."""
    rows = database.read(lambda conn: outbox.listing(conn, state, limit))
    shown = [{name: value for name, value in row.items() if not name.startswith("leased")} for row in rows]
    print_rows(shown, COLUMNS, as_json=as_json)
    return FOUND_WRONG if database.read(outbox.counts).get("failed") else 0


def show_entry(database: Database, id: int) -> int:
    """Print the fields of an entry, then its text."""
    row = database.read(lambda conn: outbox.entry(conn, id))
    fields = [{"name": name, "value": value} for name, value in row.items() if name not in ("text", "html")]
    print_rows(fields, ("name", "value"), as_json=False)
    print(f"\n{row['text']}")
    return FOUND_WRONG if row["state"] == "failed" else 0


def send_entries(database: Database, ids: Sequence[int], *, now: datetime) -> int:
    """Queue entries for the sender."""
    return _each(database, ids, outbox.send_again, now, "will be sent")


def discard_entries(database: Database, ids: Sequence[int], *, now: datetime) -> int:
    """Discard entries, so that they are not sent."""
    return _each(database, ids, outbox.discard, now, "discarded")


def _each(
    database: Database,
    ids: Sequence[int],
    change: Callable[[Connection, int, str, datetime], None],
    now: datetime,
    words: str,
) -> int:
    if not ids:
        raise Refused("give the ids of the mails; `sodan outbox list` shows them")
    who = getpass.getuser()

    def all_of_them(conn: Connection) -> None:
        for id in ids:
            change(conn, id, who, now)

    database.transact(all_of_them)
    print(f"sodan: {len(ids)} {words}", file=sys.stderr)
    return 0
