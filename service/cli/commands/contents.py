"""`sodan contents`: where raw mails are stored."""

from __future__ import annotations

from cyclopts import App

from service.cli.commands import start

app = App(name="contents", help="Raw mails: check them, and move them to another store.")


@app.command
def check() -> int:
    """Read every raw mail and compare it with what was received; exit status 1 if one is missing or changed."""
    from service.cli.terminal.contents import check_contents
    from service.store.blob_store import outside

    settings = start.settings()
    return check_contents(start.database(settings), outside(settings), start.now())


@app.command
def move(*, before: str | None = None) -> int:
    """Move every raw mail to the place set by SODAN_CONTENT_STORE. sodan may keep running.

    Parameters
    ----------
    before
        The previous value of SODAN_CONTENT_STORE, if it was a folder or a bucket. Nothing is deleted there.
    """
    from service.cli.terminal.contents import move_contents
    from service.store.blob_store import outside

    settings = start.settings()
    old = outside(start.settings(content_store=before)) if before is not None else None
    return move_contents(start.database(settings), outside(settings), settings.content_store_from_bytes, old)


@app.command
def tidy() -> int:
    """Delete files in SODAN_CONTENT_STORE that belong to no mail. A crash can leave such a file."""
    from service.cli.terminal.contents import tidy_contents
    from service.store.blob_store import outside

    settings = start.settings()
    return tidy_contents(start.database(settings), outside(settings), start.now())
