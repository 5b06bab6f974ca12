"""`sodan mailbox`: mail fetched from mailboxes that other servers keep."""

from __future__ import annotations

from cyclopts import App

from service.cli.commands import start

app = App(name="mailbox", help="Mailboxes to fetch from (SODAN_MAILBOXES): list them, test them, fetch.")


@app.command(name="list")
def mailbox_list(*, json: bool = False) -> int:
    """List mailboxes and how they do; exit status 1 if one cannot be read or a mail could not be taken.

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
    """Sign in, open the folders, look at rights, read a mail; say what to do about each failure.

    Parameters
    ----------
    names
        Only these. Without it, all.
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
    """Only fetch mail (a part of `sodan serve` where SODAN_MAILBOXES is set).

    Parameters
    ----------
    names
        Only these. Without it, all.
    dry_run
        Print what would be taken now, and take nothing.
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
    """Report a mailbox no longer that is fetched from no more; what came from it stays.

    Parameters
    ----------
    name
        As in the file it stood in.
    """
    from service.errors import NotFound
    from service.store import mailboxes

    settings, now = start.settings(), start.now()
    if not start.database(settings).transact(lambda conn: mailboxes.forget(conn, name, now)):
        raise NotFound(f"no mailbox was ever fetched from as {name}")
    start.say(f"{name} is reported no longer, until it is fetched from again")
    return 0
