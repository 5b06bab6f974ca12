"""Inserts received mails into the spool, many at a time, in as few statements as possible.

Every SMTP reply waits for this, so it avoids SQLAlchemy's row-by-row binding. SQLite: one statement per table, because
each execution releases and takes the interpreter lock. PostgreSQL: arrays in one statement for everything, or, for
large mails, arrays for the envelopes and COPY for the raw mails. It writes the same as SQLAlchemy Core would; a test
compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.util import await_only

from service.store.spool import NewEntry
from service.store.tables import storable, to_json

_TYPES = {
    "id": "text",
    "received_at": "timestamptz",
    "due_at": "timestamptz",
    "channel": "text",
    "source": "text",
    "peer": "text",
    "helo": "text",
    "mail_from": "text",
    "rcpt_tos": "jsonb",
    "size": "int4",
    "sha256": "text",
}
"""Columns of an envelope in every schema version, with their PostgreSQL types."""
_LATER = {"authserv": "text"}
"""Columns of a later migration, written only if they have a value, so that mail is accepted during a migration."""
_SMALL_BYTES = 524_288
"""Total bytes up to which PostgreSQL uses one statement. COPY is faster for more, but one more round trip."""
_SQLITE_MOMENT = "%Y-%m-%d %H:%M:%S.%f"
_SQLITE_ROWS = 512  # rows per statement: SQLite binds at most 32766 values


def in_one_statement(entries: Sequence[NewEntry]) -> bool:
    """Whether ``put`` needs a single statement on PostgreSQL (see ``Database.transact_alone``)."""
    return sum(len(entry.content) for entry in entries) <= _SMALL_BYTES


def put(conn: Connection, entries: Sequence[NewEntry]) -> None:
    """Insert mails with their envelopes. A 250 may be sent once this commits."""
    if conn.dialect.name == "postgresql":
        _put_postgresql(conn, entries)
        return
    for start in range(0, len(entries), _SQLITE_ROWS):
        _put_sqlite(conn, entries[start : start + _SQLITE_ROWS])


def _put_sqlite(conn: Connection, entries: Sequence[NewEntry]) -> None:
    columns, rows = _envelopes(entries)
    for row in rows:
        row[1] = row[2] = row[1].astimezone(UTC).strftime(_SQLITE_MOMENT)
    spool = _insert(f"spool ({', '.join(columns)}, state)", f"({'?, ' * len(columns)}'waiting')", len(rows))
    conn.exec_driver_sql(spool, tuple(chain.from_iterable(rows)))
    contents = [value for entry in entries for value in (entry.id, entry.content)]
    conn.exec_driver_sql(_insert("contents (id, codec, bytes)", "(?, 'raw', ?)", len(entries)), tuple(contents))


def _put_postgresql(conn: Connection, entries: Sequence[NewEntry]) -> None:
    columns, rows = _envelopes(entries)
    arrays = tuple(map(list, zip(*rows, strict=True)))
    if in_one_statement(entries):
        conn.exec_driver_sql(_everything(columns), (*arrays, [entry.content for entry in entries]))
        return
    conn.exec_driver_sql(_spool(columns), arrays)
    driver: Any = conn.connection.driver_connection  # in the transaction that the previous statement began
    records = [(entry.id, "raw", entry.content) for entry in entries]
    await_only(driver.copy_records_to_table("contents", records=records, columns=("id", "codec", "bytes")))


def _envelopes(entries: Sequence[NewEntry]) -> tuple[tuple[str, ...], list[list[Any]]]:
    """Return the columns of ``spool`` to be written, and their values of each mail."""
    later = [name for name in _LATER if any(getattr(entry.envelope, name) is not None for entry in entries)]
    rows = []
    for entry in entries:
        given = entry.envelope
        words = (given.channel, given.source, given.peer, given.helo, given.mail_from)
        size, recipients = len(entry.content), to_json(given.rcpt_tos)
        row = [entry.id, entry.received_at, entry.received_at, *map(_words, words), recipients, size, entry.sha256]
        rows.append(row + [_words(getattr(given, name)) for name in later])
    return (*_TYPES, *later), rows


@lru_cache(maxsize=4)
def _spool(columns: tuple[str, ...]) -> str:
    """Return the PostgreSQL statement for the envelopes, with one array per column."""
    types = _TYPES | _LATER
    # an array of jsonb cannot be bound as strings: it is sent as text and cast row by row
    arrays = ", ".join(
        f"${place}::{'text' if types[column] == 'jsonb' else types[column]}[]"
        for place, column in enumerate(columns, 1)
    )
    values = ", ".join(f"{column}::jsonb" if types[column] == "jsonb" else column for column in columns)
    names = ", ".join(columns)
    return (
        f"INSERT INTO spool ({names}, state) SELECT {values}, 'waiting' "  # noqa: S608 - names of this module
        f"FROM unnest({arrays}) AS given({names})"
    )


@lru_cache(maxsize=4)
def _everything(columns: tuple[str, ...]) -> str:
    """Return the PostgreSQL statement for envelopes and raw mails together."""
    return (
        f"WITH kept AS ({_spool(columns)}) INSERT INTO contents (id, codec, bytes) "  # noqa: S608 - as above
        f"SELECT a, 'raw', b FROM unnest($1::text[], ${len(columns) + 1}::bytea[]) AS given(a, b)"
    )


def _words(words: str | None) -> str | None:
    return None if words is None else storable(words)


@lru_cache(maxsize=_SQLITE_ROWS * 2)
def _insert(into: str, row: str, rows: int) -> str:
    return f"INSERT INTO {into} VALUES {', '.join([row] * rows)}"  # noqa: S608 - constants of this module
