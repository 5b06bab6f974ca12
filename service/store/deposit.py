"""T1 in SQL: mails go into the spool many at a time, in as few steps as the database allows.

This stands in the path of every reply, so it goes past SQLAlchemy's row-by-row binding: on SQLite one statement a
table (each step hands the interpreter's lock to the other thread and back), on PostgreSQL arrays in one statement for
everything, or arrays for the envelopes and COPY for the contents where these are big. What it writes is what Core would
write; a test compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.util import await_only

from service.store.spool import NewEntry
from service.store.tables import storable, to_json

_COLUMNS = "id, received_at, due_at, channel, source, peer, helo, authserv, mail_from, rcpt_tos, size, sha256, state"
_TYPES = ["text", "timestamptz", "timestamptz", *["text"] * 7, "int4", "text"]
_ARRAYS = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_TYPES, 1))
_ENVELOPES = (
    f"INSERT INTO spool ({_COLUMNS}) SELECT a, b, c, d, e, f, g, h, i, j::jsonb, k, l, 'waiting' "  # noqa: S608 - constants
    f"FROM unnest({_ARRAYS}) AS given(a, b, c, d, e, f, g, h, i, j, k, l)"
)
_EVERYTHING = (
    f"WITH kept AS ({_ENVELOPES}) INSERT INTO contents (id, codec, bytes) "  # noqa: S608 - constants
    "SELECT a, 'raw', b FROM unnest($1::text[], $13::bytea[]) AS given(a, b)"
)
_SMALL_BYTES = 524_288
"""Contents up to here, together, go in one statement on PostgreSQL; COPY is faster for more, but one more step."""
_SQLITE_MOMENT = "%Y-%m-%d %H:%M:%S.%f"
_SQLITE_ROWS = 512
"""Rows of one statement: SQLite binds 32766 values at most."""


def in_one_statement(entries: Sequence[NewEntry]) -> bool:
    """Whether ``put`` will need one statement only, on PostgreSQL (see ``Database.transact_alone``)."""
    return sum(len(entry.content) for entry in entries) <= _SMALL_BYTES


def put(conn: Connection, entries: Sequence[NewEntry]) -> None:
    """Keep mails with their envelopes: theirs is the promise of a 250 once this commits."""
    if conn.dialect.name == "postgresql":
        _put_postgresql(conn, entries)
        return
    for start in range(0, len(entries), _SQLITE_ROWS):
        _put_sqlite(conn, entries[start : start + _SQLITE_ROWS])


def _put_sqlite(conn: Connection, entries: Sequence[NewEntry]) -> None:
    envelopes: list[Any] = []
    contents: list[Any] = []
    for entry in entries:
        moment = entry.received_at.astimezone(UTC).strftime(_SQLITE_MOMENT)
        envelopes += (entry.id, moment, moment, *_envelope(entry))
        contents += (entry.id, entry.content)
    conn.exec_driver_sql(_insert(f"spool ({_COLUMNS})", f"({'?, ' * 12}'waiting')", len(entries)), tuple(envelopes))
    conn.exec_driver_sql(_insert("contents (id, codec, bytes)", "(?, 'raw', ?)", len(entries)), tuple(contents))


def _put_postgresql(conn: Connection, entries: Sequence[NewEntry]) -> None:
    rows = [(entry.id, entry.received_at, entry.received_at, *_envelope(entry)) for entry in entries]
    envelopes = tuple(map(list, zip(*rows, strict=True)))
    if in_one_statement(entries):
        conn.exec_driver_sql(_EVERYTHING, (*envelopes, [entry.content for entry in entries]))
        return
    conn.exec_driver_sql(_ENVELOPES, envelopes)
    driver: Any = conn.connection.driver_connection  # within the transaction that the statement before began
    records = [(entry.id, "raw", entry.content) for entry in entries]
    await_only(driver.copy_records_to_table("contents", records=records, columns=("id", "codec", "bytes")))


def _envelope(entry: NewEntry) -> tuple[Any, ...]:
    """The columns from ``channel`` to ``sha256``."""
    given = entry.envelope
    return (
        given.channel,
        _words(given.source),
        _words(given.peer),
        _words(given.helo),
        _words(given.authserv),
        storable(given.mail_from),
        to_json(given.rcpt_tos),
        len(entry.content),
        entry.sha256,
    )


def _words(words: str | None) -> str | None:
    return None if words is None else storable(words)


@lru_cache(maxsize=_SQLITE_ROWS * 2)
def _insert(into: str, row: str, rows: int) -> str:
    return f"INSERT INTO {into} VALUES {', '.join([row] * rows)}"  # noqa: S608 - constants of this module
