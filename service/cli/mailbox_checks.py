"""The output of `sodan mailbox list`, `sodan mailbox test` and `sodan mailbox run --dry-run`."""

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr
from functools import partial
from typing import Any, TypeVar

from service.cli import start
from service.cli.tables import print_rows, visible
from service.errors import Refused, SodanError, Unavailable
from service.mail.authentication import parse as parse_results
from service.mailbox.file import Mailbox, load
from service.mailbox.run import source_of, stored_tokens
from service.mailbox.source import FolderMissing, ListedMail, MailboxError, Source
from service.outbound.policy import LOOP_HEADER
from service.outbound.setup import smarthost_of
from service.outbound.smarthost import NotSent, send_mail
from service.settings import Settings
from service.store import mailboxes
from service.store.database import Connection, Database

SEARCHED_TIME = timedelta(days=1)
"""The test mail is searched only among the mail of the last day, so that a large folder need not be listed."""
POLL_SECONDS = 2.0
T = TypeVar("T")
COLUMNS = ("name", "server", "folders", "after", "state", "last_success_at", "taken", "failed", "cause", "next_step")


def chosen(settings: Settings, names: Sequence[str]) -> list[Mailbox]:
    """Return the configured mailboxes with these names, or all if no name is given. Raises SodanError."""
    by_name = {mailbox.name: mailbox for mailbox in load(settings)}
    if not by_name:
        raise SodanError("SODAN_MAILBOXES: not set; set it to the file that lists the mailboxes (docs/mailboxes.md)")
    for name in names:
        if name not in by_name:
            raise SodanError(f"there is no mailbox {name} in SODAN_MAILBOXES; it has {', '.join(by_name)}")
    return [by_name[name] for name in names] or list(by_name.values())


def list_mailboxes(
    configured: Sequence[Mailbox], database: Database, now: datetime, zone: tzinfo, *, as_json: bool
) -> int:
    """Print the mailboxes, and the mails that were not fetched. Returns exit status 1 if there is a problem."""
    statuses = {status.name: status for status in database.read(mailboxes.statuses)}
    by_name = {mailbox.name: mailbox for mailbox in configured}
    rows = [_row(name, by_name.get(name), statuses.get(name), now) for name in {**by_name, **statuses}]
    print_rows(rows, COLUMNS, as_json=as_json, zone=zone)
    wrong = any(row["state"] not in ("ok", "never fetched from") or row["failed"] for row in rows)
    for name in statuses:
        for mail in database.read(partial(mailboxes.not_taken, name=name)):
            start.say(f"{name}: {visible(mail['folder'])} {visible(mail['place'])}: {mail['reason']}")
            wrong = True
    return start.FOUND_WRONG if wrong else 0


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


def examine(
    settings: Settings, configured: Sequence[Mailbox], database: Database, round_trip_seconds: float | None = None
) -> int:
    """Test the mailboxes, with a test mail if ``round_trip_seconds`` is given. Returns exit status 1 for a problem."""
    wrong = False
    for mailbox in configured:
        with contextlib.closing(_source(settings, mailbox, database)) as source:
            try:
                source.open()
                for folder in mailbox.folders:
                    wrong |= not _test_folder(mailbox, source, folder, settings)
                if round_trip_seconds is not None:
                    wrong |= not round_trip(settings, mailbox, source, round_trip_seconds)
            except MailboxError as error:
                wrong = not _say(False, mailbox.name, error.cause, error.next_step)
            except SodanError as error:
                wrong = not _say(False, mailbox.name, str(error))
    return start.FOUND_WRONG if wrong else 0


def _test_folder(mailbox: Mailbox, source: Source, folder: str, settings: Settings) -> bool:
    """Test a folder, print the results, and return whether there is no problem."""
    try:
        state = source.examine(folder)
    except FolderMissing as error:
        return _say(False, mailbox.name, error.cause, error.next_step)
    mails = "mail" if state.mails is None else start.counted(state.mails, "mail")
    _say(True, mailbox.name, f"signed in; the folder {folder} has {mails}")
    for note in state.notes:
        print(f"note   {mailbox.name}: {note}")
    fine = True
    for cause, step in state.problems:
        fine = _say(False, mailbox.name, cause, step)
    page = next(iter(source.pages(folder, None, mailbox.since_moment(settings))), None)
    if page is None or not page.mails:
        return _say(True, mailbox.name, f"{folder}: no mail to fetch") and fine
    newest = page.mails[-1]
    content = source.fetch(folder, [newest]).get(newest.place)
    if content is not None:
        what = f"{newest.arrived_at:%Y-%m-%d %H:%M}Z, {len(content)} bytes"
        _say(True, mailbox.name, f"{folder}: read the newest mail ({what})")
    if not mailbox.trusted_authserv:
        note = "authserv is not set, so sodan does not verify senders of your own domains"
        print(f"note   {mailbox.name}: {note}")
    return fine


def _say(fine: bool, name: str, result: str, next_step: str = "") -> bool:
    """Print the result of a check, and return ``fine``."""
    print(f"{'ok   ' if fine else 'WRONG'}  {name}: {visible(result)}{': ' if next_step else ''}{next_step}")
    return fine


def preview(settings: Settings, configured: Sequence[Mailbox], database: Database) -> int:
    """Print the mails that would be fetched now, and change nothing. Returns exit status 1 if there is a problem."""
    wrong = False
    for mailbox in configured:
        mails = 0
        with contextlib.closing(_source(settings, mailbox, database)) as source:
            try:
                source.open()
                for folder in mailbox.folders:
                    mails += _preview_folder(settings, mailbox, source, folder, database)
            except MailboxError as error:
                wrong = not _say(False, mailbox.name, error.cause, error.next_step)
        what = mailbox.after.move or mailbox.after.flag
        then = "left unchanged" if what is None else f"{'moved to' if mailbox.after.move else 'flagged'} {what}"
        start.say(f"{mailbox.name}: {start.counted(mails, 'mail')} would be fetched, and {then}")
    return start.FOUND_WRONG if wrong else 0


def _preview_folder(settings: Settings, mailbox: Mailbox, source: Source, folder: str, database: Database) -> int:
    position, mails = _read(database, partial(mailboxes.position, name=mailbox.name, folder=folder), None), 0
    for page in source.pages(folder, position, mailbox.since_moment(settings)):
        places = [mail.place for mail in page.mails]
        query = partial(mailboxes.recorded_places, name=mailbox.name, places=places)
        recorded: set[str] = _read(database, query, set())
        for mail in page.mails:
            if mail.place not in recorded:
                size = "" if mail.size is None else f"\t{mail.size}"
                print(f"{folder}\t{mail.arrived_at:%Y-%m-%dT%H:%M:%SZ}{size}\t{visible(source.subject(folder, mail))}")
                mails += 1
    return mails


def _read(database: Database, query: Callable[[Connection], T], default: T) -> T:
    try:
        return database.read(query)
    except Unavailable:
        return default


def _source(settings: Settings, mailbox: Mailbox, database: Database) -> Source:
    return source_of(mailbox, settings, stored_tokens(settings, database, mailbox.name), threading.Event().wait)


def round_trip(settings: Settings, mailbox: Mailbox, source: Source, seconds: float) -> bool:
    """Send a mail, or ask the user to, and wait for it. Returns whether it arrived. Raises MailboxError."""
    since = datetime.now(UTC) - SEARCHED_TIME
    positions = {folder: _last_position(source, folder, since) for folder in mailbox.folders}
    subject = None
    if settings.smarthost and settings.from_:
        subject = f"sodan mailbox test {secrets.token_hex(4)}"
        try:
            _send(settings, mailbox.address, subject)
        except (NotSent, Refused) as error:
            problem = f"the test mail could not be sent ({error})"
            return _say(False, mailbox.name, problem, "check SODAN_SMARTHOST and its login")
        _say(True, mailbox.name, f"sent “{subject}” to {mailbox.address}; waiting up to {seconds:g} s")
    else:
        _say(True, mailbox.name, f"send a mail to {mailbox.address} now; waiting up to {seconds:g} s")
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        for folder, position in positions.items():
            for mail in (mail for page in source.pages(folder, position, since) for mail in page.mails):
                if subject is None or source.subject(folder, mail) == subject:
                    return _test_arrived(mailbox, source, folder, mail, time.monotonic() - began)
        source.wait(mailbox.folders, POLL_SECONDS, threading.Event())
    problem = f"no mail arrived in {', '.join(mailbox.folders)} within {seconds:g} s"
    step = f"check that {mailbox.address} delivers to this mailbox, its junk folder, and its rules that move mail"
    return _say(False, mailbox.name, problem, step)


def _test_arrived(mailbox: Mailbox, source: Source, folder: str, mail: ListedMail, seconds: float) -> bool:
    """Fetch and mark the test mail, print the results, and return whether there is no problem."""
    content = source.fetch(folder, [mail]).get(mail.place)
    if content is None:
        return _say(False, mailbox.name, f"the mail left {folder} before sodan read it", "find the rule that moved it")
    what = f"the mail arrived after {seconds:.1f} s, and sodan read it ({len(content)} bytes)"
    _say(True, mailbox.name, f"{folder}: {what}")
    source.mark(folder, [mail.place])  # raises an error if marking would fail for other mails too
    done = "left unchanged" if mailbox.after.move is None and mailbox.after.flag is None else "flagged or moved"
    _say(True, mailbox.name, f"the mail was {done} (`after`); delete it in a mail program")
    server = _topmost_verdict(content)
    if mailbox.authserv and server not in (None, mailbox.authserv):
        problem = f"the topmost Authentication-Results is from {server}, but authserv is {mailbox.authserv}"
        return _say(False, mailbox.name, problem, f"set authserv to {server} if that is the server of your provider")
    return True


def _last_position(source: Source, folder: str, since: datetime) -> str | None:
    position = None
    for page in source.pages(folder, None, since):
        position = page.position
    return position


def _send(settings: Settings, address: str, subject: str) -> None:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = settings.from_, address, subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=settings.hostname)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail[LOOP_HEADER.title()] = settings.hostname
    mail.set_content("A test of this mailbox by `sodan mailbox test --round-trip`. It may be deleted.\n")
    smarthost = smarthost_of(settings)
    assert smarthost is not None  # the caller has checked the setting
    envelope_from = parseaddr(settings.from_)[1]
    asyncio.run(send_mail(mail, smarthost, to=address, envelope_from=envelope_from, hostname=settings.hostname))


def _topmost_verdict(content: bytes) -> str | None:
    """Return the server that wrote the topmost header Authentication-Results (RFC 8601), or None."""
    value = message_from_bytes(content).get("Authentication-Results")
    results = parse_results(str(value)) if value is not None else None
    return results.authserv or None if results is not None else None
