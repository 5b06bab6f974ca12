"""Rows put into a store by bulk: without indexes of the keys while they are filled, by COPY on PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

import asyncpg
from sqlalchemy import make_url


class Bulk(Protocol):
    """A store being filled."""

    def put(self, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None: ...

    def finish(self) -> None: ...


@contextlib.contextmanager
def bulk(url: str) -> Iterator[Bulk]:
    """A filler for the empty store at ``url``."""
    if url.startswith("sqlite"):
        filler: OnSqlite | OnPostgresql = OnSqlite(url.removeprefix("sqlite:///"))
    else:
        filler = OnPostgresql(url)
    try:
        yield filler
    finally:
        filler.close()


class OnSqlite:
    """Keys go to a table without an index first and are sorted into place at the end."""

    def __init__(self, path: str) -> None:
        self._link = sqlite3.connect(path, isolation_level=None)
        for pragma in ("synchronous=OFF", "cache_size=-200000", "foreign_keys=OFF", "temp_store=FILE"):
            self._link.execute(f"PRAGMA {pragma}")
        self._link.execute("CREATE TABLE filling (key, message_id, kind, case_id)")
        query = "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'thread_keys' AND type = 'index' AND sql <> ''"
        self._indexes = self._link.execute(query).fetchall()
        for name, _ in self._indexes:
            self._link.execute(f"DROP INDEX {name}")

    def put(self, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
        names = ", ".join(f'"{name}"' for name in columns)
        table = "filling" if table == "thread_keys" else table
        marks = ", ".join("?" * len(columns))
        self._link.execute("BEGIN")
        self._link.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks})", (tuple(map(_moment, row)) for row in rows)
        )
        self._link.execute("COMMIT")

    def finish(self) -> None:
        self._link.execute(
            "INSERT INTO thread_keys (key, message_id, kind, case_id)"
            " SELECT key, message_id, kind, case_id FROM filling ORDER BY key, message_id, kind"
        )
        self._link.execute("DROP TABLE filling")
        for _, definition in self._indexes:
            self._link.execute(definition)
        self._link.execute("ANALYZE")
        self.close()

    def close(self) -> None:
        self._link.close()


def _moment(value: Any) -> Any:
    """Times as SQLAlchemy writes them."""
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value


class OnPostgresql:
    """COPY; the constraints and indexes of the keys are made at the end."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        parsed = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._link = self._loop.run_until_complete(asyncpg.connect(parsed))  # type: ignore[no-untyped-call]
        rows = self._run(
            self._link.fetch(
                "SELECT conname AS name, pg_get_constraintdef(oid) AS made FROM pg_constraint"
                " WHERE conrelid = 'thread_keys'::regclass ORDER BY contype DESC"
            )
        )
        self._constraints = [(row["name"], row["made"]) for row in rows]
        for name, _ in self._constraints:
            self._run(self._link.execute(f'ALTER TABLE thread_keys DROP CONSTRAINT "{name}"'))
        rows = self._run(
            self._link.fetch("SELECT indexname AS name, indexdef AS made FROM pg_indexes WHERE tablename='thread_keys'")
        )
        self._indexes = [(row["name"], row["made"]) for row in rows]
        for name, _ in self._indexes:
            self._run(self._link.execute(f'DROP INDEX "{name}"'))

    def put(self, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
        self._run(self._link.copy_records_to_table(table, columns=list(columns), records=rows))

    def finish(self) -> None:
        self._run(self._link.execute("SET maintenance_work_mem = '512MB'"))
        for name, made in self._constraints:
            self._run(self._link.execute(f'ALTER TABLE thread_keys ADD CONSTRAINT "{name}" {made}', timeout=3600))
        for _, made in self._indexes:
            self._run(self._link.execute(made, timeout=3600))
        for table in ("cases", "messages"):
            self._run(
                self._link.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
                )
            )
        self._run(self._link.execute("VACUUM ANALYZE", timeout=3600))
        self.close()

    def close(self) -> None:
        if not self._loop.is_closed():
            self._run(self._link.close())
            self._loop.close()

    def _run(self, awaited: Any) -> Any:
        return self._loop.run_until_complete(awaited)
