"""`sodan spool`: received mails that are waiting or set aside."""

from __future__ import annotations

from typing import Literal

from cyclopts import App

from service.cli.commands import start

State = Literal["waiting", "done", "shunted", "refused"]

app = App(name="spool", help="Received mail: list it, show it, retry mails that were set aside.")


@app.command(name="list")
def spool_list(*, state: State | None = None, limit: int = 100, json: bool = False) -> int:
    """List received mails, newest first; exit status 1 if one is shunted (set aside after three failed attempts).

    Parameters
    ----------
    state
        Only mails in this state.
    limit
        Maximum number of mails.
    json
        JSON Lines instead of a table.
    """
    from service.cli.terminal.spool import list_entries

    return list_entries(start.database(start.settings()), state=state, limit=limit, as_json=json)


@app.command(name="show")
def spool_show(id: str, *, raw: bool = False) -> int:
    """Show one received mail: envelope, state, attempts, and the reason if it failed.

    Parameters
    ----------
    id
        Its id in `sodan spool list`; the 250 reply of SMTP contains it too.
    raw
        Print the mail itself, exactly as it was received.
    """
    from service.cli.terminal.spool import show_entry
    from service.store.blob_store import outside

    settings = start.settings()
    return show_entry(start.database(settings), outside(settings), id, raw=raw)


@app.command(name="retry")
def spool_retry(ids: tuple[str, ...] = (), *, all: bool = False) -> int:
    """Retry mails that were set aside (shunted). A worker processes them.

    Parameters
    ----------
    ids
        Their ids in `sodan spool list`.
    all
        Retry all of them.
    """
    from service.cli.terminal.spool import retry_entries

    return retry_entries(start.database(start.settings()), ids, everything=all, now=start.now())
