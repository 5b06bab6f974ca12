"""`sodan mailbox`: mail fetched from mailboxes on other servers."""

from __future__ import annotations

from cyclopts import App

from service.cli.commands import start

app = App(name="mailbox", help="Mailboxes to fetch from (SODAN_MAILBOXES): list them, test them, fetch.")


@app.command(name="list")
def mailbox_list(*, json: bool = False) -> int:
    """List mailboxes and their state; exit status 1 if one cannot be read or a mail could not be fetched.

    Parameters
    ----------
    json
        JSON Lines instead of a table.
    """
    from service.cli.terminal.mailboxes import list_mailboxes
    from service.mailbox.file import load

    settings = start.settings()
    return list_mailboxes(load(settings), start.database(settings), start.now(), as_json=json)


@app.command(name="test")
def mailbox_test(*names: str, round_trip: bool = False, seconds: float = 120) -> int:
    """Sign in, open the folders, check permissions, read a mail; report how to solve each failure.

    Parameters
    ----------
    names
        Only these mailboxes. Default: all.
    round_trip
        Also send a mail to the mailbox by SODAN_SMARTHOST (without one: ask for a mail), wait for it, flag or move it.
    seconds
        How long to wait for that mail.
    """
    from service.cli.terminal.mailboxes import chosen, examine
    from service.mailbox.file import load

    settings = start.settings()
    waits = seconds if round_trip else None
    return examine(settings, chosen(load(settings), names), start.database(settings), waits)


@app.command(name="run")
def mailbox_run(*names: str, dry_run: bool = False) -> int:
    """Only fetch mail (included in `sodan serve` if SODAN_MAILBOXES is set).

    Parameters
    ----------
    names
        Only these mailboxes. Default: all.
    dry_run
        Print the mails that would be fetched now, without fetching them.
    """
    from service.cli.terminal.mailboxes import chosen, preview
    from service.mailbox.file import load
    from service.mailbox.run import run_mailboxes

    settings = start.settings()
    mailboxes = chosen(load(settings), names)
    if dry_run:
        return preview(settings, mailboxes, start.database(settings))
    start.log_to_stderr(settings)
    run_mailboxes(settings, mailboxes)
    return 0


@app.command(name="forget")
def mailbox_forget(name: str) -> int:
    """Stop reporting a mailbox that is not fetched from any more; its mails are kept.

    Parameters
    ----------
    name
        Its name in the mailboxes file.
    """
    from service.errors import NotFound
    from service.store import mailboxes

    settings, now = start.settings(), start.now()
    if not start.database(settings).transact(lambda conn: mailboxes.forget(conn, name, now)):
        raise NotFound(f"no mailbox was ever fetched from as {name}")
    start.say(f"{name} is reported no longer, until it is fetched from again")
    return 0
