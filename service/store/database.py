"""The only place that begins and commits transactions (docs/design.md, Principles).

A function given to ``transact`` runs in one transaction, which commits when the function returns and rolls back when it
raises an error. ``read`` is the same without permission to write. Any thread may call them.

* SQLite: the driver of the standard library, WAL, ``synchronous=FULL``; writers queue with ``BEGIN IMMEDIATE``. After a
  failed write or flush all connections are closed, because Linux reports a failed flush only once. Before the next mail
  is accepted, the write-ahead log is copied into the database and flushed again.
* PostgreSQL: asyncpg in a thread with an event loop, one for each ``Database``.
"""

import contextlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from sqlalchemy import Connection as Connection
from sqlalchemy import Engine, Table, create_engine, event, make_url, text
from sqlalchemy.util import await_only

from service.errors import Refused, Unavailable
from service.store.private import make_folder, private_file, sqlite_file
from service.store.tables import to_json
from service.store.transient_errors import as_unavailable, invalidates_connections

if TYPE_CHECKING:
    from service.store.async_engine import AsyncEngineThread

T = TypeVar("T")

BUSY_SECONDS = 15.0  # seconds that a writer waits for the write lock; then it raises ``Unavailable``
WORKER_CACHE_MB = 32  # page cache of a worker, which looks up many keys
POLL_SECONDS = 0.001  # seconds between two attempts to get the write lock of SQLite

_ONE_AT_A_TIME = 0x50DA_4E01  # key of the advisory lock of ``one_at_a_time``; any constant does


class Database:
    """The database behind a URL. Connects on first use."""

    def __init__(self, url: str, cache_mb: int = 8) -> None:
        """``cache_mb``: page cache of each SQLite connection, in MB. The operating system caches the file too."""
        parsed = make_url(url)
        self.postgresql = parsed.get_backend_name() in ("postgresql", "postgres")
        self.url = parsed.set(drivername="postgresql+asyncpg" if self.postgresql else "sqlite+pysqlite")
        self._cache_mb = cache_mb
        self._write_lock = threading.Lock()
        self._flush_failed = False
        self._engine: Engine | None = None
        self._async_engine: AsyncEngineThread | None = None
        self._engine_lock = threading.Lock()

    def transact(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` in a transaction; return its result when durable. Raises Unavailable, and what ``fn`` raises."""
        return self._run(fn, write=True)

    def transact_alone(self, fn: Callable[[Connection], T]) -> T:
        """As ``transact``, for a single statement: PostgreSQL needs one round trip instead of three."""
        return self._run(fn, write=True, alone=True)

    def transact_migration(self, fn: Callable[[Connection], T]) -> T:
        """As ``transact``, but SQLite checks no foreign keys, so that tables can be rebuilt."""
        return self._run(fn, write=True, foreign_keys=False)

    def read(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` in a transaction that only reads, from one snapshot. Raises the same errors as ``transact``."""
        return self._run(fn, write=False)

    @property
    def folder(self) -> Path | None:
        """The folder of the SQLite file; None on PostgreSQL and in memory."""
        file = sqlite_file(self.url)
        return file.absolute().parent if file else None

    def must_exist(self) -> None:
        """Raise Refused if the SQLite file does not exist."""
        file = sqlite_file(self.url)
        if file and not file.exists():
            raise Refused(
                f"there is no database {file.absolute()}: correct SODAN_DATABASE_URL, or create it with `sodan migrate`"
            )

    def probe(self) -> None:
        """Check that mail can be stored, by a durable write that leaves no data. Raises Unavailable."""
        self.transact(_probe_postgresql if self.postgresql else _probe_sqlite)

    def close(self, *, flush_failed: bool = False) -> None:
        """Close all connections. The next use opens new ones.

        With ``flush_failed``, connections that other threads are using are closed later.
        """
        with self._engine_lock:
            if self._engine is not None:
                self._flush_failed |= flush_failed
                self._engine.dispose()
                self._engine = None
            engine, self._async_engine = self._async_engine, None
        if engine is not None:
            engine.close(wait=not flush_failed)  # other threads may be using the pool

    def forget_values(self) -> None:
        """Close idle SQLite connections, which keep the values of earlier statements in memory."""
        with self._engine_lock:
            if self._engine is not None:
                self._engine.dispose()

    def _run(self, fn: Callable[[Connection], T], *, write: bool, alone: bool = False, foreign_keys: bool = True) -> T:
        try:
            if self.postgresql:
                return self._within_async(fn, write=write, alone=alone)
            if not write:
                return self._within_sync(fn, "BEGIN")
            if not self._write_lock.acquire(timeout=BUSY_SECONDS):
                raise Unavailable("the database is busy")  # not GaveUp: other writers are the cause
            try:
                if self._flush_failed:
                    self._flush_again()
                return self._within_sync(fn, "BEGIN IMMEDIATE", foreign_keys=foreign_keys)
            finally:
                self._write_lock.release()
        except Exception as error:
            unavailable = as_unavailable(error)
            if unavailable is None:
                raise
            if invalidates_connections(error):
                self.close(flush_failed=True)
            raise unavailable from error

    def _within_sync(self, fn: Callable[[Connection], T], begin: str, *, foreign_keys: bool = True) -> T:
        with self._open().connect().execution_options(sodan_begin=begin) as connection:
            if foreign_keys:
                return _within(connection, fn)
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA foreign_keys = OFF").close()  # has no effect within a transaction
            try:
                return _within(connection, fn)
            finally:
                driver.execute("PRAGMA foreign_keys = ON").close()

    def _within_async(self, fn: Callable[[Connection], T], *, write: bool, alone: bool) -> T:
        from service.store.async_engine import AsyncEngineThread, EngineClosed  # here: 6 MB that SQLite does not need

        while True:
            with self._engine_lock:
                engine = self._async_engine = self._async_engine or AsyncEngineThread(self.url, BUSY_SECONDS)
            with contextlib.suppress(EngineClosed):  # another thread closed the engine meanwhile: open a new one
                return engine.run(partial(_within, fn=fn), write=write, alone=alone)

    def _flush_again(self) -> None:
        """Copy the write-ahead log into the database and flush it, after a flush failed. Raises an error if that fails.

        After the failed flush, the system may treat unwritten pages as written, and would never write them
        (https://www.sqlite.org/atomiccommit.html, "fsyncgate").
        """
        with self._open().connect().execution_options(sodan_begin="") as connection:
            busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(FULL)").one()
        if busy:
            raise Unavailable("the database is busy")
        self._flush_failed = False

    def _open(self) -> Engine:
        with self._engine_lock:
            if self._engine is None:
                if file := sqlite_file(self.url):
                    make_folder(file.parent)
                    with contextlib.suppress(OSError):  # it exists, or SQLite reports the error
                        open(file, "xb", opener=private_file).close()  # SQLite gives its log the same mode
                self._engine = create_engine(
                    self.url,
                    hide_parameters=True,  # errors in the log show the statement, never the text of mails
                    json_serializer=to_json,
                    json_deserializer=msgspec.json.decode,
                    connect_args={"timeout": BUSY_SECONDS},
                    max_overflow=50,
                )
                event.listen(self._engine, "connect", partial(_prepare_sqlite, self._cache_mb))
                event.listen(self._engine, "begin", _begin_sqlite)
            return self._engine


def one_at_a_time(conn: Connection) -> None:
    """Block other writers until the commit. Then results do not depend on timing, and event ids are in order."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": _ONE_AT_A_TIME})


def run(conn: Connection, statement: str, values: tuple[Any, ...]) -> Sequence[Any]:
    """Run a statement in the driver's syntax. For a small statement, SQLAlchemy takes longer than the database."""
    driver: Any = conn.connection.driver_connection
    if conn.dialect.name == "sqlite":
        return driver.execute(statement, values).fetchall()  # type: ignore[no-any-return]
    if not driver.is_in_transaction():  # SQLAlchemy begins a transaction with its first statement
        return conn.exec_driver_sql(statement, values).all()
    return _awaited(conn, driver.fetch(statement, *values))  # type: ignore[no-any-return]


def run_for_each(conn: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement once for each row of values, as ``run`` does. The statement returns no rows."""
    driver: Any = conn.connection.driver_connection
    if conn.dialect.name == "sqlite":
        driver.executemany(statement, rows).close()
    elif not driver.is_in_transaction():
        conn.exec_driver_sql(statement, [*rows])
    else:
        _awaited(conn, driver.executemany(statement, rows))


def _awaited(conn: Connection, call: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a call of asyncpg. If it closed the connection, SQLAlchemy must not use it any more."""
    try:
        return await_only(call)
    except Exception as error:
        driver: Any = conn.connection.driver_connection
        if driver.is_closed():
            conn.invalidate(error)
        raise


def next_ids(conn: Connection, table: Table, count: int) -> Sequence[int]:
    """Return unused ids for ``count`` new rows. Call ``one_at_a_time`` before: SQLite does not reserve ids."""
    if not count:
        return ()
    if conn.dialect.name == "postgresql":
        query = "SELECT nextval(pg_get_serial_sequence($1, 'id')) FROM generate_series(1, $2)"
        return [id for (id,) in run(conn, query, (table.name, count))]
    [(last,)] = run(conn, f"SELECT coalesce(max(id), 0) FROM {table.name}", ())  # noqa: S608 - a name of ours
    return range(last + 1, last + 1 + count)


def _within(connection: Connection, fn: Callable[[Connection], T]) -> T:
    with connection.begin():
        return fn(connection)


def _prepare_sqlite(cache_mb: int, connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions; _begin_sqlite does
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
        _wait_for_write_lock(connection)
    elif begin:
        connection.exec_driver_sql(begin)


def _wait_for_write_lock(connection: Connection) -> None:
    """Begin a write transaction on SQLite: poll until the write lock is free. Raises Unavailable.

    SQLite has no queue of writers, and its busy handler polls too rarely. Between two transactions of busy workers, the
    lock is free only for milliseconds. A mail that waits for its reply 250 must get the lock then.
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
            time.sleep(POLL_SECONDS)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}").close()
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # fails again, with an error that as_unavailable understands


def _probe_sqlite(connection: Connection) -> None:
    """Write ``user_version``, a header field of SQLite that sodan does not use."""
    connection.exec_driver_sql(f"PRAGMA user_version = {secrets.randbelow(2**31)}")


def _probe_postgresql(connection: Connection) -> None:
    """Write a WAL message that nobody reads: the commit must flush it, and a standby refuses it."""
    if connection.exec_driver_sql("SELECT current_setting('transaction_read_only')").scalar_one() == "on":
        raise Unavailable("the database is read-only")
    connection.exec_driver_sql("SELECT pg_logical_emit_message(true, 'sodan', '')")
