"""`sodan doctor`: prints one line per check, with advice if something is wrong."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from datetime import datetime, timedelta

from service.cli.terminal.advice import what_to_do
from service.cli.terminal.doors import http, smtp
from service.errors import SodanError, Unavailable
from service.mailbox.file import load
from service.settings import Settings
from service.store import contents, mailboxes, migrate, outbox, second_readings, spool_view, tokens, webhooks
from service.store.blob_store import outside
from service.store.database import Database
from service.store.encryption import secret_box
from service.store.soundness import ailments
from service.store.timeline import unverified_lately

Finding = tuple[bool, str]
FOUND_WRONG = 1
LOW_DISK = 1_000_000_000
LOOKED_AT_BYTES = 64_000_000
"""Raw mails checked, newest first, in bytes; `sodan contents check` reads all of them."""
STALE = timedelta(minutes=5)


def examine(settings: Settings, database: Database, now: datetime) -> int:
    """Make all checks; return status 1 if something is wrong."""
    looks: list[Callable[[], list[Finding]]] = [
        lambda: _packs(settings),
        lambda: _disk(settings, database),
        lambda: _schema(database),
        lambda: _writing(database),
        lambda: _ledger(database, now),
        lambda: _outbox(settings, database, now),
        lambda: _clock(database, now),
        lambda: _contents(settings, database, now),
        lambda: _mailboxes(settings, database, now),
        lambda: _tokens(settings, database, now),
        lambda: _webhooks(settings, database),
        lambda: _verdicts(settings, database),
        lambda: _model(settings, database, now),
        lambda: [smtp(settings.smtp_listen), http(settings.http_listen)],
    ]
    if database.missing:  # the other checks would create it
        looks = [looks[0], lambda: _there(database), looks[-1]]
    wrong = False
    while looks:
        look = looks.pop(0)
        try:
            found = look()
        except Unavailable as error:
            found = [(False, what_to_do(str(error), database))]
            looks = looks[-1:]  # only the listeners can be checked without the database
        except (SodanError, ValueError) as error:
            found = [(False, str(error))]
        for fine, words in found:
            wrong = wrong or not fine
            print(f"{'ok   ' if fine else 'WRONG'}  {words}")
    sys.stdout.flush()  # otherwise the line below may be printed first
    if wrong:
        print("sodan: something needs attention", file=sys.stderr)
    return FOUND_WRONG if wrong else 0


def _there(database: Database) -> list[Finding]:
    database.must_be_there()
    return []


def _packs(settings: Settings) -> list[Finding]:
    from mailrules.library import load

    rules = load(settings.packs, settings.site_file)
    reader = f"{rules.reader.name} {rules.reader.version}"
    return [(True, f"rules: version {rules.version}, {len(rules.packs)} packs, reader {reader}")]


def _schema(database: Database) -> list[Finding]:
    found, wanted = database.read(migrate.revision), migrate.head()
    if found == wanted:
        return [(True, f"database: answers, at revision {found}")]
    return [(False, f"database: at revision {found or 'empty'}, this version needs {wanted}: run `sodan migrate`")]


def _writing(database: Database) -> list[Finding]:
    """Check that the database can be written to, as for a mail."""
    database.probe()
    found = [(False, f"database: {words}") for words in ailments(database)]
    return found or [(True, "database: can be written to, and is sound")]


def _clock(database: Database, now: datetime) -> list[Finding]:
    if database.read(migrate.revision) != migrate.head():
        return []
    newest = database.read(spool_view.newest)
    if newest is None or newest - now < STALE:
        return []
    words = f"the newest mail was received at {newest:%Y-%m-%d %H:%M}Z, and now it is {now:%Y-%m-%d %H:%M}Z"
    return [(False, f"clock: {words}: the clock was set back, or ran ahead: check NTP (`timedatectl`)")]


def _ledger(database: Database, now: datetime) -> list[Finding]:
    if database.read(migrate.revision) != migrate.head():
        return []
    ledger = database.read(spool_view.ledger)
    found: list[Finding] = [
        (
            ledger.balanced,
            f"ledger: accepted {ledger.accepted} = taken in {ledger.taken_in} + waiting {ledger.waiting}"
            f" + shunted {ledger.shunted}",
        )
    ]
    if ledger.shunted:
        found.append(
            (
                False,
                f"spool: {ledger.shunted} set aside: see `sodan spool list --state shunted`, then `sodan spool retry`",
            )
        )
    oldest = database.read(spool_view.oldest_waiting)
    if oldest is not None and now - oldest > STALE:
        found.append(
            (
                False,
                f"spool: a mail waits since {oldest:%Y-%m-%d %H:%M}Z: does a worker run, and what does its log say?",
            )
        )
    lost = database.read(spool_view.done_without_message)
    if lost:
        found.append((False, f"spool: taken in but in no case: {', '.join(lost)}: please report it"))
    return found


def _outbox(settings: Settings, database: Database, now: datetime) -> list[Finding]:
    if database.read(migrate.revision) != migrate.head():
        return []
    counts = database.read(outbox.counts)
    found: list[Finding] = []
    if counts.get("failed"):
        words = f"outbox: {counts['failed']} could not be sent: see `sodan outbox list --state failed`"
        found.append((False, f"{words}, then `sodan outbox send` or `discard`"))
    tripped = database.read(outbox.tripped)
    if tripped is not None:
        words = f"outbox: too many automatic mails, held as drafts since {tripped:%Y-%m-%d %H:%M}Z"
        found.append((False, f"{words}: look at them with `sodan outbox list --state draft`"))
    oldest = database.read(lambda conn: outbox.oldest_due(conn, now))
    if oldest is not None and now - oldest > STALE:
        words = f"outbox: a mail is due since {oldest:%Y-%m-%d %H:%M}Z"
        found.append((False, f"{words}: does `sodan sender` run, and what does its log say?"))
    if settings.smarthost or settings.notify:
        found.append((True, f"outbox: {counts.get('sent', 0)} sent, {counts.get('waiting', 0)} waiting"))
    return found


def _contents(settings: Settings, database: Database, now: datetime) -> list[Finding]:
    if database.read(migrate.revision) != migrate.head():
        return []
    missing, orphaned = contents.find_inconsistencies(database, outside(settings), now)
    place = settings.content_store
    found: list[Finding] = [(True, f"contents: kept in {'the database' if place == 'database' else place}")]
    if missing:
        some = ", ".join(missing[:5])
        found = [(False, f"contents: {len(missing)} raw mails are not in {place}: {some}: restore them there")]
    damaged = list(contents.check_newest(database, outside(settings), LOOKED_AT_BYTES))
    if damaged and not missing:
        some = ", ".join(id for id, _ in damaged[:5])
        words = f"contents: {len(damaged)} of the newest raw mails are damaged: {some}"
        found.append((False, f"{words}: `sodan contents check` looks at all; restore them from a backup"))
    if orphaned:
        found.append((True, f"contents: {len(orphaned)} files belong to no mail: `sodan contents tidy`"))
    return found


def _mailboxes(settings: Settings, database: Database, now: datetime) -> list[Finding]:
    load(settings)
    if database.read(migrate.revision) != migrate.head():
        return []
    found: list[Finding] = []
    for one in database.read(mailboxes.statuses):
        away = one.away_since(now)
        if away is not None or one.failing_since is not None:
            since = away or one.failing_since
            step = one.next_step or "does `sodan serve` or `sodan mailbox run` run?"
            words = one.cause or "nobody fetches from it"
            step += f"; where it is fetched from no more: `sodan mailbox forget {one.name}`" if away else ""
            found.append((False, f"mailbox {one.name}: not read since {since:%Y-%m-%d %H:%M}Z: {words}: {step}"))
        else:
            found.append((True, f"mailbox {one.name}: {one.taken} mails kept, read to its end"))
        if one.failed:
            found.append((False, f"mailbox {one.name}: {one.failed} mails could not be taken: `sodan mailbox list`"))
    return found


def _tokens(settings: Settings, database: Database, now: datetime) -> list[Finding]:
    listen = settings.http_listen
    if listen.loopback or database.read(lambda conn: tokens.any_valid(conn, now)):
        return []
    return [(False, f"HTTP: {listen} is not loopback and there is no token: `sodan token create NAME`")]


def _webhooks(settings: Settings, database: Database) -> list[Finding]:
    if database.read(migrate.revision) != migrate.head():
        return []
    box = secret_box(settings)
    return [(False, f"webhook {id}: {why}") for id, why in database.read(lambda conn: webhooks.unreadable(conn, box))]


def _verdicts(settings: Settings, database: Database) -> list[Finding]:
    local = all(listen.loopback for listen in (settings.smtp_listen, settings.lmtp_listen) if listen is not None)
    if settings.authserv_id and not settings.smtp_networks and not local:
        words = "senders: whoever reaches the SMTP port can write SODAN_AUTHSERV_ID into a header"
        return [
            (False, f"{words}, so it is not believed of hosts on the internet: name our relay in SODAN_SMTP_NETWORKS")
        ]
    if settings.verdicts_configured:
        return []
    words = "senders: nothing vouches for mail of our own people"
    relayed = database.read(migrate.revision) == migrate.head() and database.read(unverified_lately)
    if local and not relayed:
        return [(True, f"{words}; programs on this machine are believed, relays are not")]
    return [(False, f"{words}, so their replies change nothing: set SODAN_AUTHSERV_ID or SODAN_TRUSTED_NETWORKS")]


def _disk(settings: Settings, database: Database) -> list[Finding]:
    found: list[Finding] = []
    if database.folder is not None and database.folder.is_dir():
        there = os.statvfs(database.folder)
        free = there.f_bavail * there.f_frsize
        least = max(LOW_DISK, settings.min_free_bytes)
        space = f"disk: {free // 1_000_000} MB free at {database.folder}"
        todo = f": free some: below {settings.min_free_bytes // 1_000_000} MB mail gets 452"
        found.append((True, space) if free > least else (False, space + todo))
        if there.f_flag & os.ST_RDONLY:
            found.append((False, f"disk: {database.folder} is mounted read-only: look at `dmesg`, then remount it"))
        if there.f_files and not there.f_favail:
            found.append((False, f"disk: no file can be made at {database.folder} (no inodes): delete some"))
    if not database.postgresql and sqlite3.sqlite_version_info < (3, 35):
        found.append((False, f"SQLite {sqlite3.sqlite_version} is older than 3.35"))
    return found


def _model(settings: Settings, database: Database, now: datetime) -> list[Finding]:
    """Report on second readings; nothing if no language model is set up."""
    if not settings.model_url:
        return []
    jobs = database.read(second_readings.counts)
    waiting = database.read(second_readings.oldest_waiting)
    words = f"language model {settings.model}: {jobs.get('done', 0)} read, {jobs.get('waiting', 0)} waiting"
    if waiting is not None and now - waiting.created_at > STALE:
        why = f": {waiting.reason}" if waiting.reason else ""
        return [(False, f"{words}, the oldest since {waiting.created_at:%Y-%m-%d %H:%M} UTC{why}; mail is not delayed")]
    return [(True, words)]
