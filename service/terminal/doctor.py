"""`sodan doctor`: what is wrong, and what to do about it, one line each."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from service.errors import SodanError
from service.settings import Listen, Settings
from service.store import contents, migrate, spool, tokens
from service.store.database import Database
from service.store.outside import outside

Finding = tuple[bool, str]
FOUND_WRONG = 1
LOW_DISK = 1_000_000_000
STALE = timedelta(minutes=5)


def examine(settings: Settings, database: Database, now: datetime) -> int:
    """Look at everything; status 1 where something is wrong."""
    looks: tuple[Callable[[], list[Finding]], ...] = (
        lambda: _packs(settings),
        lambda: _schema(database),
        lambda: _ledger(database, now),
        lambda: _contents(settings, database, now),
        lambda: _doors(settings, database, now),
        lambda: _disk(database),
    )
    wrong = False
    for look in looks:
        try:
            found = look()
        except (SodanError, ValueError) as error:
            found = [(False, str(error))]
        for fine, words in found:
            wrong = wrong or not fine
            print(f"{'ok   ' if fine else 'WRONG'}  {words}")
    if wrong:
        print("sodan: something needs attention", file=sys.stderr)
    return FOUND_WRONG if wrong else 0


def _packs(settings: Settings) -> list[Finding]:
    from mailrules.library import load

    rules = load(settings.packs)
    return [(True, f"packs: {len(rules.packs)} loaded, {len(rules.decisions)} decisions, version {rules.version}")]


def _schema(database: Database) -> list[Finding]:
    found, wanted = database.read(migrate.revision), migrate.head()
    if found == wanted:
        return [(True, f"database: answers, at revision {found}")]
    return [(False, f"database: at revision {found or 'empty'}, this version needs {wanted}: run `sodan migrate`")]


def _ledger(database: Database, now: datetime) -> list[Finding]:
    if database.read(migrate.revision) != migrate.head():
        return []
    ledger = database.read(spool.ledger)
    found: list[Finding] = [
        (
            ledger.balanced,
            f"ledger: accepted {ledger.accepted} = taken in {ledger.taken_in} + waiting {ledger.waiting}"
            f" + shunted {ledger.shunted}",
        )
    ]
    if ledger.shunted:
        found.append((False, f"spool: {ledger.shunted} set aside: see `sodan spool list --state shunted`"))
    oldest = database.read(spool.oldest_waiting)
    if oldest is not None and now - oldest > STALE:
        found.append((False, f"spool: a mail waits since {oldest:%Y-%m-%d %H:%M}Z: does a worker run?"))
    lost = database.read(spool.done_without_message)
    if lost:
        found.append((False, f"spool: taken in but in no case: {', '.join(lost)}: please report it"))
    return found


def _contents(settings: Settings, database: Database, now: datetime) -> list[Finding]:
    if database.read(migrate.revision) != migrate.head():
        return []
    missing, orphaned = contents.astray(database, outside(settings), now)
    place = settings.content_store
    found: list[Finding] = [(True, f"contents: kept in {'the database' if place == 'database' else place}")]
    if missing:
        some = ", ".join(missing[:5])
        found = [(False, f"contents: {len(missing)} raw mails are not in {place}: {some}: restore them there")]
    if orphaned:
        found.append((True, f"contents: {len(orphaned)} files belong to no mail: `sodan contents tidy`"))
    return found


def _doors(settings: Settings, database: Database, now: datetime) -> list[Finding]:
    found: list[Finding] = []
    for name, listen in (("SMTP", settings.smtp_listen), ("HTTP", settings.http_listen)):
        state = "something answers" if _answers(listen) else "nothing answers (not started?)"
        found.append((True, f"{name}: {listen}: {state}"))
    listen = settings.http_listen
    if not listen.loopback and not database.read(lambda conn: tokens.any_valid(conn, now)):
        found.append((False, f"HTTP: {listen} is not loopback and there is no token: `sodan token create NAME`"))
    return found


def _answers(listen: Listen) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 - asking, not listening
    try:
        with socket.create_connection((host, listen.port), timeout=1):
            return True
    except OSError:
        return False


def _disk(database: Database) -> list[Finding]:
    if database.postgresql or not database.url.database:
        return []
    folder = Path(database.url.database).absolute().parent
    free = shutil.disk_usage(folder).free
    space = f"disk: {free // 1_000_000} MB free at {folder}"
    old = sqlite3.sqlite_version_info < (3, 35)
    version: list[Finding] = [(False, f"SQLite {sqlite3.sqlite_version} is older than 3.35")] if old else []
    return [(free > LOW_DISK, space), *version]
