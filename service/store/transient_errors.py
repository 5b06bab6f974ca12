"""Decides which errors are temporary problems of the database (``Unavailable``)."""

import contextlib
import re
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path

from asyncpg.exceptions import _base as driver
from sqlalchemy import exc

from service.errors import GaveUp, Unavailable

_NOT_MIGRATED = "the database needs `sodan migrate`"  # a table or column is missing, which no mail can cause
_BUSY = "the database is busy"
_SILENT = "the database does not respond"
_SQLITE_REASONS = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_NOTADB: "the database is damaged",
    sqlite3.SQLITE_CORRUPT: "the database is damaged",
    **{
        getattr(sqlite3, f"SQLITE_{name}"): "the database reports a disk error"
        for name in ("IOERR", "CANTOPEN", "READONLY", "NOMEM", "PROTOCOL", "PERM", "AUTH")
    },
}
"""Primary result code (sqlite.org/rescode.html) → text of the ``Unavailable`` to raise."""
_FAILED_WRITES = {
    getattr(sqlite3, f"SQLITE_{name}") for name in ("IOERR", "FULL", "CANTOPEN", "READONLY", "NOTADB", "CORRUPT")
}
_ABORTED = ("40", "55P03", "57014", "25P03")
"""Prefixes of SQLSTATEs of errors that the request itself may cause: deadlock; lock, statement, transaction timeout."""
_POSTGRESQL_REASONS = {
    ("42P01", "42703"): _NOT_MIGRATED,
    _ABORTED: _BUSY,
    ("28",): "the database refuses the user or password",
    ("3D",): "the database does not exist",
    ("53100",): "the disk is full",
    ("53",): "the database is out of resources",
    ("08", "57", "58", "25006", "XX001", "XX002"): _SILENT,  # connection, operator, system, read-only, corruption
}
"""Prefixes of SQLSTATEs (PostgreSQL, appendix A) → text of the ``Unavailable`` to raise. The first that fits counts."""


def as_unavailable(error: BaseException) -> Unavailable | None:
    """Return the error to raise instead of ``error``, or None if the database did not cause it."""
    if isinstance(error, exc.TimeoutError):
        return Unavailable(_BUSY)
    if isinstance(error, (TimeoutError, FutureTimeout)):  # raised by the driver when a statement exceeds its timeout
        return GaveUp(_BUSY)
    if isinstance(error, (ConnectionError, exc.DisconnectionError)):
        return Unavailable(_SILENT)
    if isinstance(error, OSError):
        return Unavailable("the database cannot be reached")
    if not isinstance(error, (exc.DBAPIError, sqlite3.Error, driver.PostgresError, driver.InterfaceError)):
        return None
    if getattr(error, "connection_invalidated", False):
        return Unavailable(_SILENT)
    for origin in _origins(error):
        if isinstance(origin, sqlite3.Error):
            return _of_sqlite(origin)
        if isinstance(origin, OSError):
            return Unavailable(_SILENT)
        if state := getattr(origin, "sqlstate", None):
            reasons = (text for prefixes, text in _POSTGRESQL_REASONS.items() if state.startswith(prefixes))
            if (reason := next(reasons, None)) is None:
                return None
            return GaveUp(reason) if state.startswith(_ABORTED) else Unavailable(reason)
    # errors of asyncpg about a connection have no SQLSTATE
    from_driver = isinstance(error, (exc.InterfaceError, driver.InterfaceError))
    return Unavailable(_SILENT) if from_driver and re.search("clos|connection", str(error)) else None


def _of_sqlite(error: sqlite3.Error) -> Unavailable | None:
    if re.match(r"no such (table|column)|table \w+ has no column", str(error)):
        return Unavailable(_NOT_MIGRATED)
    reason = _SQLITE_REASONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    return None if reason is None else GaveUp(reason) if reason == _BUSY else Unavailable(reason)


def invalidates_connections(error: BaseException) -> bool:
    """Return whether to close all connections, for example after a failed write."""
    for origin in _origins(error):
        if isinstance(origin, sqlite3.Error):
            return getattr(origin, "sqlite_errorcode", 0) & 0xFF in _FAILED_WRITES
        if getattr(origin, "sqlstate", None) == "25006":
            return True
    return False


def _origins(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error, then the error of the driver that caused it, and so on."""
    while error is not None:
        yield error
        error = getattr(error, "orig", None) or error.__cause__


def disk_full_reason(folder: Path | None, least: int) -> str | None:
    """Return an error text if a folder has fewer than ``least`` free bytes, else None."""
    if folder is None or not least:
        return None
    with contextlib.suppress(OSError):  # any other problem of the folder shows up in the database
        if shutil.disk_usage(folder).free < least:
            return "the disk is almost full"
    return None
