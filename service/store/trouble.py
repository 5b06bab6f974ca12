"""Classifies database errors: temporary (``Unavailable``), or a fault of sodan or of one mail."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path

from asyncpg.exceptions import _base as driver
from sqlalchemy import exc

from service.errors import GaveUp, Unavailable

_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}
"""Primary result codes (sqlite.org/rescode.html) that are reported as ``Unavailable``."""

_UNSETTLING = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CORRUPT,
}

_NOT_MIGRATED = "the database needs `sodan migrate`"
"""A table or column is missing, which no mail can cause."""

_POSTGRESQL = ("08", "28", "3D", "40", "53", "57", "58", "55P03", "25006", "25P03", "XX001", "XX002")
"""Prefixes of SQLSTATEs (PostgreSQL, appendix A) that are reported as ``Unavailable``.

Connection, authorisation, catalogue, rollback, resources, operator, system, lock, read-only, idle timeout, corruption.
"""
_BROKEN_OFF = ("40", "55P03", "57014", "25P03")
"""Those of ``_POSTGRESQL`` that the request may cause: deadlock, lock, statement and transaction timeouts."""


def as_unavailable(error: BaseException) -> Unavailable | None:
    """Return the error to raise instead of ``error``, or None if the database is not the cause."""
    if isinstance(error, exc.TimeoutError):
        return Unavailable("the database is busy")
    if isinstance(error, (TimeoutError, FutureTimeout)):  # raised by the driver when a statement exceeds its timeout
        return GaveUp("the database is busy")
    if isinstance(error, (ConnectionError, exc.DisconnectionError)):
        return Unavailable("the database does not respond")
    if isinstance(error, OSError):
        return Unavailable("the database cannot be reached")
    origin: BaseException | None
    if isinstance(error, exc.DBAPIError):
        if error.connection_invalidated:
            return Unavailable("the database does not respond")
        origin = error.orig
    elif isinstance(error, (sqlite3.Error, driver.PostgresError, driver.InterfaceError)):  # ``run``, COPY
        origin = error
    else:
        return None
    while origin is not None:
        if isinstance(origin, sqlite3.Error):
            if re.match(r"no such (table|column)|table \w+ has no column", str(origin)):
                return Unavailable(_NOT_MIGRATED)
            code = getattr(origin, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return GaveUp(_sqlite_words(code))
            return Unavailable(_sqlite_words(code)) if code in _SQLITE else None
        if isinstance(origin, (ConnectionError, TimeoutError, OSError)):
            return Unavailable("the database does not respond")
        state = getattr(origin, "sqlstate", None)
        if state in ("42P01", "42703"):
            return Unavailable(_NOT_MIGRATED)
        if state and state.startswith(_BROKEN_OFF):
            return GaveUp(_postgresql_words(state))
        if state:
            return Unavailable(_postgresql_words(state)) if state.startswith(_POSTGRESQL) else None
        origin = origin.__cause__
    # asyncpg's own errors about a connection carry no SQLSTATE
    complains = isinstance(error, (exc.InterfaceError, driver.InterfaceError))
    return (
        Unavailable("the database does not respond") if complains and re.search("clos|connection", str(error)) else None
    )


def invalidates_connections(error: BaseException) -> bool:
    """Whether open connections must be closed after this error: a failed write or flush, or a read-only server.

    A server is read-only if the connection leads to a standby, for example after a failover.
    """
    origin: BaseException | None = error
    while origin is not None:
        if isinstance(origin, sqlite3.Error):
            return getattr(origin, "sqlite_errorcode", 0) & 0xFF in _UNSETTLING
        if getattr(origin, "sqlstate", None) == "25006":
            return True
        origin = getattr(origin, "orig", None) or origin.__cause__
    return False


def disk_full_reason(folder: Path | None, least: int) -> str | None:
    """Return the error text if fewer than ``least`` bytes are free on the disk, else None (also if unknown)."""
    if folder is None or not least:
        return None
    with contextlib.suppress(OSError):  # any other problem of the folder shows up in the database
        if shutil.disk_usage(folder).free < least:
            return "the disk is almost full"
    return None


def _sqlite_words(code: int) -> str:
    if code == sqlite3.SQLITE_FULL:
        return "the disk is full"
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "the database is damaged"
    return (
        "the database is busy"
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        else "the database reports a disk error"
    )


def _postgresql_words(state: str) -> str:
    if state.startswith("28"):
        return "the database refuses the user or password"
    if state.startswith("3D"):
        return "the database does not exist"
    if state.startswith("53"):
        return "the disk is full" if state == "53100" else "the database is out of resources"
    return "the database is busy" if state.startswith(_BROKEN_OFF) else "the database does not respond"
