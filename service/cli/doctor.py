"""`sodan doctor`: checks the installation, prints its findings, and gives advice."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta

from service.cli import start
from service.cli.listeners import Finding, http, smtp
from service.errors import Refused, SodanError, Unavailable
from service.mailbox.settings import load
from service.settings import Settings
from service.store import contents, mailboxes, migrate, outbox, second_readings, spool_view, tokens, webhooks
from service.store.blob_store import blob_store_of
from service.store.database import Database
from service.store.encryption import secret_box
from service.store.integrity_check import database_problems
from service.store.timeline import unverified_lately

LOW_DISK = 1_000_000_000  # bytes
CHECKED_BYTES = 64_000_000
"""Total size of the newest raw mails that are checked. `sodan contents check` reads all raw mails."""
STALE = timedelta(minutes=5)  # a waiting mail, or a difference between clocks, is reported from this time on
_ADVICE = {
    # beginning of the text of a database error (service/store/transient_errors.py) → advice
    "the database is busy": "Another process locks it: with `ps`, find a process that hangs (state D or T) or a backup",
    "the database refuses": "Correct the user or password in SODAN_DATABASE_URL",
    "the database does not exist": "Create it (`createdb`) or correct SODAN_DATABASE_URL, then run `sodan migrate`",
    "the database is out of": "Allow more connections (max_connections) or memory on the server, or use fewer workers",
    "the disk is full": "Free disk space where the database is. Mail gets 451 and its senders retry, so none is lost",
    "the disk is almost full": "Free disk space. Mail gets 452 and its senders retry, so none is lost",
    "the database reports a disk error": (
        "The disk fails or is read-only, or the user of sodan may not write: check `dmesg`, `mount`, and the owner and "
        "permissions of the folder. Mail gets 451 and its senders retry, so none is lost"
    ),
    "the database is damaged": "Stop sodan, copy the files of the database, restore the last backup; read `dmesg`",
    "the database is read-only": (
        "The server is a standby, or has default_transaction_read_only: add all servers and "
        "target_session_attrs=primary to SODAN_DATABASE_URL, or promote the server"
    ),
    "the database does not respond": "Start the database server and read its log, or correct SODAN_DATABASE_URL",
    "the database cannot be reached": (
        "Start the database server, or correct SODAN_DATABASE_URL; the user of sodan must own the folder of SQLite"
    ),
}


def doctor() -> int:
    """Check settings, database, packs, ports and mail counts. For each problem, print one line that says what to do."""
    settings = start.settings()
    database = start.database(settings, make=True)  # `examine` reports a missing file without creating it
    try:
        return examine(settings, database, start.now())
    finally:
        database.close()


def examine(settings: Settings, database: Database, now: datetime) -> int:
    """Run all checks and print their findings. Returns exit status 1 if something is wrong."""
    wrong = False
    for fine, text in _findings(settings, database, now):
        wrong = wrong or not fine
        print(f"{'ok   ' if fine else 'WRONG'}  {text}")
    sys.stdout.flush()  # otherwise the next line may be printed first
    if wrong:
        start.say("there are problems; see the lines with WRONG")
    return start.FOUND_WRONG if wrong else 0


def _findings(settings: Settings, database: Database, now: datetime) -> Iterator[Finding]:
    yield from _guarded(_packs(settings))
    yield from _guarded(_mailbox_file(settings))
    try:
        database.must_exist()
        yield from _database_findings(settings, database, now)
    except Refused as error:
        yield False, str(error)
    except Unavailable as error:  # the other checks need the database too
        folder = "" if database.folder is None else f" ({database.folder})"
        advice = next((f". {text}" for beginning, text in _ADVICE.items() if str(error).startswith(beginning)), "")
        yield False, f"database: {error}{folder}{advice}"
    yield smtp(settings.smtp_listen)
    yield http(settings.http_listen)


def _database_findings(settings: Settings, database: Database, now: datetime) -> Iterator[Finding]:
    for check in (_disk(settings, database), _schema(database), _writing(database)):
        yield from _guarded(check)
    if database.read(migrate.revision) != migrate.head():
        return
    for check in (
        _ledger(database, now),
        _outbox(settings, database, now),
        _contents(settings, database, now),
        _mailboxes(database, now),
        _tokens(settings, database, now),
        _webhooks(settings, database),
        _verdicts(settings, database),
        _model(settings, database, now),
    ):
        yield from _guarded(check)


def _guarded(check: Iterator[Finding]) -> Iterator[Finding]:
    """Yield the findings of a check. An error is a finding too, unless the database is not available."""
    try:
        yield from check
    except Unavailable:
        raise
    except (SodanError, ValueError) as error:
        yield False, str(error)


def _wrong(what: str, meaning: str, action: str) -> Finding:
    """Return a finding: what is wrong, the consequence, and what to do."""
    return False, f"{what}; {meaning}. {action}"


def _packs(settings: Settings) -> Iterator[Finding]:
    from mailrules.library import load

    rules = load(settings.packs, settings.site_file)
    reader = f"{rules.reader.name} {rules.reader.version}"
    yield True, f"rules: version {rules.version}, {start.counted(len(rules.packs), 'pack')}, reader {reader}"


def _schema(database: Database) -> Iterator[Finding]:
    revision, head = database.read(migrate.revision), migrate.head()
    if revision == head:
        yield True, f"database: responds, at revision {revision}"
    else:
        what = f"database: its schema is at revision {revision}" if revision else "database: it has no tables"
        yield _wrong(what, f"this version of sodan needs revision {head}", "Run `sodan migrate`")


def _writing(database: Database) -> Iterator[Finding]:
    database.probe()
    problems = [(False, f"database: {problem}") for problem in database.read(database_problems)]
    yield from problems or [(True, "database: can be written to, no damage found")]


def _ledger(database: Database, now: datetime) -> Iterator[Finding]:
    ledger = database.read(spool_view.ledger)
    counts = f"taken in {ledger.taken_in} + waiting {ledger.waiting} + shunted {ledger.shunted}"
    if ledger.balanced:
        yield True, f"mail: accepted {ledger.accepted} = {counts}"
    else:
        what = f"mail: accepted {ledger.accepted} is not {counts}"
        yield _wrong(what, "mail may be missing", "Change nothing, run `sodan backup FILE`, and report this line")
    if ledger.shunted:
        what = f"spool: {start.counted(ledger.shunted, 'mail was', 'mails were')} set aside after three failed attempts"
        action = "Read the reasons with `sodan spool list --state shunted`, then run `sodan spool retry --all`"
        yield _wrong(what, "no case contains " + ("it" if ledger.shunted == 1 else "them"), action)
    oldest = database.read(spool_view.oldest_waiting)
    if oldest is not None and now - oldest > STALE:
        what = f"spool: a mail has been waiting since {oldest:%Y-%m-%d %H:%M}Z"
        yield _wrong(what, "no worker runs, or the worker fails", "Start `sodan serve` or `sodan worker`; read its log")
    lost = database.read(spool_view.done_without_message)
    if lost:
        what = f"spool: {', '.join(lost)} are marked as done, but no case contains them"
        yield _wrong(what, "this is an error in sodan", "Run `sodan backup FILE`, and report this line")
    newest = database.read(spool_view.newest)
    if newest is not None and newest - now >= STALE:
        what = f"clock: it is {now:%Y-%m-%d %H:%M}Z, but a mail was received at {newest:%Y-%m-%d %H:%M}Z"
        meaning = "the clock is wrong now, or was wrong when that mail arrived"
        yield _wrong(what, meaning, "Check the time and NTP (`timedatectl`)")


def _outbox(settings: Settings, database: Database, now: datetime) -> Iterator[Finding]:
    counts = database.read(outbox.counts)
    if counts.get("failed"):
        action = "Read the reasons with `sodan outbox list --state failed`, then `sodan outbox send` or `discard` them"
        them = "it" if counts["failed"] == 1 else "them"
        what = f"outbox: {start.counted(counts['failed'], 'mail')} failed"
        yield _wrong(what, f"sodan does not retry {them}", action)
    held_at = database.read(outbox.last_held_by_hourly_limit)
    if held_at is not None:
        what = f"outbox: the hourly limit of automatic mail was last reached at {held_at:%Y-%m-%d %H:%M}Z"
        action = "Check the drafts with `sodan outbox list --state draft`, then `sodan outbox send` or `discard` them"
        yield _wrong(what, "sodan writes further mails as drafts", action)
    oldest = database.read(lambda conn: outbox.oldest_due(conn, now))
    if oldest is not None and now - oldest > STALE:
        what = f"outbox: a mail has been due since {oldest:%Y-%m-%d %H:%M}Z"
        yield _wrong(what, "no sender process runs, or it fails", "Start `sodan serve` or `sodan sender`; read its log")
    if settings.smarthost or settings.notify:
        yield True, f"outbox: {counts.get('sent', 0)} sent, {counts.get('waiting', 0)} waiting"


def _contents(settings: Settings, database: Database, now: datetime) -> Iterator[Finding]:
    missing, orphaned = contents.find_inconsistencies(database, blob_store_of(settings), now)
    place = settings.content_store
    if missing:
        count = start.counted(len(missing), "raw mail is", "raw mails are")
        what = f"contents: {count} missing in {place}: {', '.join(missing[:5])}"
        yield _wrong(what, "sodan cannot show or parse them again", "Restore these files from a backup")
    else:
        yield True, f"contents: stored in {'the database' if place == 'database' else place}"
    damaged = list(contents.check(database, blob_store_of(settings), CHECKED_BYTES))
    if damaged and not missing:
        some = ", ".join(id for id, _ in damaged[:5])
        what = f"contents: {len(damaged)} of the newest raw mails are damaged: {some}"
        action = "Check all mails with `sodan contents check`, and restore the damaged ones from a backup"
        yield _wrong(what, "older mails may be damaged too", action)
    if orphaned:
        count = start.counted(len(orphaned), "file belongs", "files belong")
        yield True, f"contents: {count} to no mail; `sodan contents tidy` deletes such files"


def _mailbox_file(settings: Settings) -> Iterator[Finding]:
    load(settings)  # raises SodanError if the file of SODAN_MAILBOXES is wrong
    yield from ()


def _mailboxes(database: Database, now: datetime) -> Iterator[Finding]:
    for status in database.read(mailboxes.statuses):
        name, away = status.name, status.away_since(now)
        if away is not None or status.failing_since is not None:
            since = away or status.failing_since
            step = status.next_step or "start `sodan serve` or `sodan mailbox run`"
            cause = status.cause or "no process fetches from it"
            step += f"; if you no longer use this mailbox, run `sodan mailbox forget {name}`" if away else ""
            yield _wrong(f"mailbox {name}: not read since {since:%Y-%m-%d %H:%M}Z", cause, step[0].upper() + step[1:])
        else:
            yield True, f"mailbox {name}: read completely, {start.counted(status.taken, 'mail')} fetched so far"
        if status.failed:
            what = f"mailbox {name}: {start.counted(status.failed, 'mail')} could not be fetched"
            yield _wrong(what, "these mails are still in the mailbox", "Read the reasons with `sodan mailbox list`")


def _tokens(settings: Settings, database: Database, now: datetime) -> Iterator[Finding]:
    listen = settings.http_listen
    if not listen.loopback and not database.read(lambda conn: tokens.any_valid(conn, now)):
        what = f"HTTP: {listen} can be reached from the network, but there is no token"
        yield _wrong(what, "sodan does not start without a token", "Run `sodan token create NAME --scope admin`")


def _webhooks(settings: Settings, database: Database) -> Iterator[Finding]:
    box = secret_box(settings)
    for id, why in database.read(lambda conn: webhooks.unreadable(conn, box)):
        yield False, f"webhook {id}: {why}"


def _verdicts(settings: Settings, database: Database) -> Iterator[Finding]:
    local = all(listen.loopback for listen in (settings.smtp_listen, settings.lmtp_listen) if listen is not None)
    what = "senders: nothing verifies the sender of mail from your own domains"
    if settings.authserv_id and not settings.smtp_networks and not local:
        what = "senders: any host that reaches the SMTP port can forge the header of SODAN_AUTHSERV_ID"
        action = "Set SODAN_SMTP_NETWORKS to the networks of your mail servers"
        yield _wrong(what, "sodan does not trust this header from public addresses", action)
    elif settings.verdicts_configured:
        return
    elif local and not database.read(unverified_lately):
        yield True, f"{what}; sodan trusts mail of programs on this machine, but not mail that another server relays"
    else:
        action = "Set SODAN_AUTHSERV_ID or SODAN_TRUSTED_NETWORKS (docs/settings.md)"
        yield _wrong(what, "replies of your own people do not change any case", action)


def _disk(settings: Settings, database: Database) -> Iterator[Finding]:
    if database.folder is not None and database.folder.is_dir():
        disk = os.statvfs(database.folder)
        free = disk.f_bavail * disk.f_frsize
        least = max(LOW_DISK, settings.min_free_bytes)
        space = f"disk: {free // 1_000_000} MB free at {database.folder}"
        meaning = f"below {settings.min_free_bytes // 1_000_000} MB, mail gets 452 and the sender retries later"
        yield (True, space) if free > least else _wrong(space, meaning, "Free some disk space")
        if disk.f_flag & os.ST_RDONLY:
            what = f"disk: {database.folder} is mounted read-only"
            yield _wrong(what, "no mail can be stored", "Read `dmesg` for the cause, then remount it")
        if disk.f_files and not disk.f_favail:
            what = f"disk: no inodes are free at {database.folder}"
            yield _wrong(what, "no file can be created", "Delete files there")
    if not database.postgresql and sqlite3.sqlite_version_info < (3, 35):
        what = f"SQLite: version {sqlite3.sqlite_version}"
        yield _wrong(what, "sodan needs 3.35 or newer", "Use a Python with a newer SQLite")


def _model(settings: Settings, database: Database, now: datetime) -> Iterator[Finding]:
    if not settings.model_url:
        return
    jobs = database.read(second_readings.counts)
    oldest = database.read(second_readings.oldest_waiting)
    counts = f"language model {settings.model}: {jobs.get('done', 0)} read, {jobs.get('waiting', 0)} waiting"
    if oldest is not None and now - oldest.created_at > STALE:
        why = f" ({oldest.reason})" if oldest.reason else ""
        what = f"{counts}, the oldest since {oldest.created_at:%Y-%m-%d %H:%M}Z{why}"
        action = "Check SODAN_MODEL_URL, and the log of `sodan serve` or `sodan reader`"
        yield _wrong(what, "meanwhile cases use the results of the embedded reader, and mail is not delayed", action)
    else:
        yield True, counts
