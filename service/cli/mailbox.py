"""`sodan mailbox`: mail fetched from mailboxes on other servers."""

from cyclopts import App

from service.cli import start

mailbox = App(name="mailbox", help="Fetch mail from mailboxes (SODAN_MAILBOXES): list, test, run, forget.")


@mailbox.command(name="list")
def mailbox_list(*, json: start.Json = False) -> int:
    """List mailboxes and their state. Exit status 1: a mailbox cannot be read, or a mail could not be fetched."""
    from service.cli.mailbox_checks import list_mailboxes
    from service.mailbox.file import load

    settings = start.settings()
    return list_mailboxes(load(settings), start.database(settings), start.now(), settings.zone, as_json=json)


@mailbox.command(name="test")
def mailbox_test(*names: str, round_trip: bool = False, seconds: float = 120) -> int:
    """Test mailboxes: sign in, open the folders, check permissions, read a mail. Print how to solve each problem.

    Args:
        names: Only these mailboxes. Default: all.
        round_trip: Also send a mail to the mailbox by SODAN_SMARTHOST, wait for it, and flag or move it. Without
            SODAN_SMARTHOST, you are asked to send one.
        seconds: Seconds to wait for that mail.
    """
    from service.cli.mailbox_checks import chosen, examine

    settings = start.settings()
    waits = seconds if round_trip else None
    return examine(settings, chosen(settings, names), start.database(settings), waits)


@mailbox.command(name="run")
def mailbox_run(*names: str, dry_run: bool = False) -> int:
    """Only fetch mail. `sodan serve` does this too if SODAN_MAILBOXES is set.

    Args:
        names: Only these mailboxes. Default: all.
        dry_run: Print the mails that the command would fetch, and do not fetch them.
    """
    from service.cli.mailbox_checks import chosen, preview
    from service.mailbox.run import run_mailboxes

    settings = start.settings()
    mailboxes = chosen(settings, names)
    if dry_run:
        return preview(settings, mailboxes, start.database(settings))
    start.log_to_stderr(settings)
    run_mailboxes(settings, mailboxes)
    return 0


@mailbox.command(name="forget")
def mailbox_forget(name: str) -> None:
    """Stop reporting a mailbox that you no longer use. sodan keeps its mails.

    Args:
        name: Name of the mailbox in the file of SODAN_MAILBOXES.
    """
    from service.errors import NotFound
    from service.store import mailboxes

    settings, now = start.settings(), start.now()
    if not start.database(settings).transact(lambda conn: mailboxes.forget(conn, name, now)):
        raise NotFound(f"no mail was ever fetched from a mailbox {name}; `sodan mailbox list` shows the names")
    start.say(f"{name} is no longer reported, until sodan fetches mail from this mailbox again")
