"""`sodan mailbox list`, `test` and the dry run of `run`, as text."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from service.cli import start
from service.cli.terminal.round_trip import round_trip
from service.cli.terminal.tables import print_rows, visible
from service.errors import SodanError, Unavailable
from service.mailbox.file import Mailbox
from service.mailbox.run import source_of, stored_tokens
from service.mailbox.source import FolderMissing, MailboxError, Source
from service.settings import Settings
from service.store import mailboxes
from service.store.database import Database

COLUMNS = ("name", "server", "folders", "after", "state", "last_success_at", "taken", "failed", "cause", "next_step")


def chosen(configured: Sequence[Mailbox], names: Sequence[str]) -> list[Mailbox]:
    """Return the mailboxes with these names, or all. Raises SodanError for an unknown name."""
    if not configured:
        raise SodanError("SODAN_MAILBOXES: not set; set it to the file that lists the mailboxes (docs/mailboxes.md)")
    known = {mailbox.name: mailbox for mailbox in configured}
    for name in names:
        if name not in known:
            raise SodanError(f"there is no mailbox {name} in SODAN_MAILBOXES; it has {', '.join(known)}")
    return [known[name] for name in names] or list(configured)


def list_mailboxes(configured: Sequence[Mailbox], database: Database, now: datetime, *, as_json: bool) -> int:
    """Print the configured mailboxes and their state, then each mail that was not fetched, with the reason."""
    statuses = {status.name: status for status in database.read(mailboxes.statuses)}
    known = {mailbox.name: mailbox for mailbox in configured}
    rows = [_row(name, known.get(name), statuses.get(name), now) for name in {**known, **statuses}]
    print_rows(rows, COLUMNS, as_json=as_json)
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
    """Test everything that fetching needs; return status 1 if something would fail.

    Changes nothing in the mailbox, unless ``round_trip_seconds`` is given: then a test mail is sent and waited for.
    """
    wrong = False
    for mailbox in configured:
        source = _source(settings, mailbox, database)
        try:
            source.open()
            for folder in mailbox.folders:
                wrong |= not _folder(mailbox, source, folder, settings)
            if round_trip_seconds is not None:
                wrong |= not round_trip(settings, mailbox, source, round_trip_seconds, _say)
        except (MailboxError, SodanError) as error:
            wrong |= not _say(False, mailbox.name, *_told(error))
        finally:
            source.close()
    return start.FOUND_WRONG if wrong else 0


def _folder(mailbox: Mailbox, source: Source, folder: str, settings: Settings) -> bool:
    try:
        state = source.examine(folder)
    except FolderMissing as error:
        return _say(False, mailbox.name, error.cause, error.next_step)
    _say(True, mailbox.name, f"signed in; the folder {folder} has {state.mails} mails")
    for note in state.notes:
        print(f"note   {mailbox.name}: {note}")
    fine = True
    for cause, step in state.problems:
        fine = _say(False, mailbox.name, cause, step)
    page = next(iter(source.pages(folder, None, mailbox.since_moment(settings))), None)
    if page is None or not page.found:
        return _say(True, mailbox.name, f"{folder}: no mail to fetch") and fine
    newest = page.found[-1]
    content = source.fetch(folder, [newest]).get(newest.place)
    if content is not None:
        _say(
            True,
            mailbox.name,
            f"{folder}: read the newest mail ({newest.arrived_at:%Y-%m-%d %H:%M}Z, {len(content)} bytes)",
        )
    if not mailbox.verdicts_of:
        print(
            f"note   {mailbox.name}: authserv is not set, so the sender of mail from your own domains is not verified"
        )
    return fine


def _say(fine: bool, name: str, words: str, next_step: str = "") -> bool:
    print(f"{'ok   ' if fine else 'WRONG'}  {name}: {visible(words)}{': ' if next_step else ''}{next_step}")
    return fine


def _told(error: SodanError) -> tuple[str, str]:
    return (error.cause, error.next_step) if isinstance(error, MailboxError) else (str(error), "")


def preview(settings: Settings, configured: Sequence[Mailbox], database: Database) -> int:
    """Print a line for each mail that would be fetched now.

    No mail is fetched, flagged or moved, and no state is saved.
    """
    wrong = False
    for mailbox in configured:
        source = _source(settings, mailbox, database)
        mails = 0
        try:
            source.open()
            for folder in mailbox.folders:
                mails += _preview_folder(settings, mailbox, source, folder, database)
        except MailboxError as error:
            wrong |= not _say(False, mailbox.name, error.cause, error.next_step)
        finally:
            source.close()
        what = mailbox.after.move or mailbox.after.flag
        then = "left unchanged" if what is None else f"{'moved to' if mailbox.after.move else 'flagged'} {what}"
        start.say(f"{mailbox.name}: {mails} mails would be fetched, and {then}")
    return start.FOUND_WRONG if wrong else 0


def _preview_folder(settings: Settings, mailbox: Mailbox, source: Source, folder: str, database: Database) -> int:
    position, mails = _position(database, mailbox.name, folder), 0
    for page in source.pages(folder, position, mailbox.since_moment(settings)):
        places = [one.place for one in page.found]
        met = _met(database, mailbox.name, places)
        for one in page.found:
            if one.place not in met:
                size = "" if one.size is None else f"\t{one.size}"
                print(f"{folder}\t{one.arrived_at:%Y-%m-%dT%H:%M:%SZ}{size}\t{visible(source.subject(folder, one))}")
                mails += 1
    return mails


def _position(database: Database, name: str, folder: str) -> str | None:
    with contextlib.suppress(Unavailable):  # nothing was fetched yet, and there is no database
        return database.read(partial(mailboxes.position, name=name, folder=folder))
    return None


def _met(database: Database, name: str, places: Sequence[str]) -> set[str]:
    with contextlib.suppress(Unavailable):
        return database.read(partial(mailboxes.met, name=name, places=places))
    return set()


def _source(settings: Settings, mailbox: Mailbox, database: Database) -> Source:
    return source_of(mailbox, settings, stored_tokens(settings, database, mailbox.name), threading.Event().wait)
