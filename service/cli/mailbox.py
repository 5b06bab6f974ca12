"""`sodan mailbox`: mail fetched from mailboxes on other servers."""

import contextlib
import threading
from collections.abc import Sequence
from datetime import datetime
from email import message_from_bytes
from functools import partial
from typing import Annotated, Any

from cyclopts import App, Parameter

from service.cli import start
from service.cli.printing import print_rows, visible
from service.errors import NotFound, SodanError
from service.mail.authentication import parse as parse_results
from service.mailbox.run import run_mailboxes, source_of
from service.mailbox.settings import Mailbox, load
from service.mailbox.source import FolderMissing, MailboxError, Source
from service.settings import Settings
from service.store import mailboxes

Names = Annotated[str, Parameter(help="Only these mailboxes. Default: all.")]
COLUMNS = ("name", "server", "folders", "after", "state", "last_success_at", "taken", "failed", "cause", "next_step")

mailbox = App(name="mailbox", help="Fetch mail from mailboxes (SODAN_MAILBOXES): list, test, run, forget.")


@mailbox.command(name="list")
def mailbox_list(*, json: start.Json = False) -> int:
    """List mailboxes and their state. Exit status 1: a mailbox cannot be read, or a mail could not be fetched."""
    settings, now = start.settings(), start.now()
    by_name, database = {mailbox.name: mailbox for mailbox in load(settings)}, start.database(settings)
    statuses = {status.name: status for status in database.read(mailboxes.statuses)}
    rows = [_row(name, by_name.get(name), statuses.get(name), now) for name in {**by_name, **statuses}]
    print_rows(rows, COLUMNS, as_json=json, zone=settings.zone)
    wrong = any(row["state"] not in ("ok", "never fetched from") or row["failed"] for row in rows)
    for name in statuses:
        for mail in database.read(partial(mailboxes.problem_mails, name=name)):
            start.say(f"{name}: {visible(mail['folder'])} {visible(mail['place'])}: {mail['reason']}")
            wrong = True
    return start.FOUND_WRONG if wrong else 0


@mailbox.command(name="test")
def mailbox_test(*names: Names) -> int:
    """Test mailboxes: sign in, open the folders, check permissions, read a mail. Print how to solve each problem."""
    settings, wrong = start.settings(), False
    configured, database = _configured(settings, names), start.database(settings)
    for mailbox in configured:
        with contextlib.closing(source_of(mailbox, settings, database, threading.Event().wait)) as source:
            try:
                source.open()
                for folder in mailbox.folders:
                    wrong |= not _test_folder(mailbox, source, folder, settings)
            except MailboxError as error:
                wrong = not _print_result(False, mailbox.name, error.cause, error.next_step)
            except SodanError as error:
                wrong = not _print_result(False, mailbox.name, str(error))
    return start.FOUND_WRONG if wrong else 0


@mailbox.command(name="run")
def mailbox_run(*names: Names) -> None:
    """Only fetch mail. `sodan serve` does this too if SODAN_MAILBOXES is set."""
    settings = start.settings()
    configured = _configured(settings, names)
    start.log_to_stderr(settings)
    run_mailboxes(settings, configured)


@mailbox.command(name="forget")
def mailbox_forget(name: Annotated[str, Parameter(help="Its name in the file of SODAN_MAILBOXES.")]) -> None:
    """Remove a mailbox that you no longer use from `sodan mailbox list`, `sodan doctor`, the metrics and the page.

    First remove it from the file of SODAN_MAILBOXES. sodan keeps the mails that it fetched.
    """
    settings, now = start.settings(), start.now()
    if not start.database(settings).transact(lambda conn: mailboxes.forget(conn, name, now)):
        raise NotFound(f"no mail was ever fetched from a mailbox {name}; `sodan mailbox list` shows the names")
    start.say(f"{name} is removed; if sodan fetches mail from this mailbox again, it is listed again")


def _configured(settings: Settings, names: Sequence[str]) -> list[Mailbox]:
    """Return the configured mailboxes with these names, or all if no name is given. Raises SodanError."""
    by_name = {mailbox.name: mailbox for mailbox in load(settings)}
    if not by_name:
        raise SodanError("SODAN_MAILBOXES: not set; set it to the file that lists the mailboxes (docs/mailboxes.md)")
    for name in names:
        if name not in by_name:
            raise SodanError(f"there is no mailbox {name} in SODAN_MAILBOXES; it has {', '.join(by_name)}")
    return [by_name[name] for name in names] or list(by_name.values())


def _row(name: str, mailbox: Mailbox | None, status: mailboxes.Status | None, now: datetime) -> dict[str, Any]:
    server = None if mailbox is None else mailbox.imap.host if mailbox.imap else "Microsoft Graph"
    after = None if mailbox is None else mailbox.after.move or mailbox.after.flag or "leave"
    row: dict[str, Any] = {"name": name, "server": server, "folders": mailbox and mailbox.folders, "after": after}
    if status is None:
        return {**row, "state": "never fetched from", "failed": 0, "taken": 0}
    if mailbox is None:
        state, step = "not configured", f"if it is no longer used, run `sodan mailbox forget {name}`"
    elif status.away_since(now):
        state, step = "away", status.next_step or "start `sodan serve` or `sodan mailbox run`"
    else:
        state, step = "failing" if status.failing_since else "ok", status.next_step or ""
    return {
        **row, "state": state, "last_success_at": status.last_success_at, "taken": status.taken,
        "failed": status.failed, "cause": status.cause, "next_step": step, "lag_seconds": status.lag_seconds,
    }  # fmt: skip


def _test_folder(mailbox: Mailbox, source: Source, folder: str, settings: Settings) -> bool:
    """Test a folder, print the results, and return whether there is no problem."""
    try:
        state = source.examine(folder)
    except FolderMissing as error:
        return _print_result(False, mailbox.name, error.cause, error.next_step)
    mails = "mail" if state.mails is None else start.counted(state.mails, "mail")
    _print_result(True, mailbox.name, f"signed in; the folder {folder} has {mails}")
    for note in state.notes:
        print(f"note   {mailbox.name}: {note}")
    fine = True
    for cause, step in state.problems:
        fine = _print_result(False, mailbox.name, cause, step)
    page = next(iter(source.pages(folder, None, mailbox.since_moment(settings))), None)
    if page is None or not page.mails:
        return _print_result(True, mailbox.name, f"{folder}: no mail to fetch") and fine
    newest = page.mails[-1]
    content = source.fetch(folder, [newest]).get(newest.place)
    if content is not None:
        what = f"{newest.arrived_at:%Y-%m-%d %H:%M}Z, {len(content)} bytes"
        _print_result(True, mailbox.name, f"{folder}: read the newest mail ({what})")
        server = _topmost_server(content)
        if mailbox.authserv and server not in (None, mailbox.authserv):
            note = f"Authentication-Results of this mail is from {server}, but authserv is {mailbox.authserv}"
            print(f"note   {mailbox.name}: {visible(note)}")
    if not mailbox.trusted_authserv:
        note = "authserv is not set, so sodan does not verify senders of your own domains"
        print(f"note   {mailbox.name}: {note}")
    return fine


def _print_result(fine: bool, name: str, result: str, next_step: str = "") -> bool:
    """Print the result of a check, and return ``fine``."""
    print(f"{'ok   ' if fine else 'WRONG'}  {name}: {visible(result)}{': ' if next_step else ''}{next_step}")
    return fine


def _topmost_server(content: bytes) -> str | None:
    """Return the server that wrote the topmost header Authentication-Results (RFC 8601), or None."""
    value = message_from_bytes(content).get("Authentication-Results")
    results = parse_results(str(value)) if value is not None else None
    return results.authserv or None if results is not None else None
