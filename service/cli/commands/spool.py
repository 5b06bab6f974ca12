"""`sodan spool`: received mails that are waiting or set aside."""

from __future__ import annotations

import sys
from functools import partial
from typing import Literal

from cyclopts import App

from service.cli import start
from service.errors import Refused

COLUMNS = ("id", "state", "received_at", "channel", "mail_from", "size", "attempts", "reason")

app = App(name="spool", help="Received mail: list it, show it, retry mails that were set aside.")


@app.command(name="list")
def spool_list(
    *, state: Literal["waiting", "done", "shunted", "refused"] | None = None, limit: int = 100, json: bool = False
) -> int:
    """List received mails, newest first; exit status 1 if one is shunted (set aside after three failed attempts).

    Args:
        state: Only mails in this state.
        limit: Maximum number of mails.
        json: JSON Lines instead of a table.
    """
    from service.cli.terminal.tables import print_rows, without_lease
    from service.store import spool_view

    database = start.database(start.settings())
    rows = database.read(lambda conn: spool_view.listing(conn, state, limit))
    print_rows(map(without_lease, rows), COLUMNS, as_json=json)
    return start.FOUND_WRONG if database.read(spool_view.undone).get("shunted") else 0


@app.command(name="show")
def spool_show(id: str, *, raw: bool = False) -> int:
    """Show one received mail: envelope, state, attempts, and the reason if it failed.

    Args:
        id: Its id in `sodan spool list`; the 250 reply of SMTP contains it too.
        raw: Print the mail itself, exactly as it was received.
    """
    from service.cli.terminal.tables import print_fields
    from service.store import contents, spool_view
    from service.store.blob_store import outside

    settings = start.settings()
    database = start.database(settings)
    if raw:
        sys.stdout.buffer.write(contents.content(database, outside(settings), id))
        return 0
    row = database.read(lambda conn: spool_view.entry(conn, id))
    print_fields(row)
    return start.FOUND_WRONG if row["state"] == "shunted" else 0


@app.command(name="retry")
def spool_retry(ids: tuple[str, ...] = (), *, all: bool = False) -> int:
    """Retry mails that were set aside (shunted). A worker processes them.

    Args:
        ids: Their ids in `sodan spool list`.
        all: Retry all of them.
    """
    from service.store import spool

    if bool(ids) == all:
        raise Refused("give the ids of the mails to retry, or --all")
    database, now, count = start.database(start.settings()), start.now(), len(ids)
    if all:
        count = database.transact(lambda conn: spool.retry_all(conn, now))
    for id in ids:
        database.transact(partial(spool.retry, id=id, now=now))
    start.say(f"{count} mails will be retried by a worker")
    return 0
