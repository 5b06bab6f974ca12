"""The only place that begins and commits transactions, on SQLite and PostgreSQL (docs/design.md, Principles).

    database = Database("sqlite:///var/sodan.db")
    number = database.transact(lambda conn: conn.execute(…).scalar_one())

A function given to ``transact`` sees one transaction: it commits when the function returns and rolls back when it
raises. ``read`` is the same without the right to write. Both may be called from any thread and block it.

* SQLite: the standard library's driver, WAL, ``synchronous=FULL``, writers queue by ``BEGIN IMMEDIATE``. After a
  failed write or flush all connections are closed, because Linux reports a failed flush only once. Before the next
  mail is accepted, the log is written into the database and flushed again.
* PostgreSQL: asyncpg under SQLAlchemy's greenlets, in one event-loop thread of its own per ``Database``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from sqlalchemy import Connection as Connection
from sqlalchemy import Engine, create_engine, event, make_url, text

from service.errors import Refused, Unavailable
from service.store.private import create_file, make_folder
from service.store.tables import to_json
from service.store.trouble import as_unavailable, unsettles

if TYPE_CHECKING:
    from service.store.async_engine import AsyncEngineThread

T = TypeVar("T")

BUSY_SECONDS = 15.0
"""How long a writer waits for its turn before it gives up with ``Unavailable``."""
LOOK_SECONDS = 0.001
"""Between two looks whether the writer before us is done."""

_ONE_AT_A_TIME = 0x50DA_4E01
"""Names the advisory lock of ``one_at_a_time``; any constant does."""


class Database:
    """A store of cases, reached by its URL. Opens nothing until it is used."""

    def __init__(self, url: str, cache_mb: int = 8) -> None:
        """``cache_mb``: pages of an SQLite file that each connection keeps; the system keeps them too, so that only who
        looks up much at random wants more."""
        parsed = make_url(url)
        self.postgresql = parsed.get_backend_name() in ("postgresql", "postgres")
        self.url = parsed.set(drivername="postgresql+asyncpg" if self.postgresql else "sqlite+pysqlite")
        self._cache_mb = cache_mb
        self._turn = threading.Lock()
        self._doubted = False
        self._engine: Engine | None = None
        self._async_engine: AsyncEngineThread | None = None
        self._opening = threading.Lock()

    def transact(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` in one transaction and return its value once that is durable.

        Raises ``Unavailable`` where the database is away, busy, full or read-only; what ``fn`` raises otherwise.
        """
        return self._run(fn, write=True)

    def transact_alone(self, fn: Callable[[Connection], T]) -> T:
        """As ``transact``, for a ``fn`` that runs one statement only, which needs no BEGIN and COMMIT around it.

        On PostgreSQL that is one round trip in place of three; on SQLite it is ``transact``.
        """
        return self._run(fn, write=True, alone=True)

    def read(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` on one consistent snapshot. Raises like ``transact``."""
        return self._run(fn, write=False)

    @property
    def folder(self) -> Path | None:
        """Where its files are, on SQLite."""
        path = None if self.postgresql else self.url.database
        return Path(path).absolute().parent if path and path != ":memory:" else None

    @property
    def missing(self) -> Path | None:
        """The SQLite file, where there is none yet."""
        folder = self.folder
        file = folder / Path(str(self.url.database)).name if folder else None
        return file if file is not None and not file.exists() else None

    def must_be_there(self) -> None:
        """Raises Refused where there is no SQLite file, and makes none."""
        if self.missing:
            raise Refused(
                f"there is no database {self.missing}: check SODAN_DATABASE_URL, or make it by `sodan migrate`"
            )

    def probe(self) -> None:
        """Write something, durably, that leaves nothing behind. Raises Unavailable where mail could not be kept now."""
        self.transact(_probe_postgresql if self.postgresql else _probe_sqlite)

    def close(self) -> None:
        """Let go of all connections. Using the database again opens new ones."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None
            engine, self._async_engine = self._async_engine, None
        if engine is not None:
            engine.close()

    def forget_values(self) -> None:
        """Free the values that statements were last given, after big ones: SQLite's driver keeps them with each
        statement, as long as the connection lives."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()

    def _run(self, fn: Callable[[Connection], T], *, write: bool, alone: bool = False) -> T:
        try:
            if self.postgresql:
                return self._within_async(fn, write=write, alone=alone)
            if not write:
                return self._within_sync(fn, "BEGIN")
            if not self._turn.acquire(timeout=BUSY_SECONDS):
                raise Unavailable("the database is busy")  # with others: what waits is not to blame
            try:
                if self._doubted:
                    self._flush_anew()
                return self._within_sync(fn, "BEGIN IMMEDIATE")
            finally:
                self._turn.release()
        except Exception as error:
            unavailable = as_unavailable(error)
            if unavailable is None:
                raise
            if unsettles(error):
                self._distrust()
            raise unavailable from error

    def _within_sync(self, fn: Callable[[Connection], T], begin: str) -> T:
        with self._open().connect().execution_options(sodan_begin=begin) as connection:
            return _within(connection, fn)

    def _within_async(self, fn: Callable[[Connection], T], *, write: bool, alone: bool) -> T:
        from service.store.async_engine import Gone  # six megabytes that SQLite has no use for

        while True:
            with contextlib.suppress(Gone):  # somebody closed it between our two steps: it opens anew
                return self._open_async().run(partial(_within, fn=fn), write=write, alone=alone)

    def _distrust(self) -> None:
        """Close what is open, now or when it is given back; what comes next opens anew."""
        with self._opening:
            if self._engine is not None:
                self._doubted = True
                self._engine.dispose()
                self._engine = None
            engine, self._async_engine = self._async_engine, None
        if engine is not None:
            engine.close(wait=False)  # others may be at work on it

    def _flush_anew(self) -> None:
        """Write what was promised a second time, from the log into the database, and flush that.

        Raises where it cannot be done: then nothing more is promised. Pages that a failed flush left in memory as clean
        would else never reach the disk (https://www.sqlite.org/atomiccommit.html, "fsyncgate").
        """
        with self._open().connect().execution_options(sodan_begin="") as connection:
            busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(FULL)").one()
        if busy:
            raise Unavailable("the database is busy")
        self._doubted = False

    def _open(self) -> Engine:
        with self._opening:
            if self._engine is None:
                if self.url.database and self.url.database != ":memory:":
                    _create_sqlite(Path(self.url.database))
                self._engine = create_engine(
                    self.url,
                    hide_parameters=True,  # an error in the log names the statement, never what mails say
                    json_serializer=to_json,
                    json_deserializer=msgspec.json.decode,
                    connect_args={"timeout": BUSY_SECONDS},
                    max_overflow=50,
                )
                event.listen(self._engine, "connect", partial(_prepare_sqlite, self._cache_mb))
                event.listen(self._engine, "begin", _begin_sqlite)
            return self._engine

    def _open_async(self) -> AsyncEngineThread:
        from service.store.async_engine import AsyncEngineThread

        with self._opening:
            if self._async_engine is None:
                self._async_engine = AsyncEngineThread(self.url, BUSY_SECONDS)
            return self._async_engine


def one_at_a_time(conn: Connection) -> None:
    """From here to the commit no other writer places mails: same answer whoever comes first, events in order.

    SQLite has one writer at a time anyway.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": _ONE_AT_A_TIME})


def _within(connection: Connection, fn: Callable[[Connection], T]) -> T:
    with connection.begin():
        return fn(connection)


def _create_sqlite(path: Path) -> None:
    make_folder(path.parent)
    with contextlib.suppress(OSError):  # SQLite says it in the words that all errors have
        os.close(create_file(path))


def _prepare_sqlite(cache_mb: int, connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; _begin_sqlite does
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        f"cache_size=-{cache_mb * 1000}",
        "journal_size_limit=67108864",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get("sodan_begin", "BEGIN IMMEDIATE")
    if begin == "BEGIN IMMEDIATE":
        _take_turn(connection)
    elif begin:
        connection.exec_driver_sql(begin)


def _take_turn(connection: Connection) -> None:
    """Become the writer. SQLite has no queue: who waits looks again, and its own waiting looks ten times a second only.

    Between two transactions of busy workers there are milliseconds; the mail that waits for its 250 must catch them.
    """
    driver: Any = connection.connection.driver_connection
    end = time.monotonic() + BUSY_SECONDS
    driver.execute("PRAGMA busy_timeout = 0").close()
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE").close()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    break
            if time.monotonic() > end:
                raise Unavailable("the database is busy")
            time.sleep(LOOK_SECONDS)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}").close()
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # fails again, in the words that all errors have


def _probe_sqlite(connection: Connection) -> None:
    """The number in the header that SQLite leaves to applications, and that we do not use otherwise."""
    connection.exec_driver_sql(f"PRAGMA user_version = {secrets.randbelow(2**31)}")


def _probe_postgresql(connection: Connection) -> None:
    """A message in the server's log that nobody reads; it makes the commit flush, and a standby refuse."""
    if connection.exec_driver_sql("SELECT current_setting('transaction_read_only')").scalar_one() == "on":
        raise Unavailable("the database may only be read")
    connection.exec_driver_sql("SELECT pg_logical_emit_message(true, 'sodan', '')")
