"""`sodan outbox`: mail and notifications that sodan sends: drafts, waiting, sent, failed."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from cyclopts import App

from service.cli import start
from service.errors import Refused

if TYPE_CHECKING:
    from datetime import datetime

    from service.store.database import Connection

COLUMNS = ("id", "state", "kind", "recipient", "subject", "created_at", "attempts", "reason")

app = App(name="outbox", help="Mail that sodan sends: list, show, send, discard.")


@app.command(name="list")
def outbox_list(
    *,
    state: Literal["draft", "waiting", "sent", "failed", "discarded"] | None = None,
    limit: int = 100,
    json: bool = False,
) -> int:
    """List outgoing mails and notifications, newest first; exit status 1 if one failed.

    Args:
        state: Only entries in this state.
        limit: Maximum number of entries.
        json: JSON Lines instead of a table.
    """
    from service.cli.terminal.tables import print_rows, without_lease
    from service.store import outbox

    database = start.database(start.settings())
    rows = database.read(lambda conn: outbox.listing(conn, state, limit))
    print_rows(map(without_lease, rows), COLUMNS, as_json=json)
    return start.FOUND_WRONG if database.read(outbox.counts).get("failed") else 0


@app.command(name="show")
def outbox_show(id: int) -> int:
    """Show one outgoing mail: its text, and the result of sending it.

    Args:
        id: Its id in `sodan outbox list`.
    """
    from service.cli.terminal.tables import print_fields
    from service.store import outbox

    row = start.database(start.settings()).read(lambda conn: outbox.entry(conn, id))
    print_fields({name: value for name, value in row.items() if name not in ("text", "html")})
    print(f"\n{row['text']}")
    return start.FOUND_WRONG if row["state"] == "failed" else 0


@app.command(name="send")
def outbox_send(*ids: int) -> int:
    """Send drafts, or try failed mails again.

    Args:
        ids: Their ids in `sodan outbox list`.
    """
    from service.store import outbox

    return _change(ids, outbox.send_again, "will be sent")


@app.command(name="discard")
def outbox_discard(*ids: int) -> int:
    """Discard mails, so that they are not sent.

    Args:
        ids: Their ids in `sodan outbox list`.
    """
    from service.store import outbox

    return _change(ids, outbox.discard, "discarded")


def _change(ids: Sequence[int], change: Callable[[Connection, int, str, datetime], None], words: str) -> int:
    if not ids:
        raise Refused("give the ids of the mails; `sodan outbox list` shows them")
    now, who = start.now(), getpass.getuser()

    def all_of_them(conn: Connection) -> None:
        for id in ids:
            change(conn, id, who, now)

    start.database(start.settings()).transact(all_of_them)
    start.say(f"{len(ids)} {words}")
    return 0
