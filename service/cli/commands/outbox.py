"""`sodan outbox`: mail and notifications that sodan sends: drafts, waiting, sent, failed."""

from __future__ import annotations

from typing import Literal

from cyclopts import App

from service.cli.commands import start

State = Literal["draft", "waiting", "sent", "failed", "discarded"]

app = App(name="outbox", help="Mail that sodan sends: list, show, send, discard.")


@app.command(name="list")
def outbox_list(*, state: State | None = None, limit: int = 100, json: bool = False) -> int:
    """List outgoing mails and notifications, newest first; exit status 1 if one failed.

    Parameters
    ----------
    state
        Only entries in this state.
    limit
        Maximum number of entries.
    json
        JSON Lines instead of a table.
    """
    from service.cli.terminal.outbox import list_entries

    return list_entries(start.database(start.settings()), state=state, limit=limit, as_json=json)


@app.command(name="show")
def outbox_show(id: int) -> int:
    """Show one outgoing mail: its text, and the result of sending it.

    Parameters
    ----------
    id
        Its id in `sodan outbox list`.
    """
    from service.cli.terminal.outbox import show_entry

    return show_entry(start.database(start.settings()), id)


@app.command(name="send")
def outbox_send(*ids: int) -> int:
    """Send drafts, or try failed mails again.

    Parameters
    ----------
    ids
        Their ids in `sodan outbox list`.
    """
    from service.cli.terminal.outbox import send_entries

    return send_entries(start.database(start.settings()), ids, now=start.now())


@app.command(name="discard")
def outbox_discard(*ids: int) -> int:
    """Discard mails, so that they are not sent.

    Parameters
    ----------
    ids
        Their ids in `sodan outbox list`.
    """
    from service.cli.terminal.outbox import discard_entries

    return discard_entries(start.database(start.settings()), ids, now=start.now())
