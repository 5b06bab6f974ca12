"""Inserts received mails into the spool, many at a time, in as few statements as possible.

Every SMTP reply waits for this, so SQLAlchemy's slow row-by-row binding is not used. On SQLite, there is one statement
per table, because each execution releases and takes the interpreter lock. On PostgreSQL, there is one statement with
arrays; large mails are sent by COPY.
"""

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
"""Columns of ``spool`` for an envelope, with their PostgreSQL types. Every version of the schema has them."""
_ADDED_COLUMNS = {"authserv": "text"}  # written only with a value, because mail arrives during migrations
_ONE_STATEMENT_BYTES = 524_288  # maximum bytes for one statement on PostgreSQL; for more, COPY is faster
_SQLITE_TIME = "%Y-%m-%d %H:%M:%S.%f"
_SQLITE_ROWS = 512  # rows per statement: SQLite binds at most 32766 values


def in_one_statement(entries: Sequence[NewEntry]) -> bool:
    """Return whether ``insert_entries`` runs a single statement on PostgreSQL (see ``Database.transact_alone``)."""
    return sum(len(entry.content) for entry in entries) <= _ONE_STATEMENT_BYTES


def insert_entries(conn: Connection, entries: Sequence[NewEntry]) -> None:
    """Insert mails with their envelopes. The SMTP reply 250 may be sent after the commit."""
    if conn.dialect.name == "postgresql":
        _insert_postgresql(conn, entries)
        return
    for start in range(0, len(entries), _SQLITE_ROWS):
        _insert_sqlite(conn, entries[start : start + _SQLITE_ROWS])


def _insert_sqlite(conn: Connection, entries: Sequence[NewEntry]) -> None:
    columns, rows = _envelopes(entries)
    for row in rows:
        row[1] = row[2] = row[1].astimezone(UTC).strftime(_SQLITE_TIME)
    spool = _insert(f"spool ({', '.join(columns)}, state)", f"({'?, ' * len(columns)}'waiting')", len(rows))
    conn.exec_driver_sql(spool, tuple(chain.from_iterable(rows)))
    contents = [value for entry in entries for value in (entry.id, entry.content)]
    conn.exec_driver_sql(_insert("contents (id, codec, bytes)", "(?, 'raw', ?)", len(entries)), tuple(contents))


def _insert_postgresql(conn: Connection, entries: Sequence[NewEntry]) -> None:
    columns, rows = _envelopes(entries)
    arrays = tuple(map(list, zip(*rows, strict=True)))
    if in_one_statement(entries):
        conn.exec_driver_sql(_insert_mails_sql(columns), (*arrays, [entry.content for entry in entries]))
        return
    conn.exec_driver_sql(_insert_envelopes_sql(columns), arrays)
    driver: Any = conn.connection.driver_connection  # in the transaction that the previous statement began
    records = [(entry.id, "raw", entry.content) for entry in entries]
    await_only(driver.copy_records_to_table("contents", records=records, columns=("id", "codec", "bytes")))


def _envelopes(entries: Sequence[NewEntry]) -> tuple[tuple[str, ...], list[list[Any]]]:
    """Return the columns of ``spool`` to be written, and a row of values for each mail."""
    added = [name for name in _ADDED_COLUMNS if any(getattr(entry.envelope, name) is not None for entry in entries)]
    rows = []
    for entry in entries:
        envelope = entry.envelope
        texts = (envelope.channel, envelope.source, envelope.peer, envelope.helo, envelope.mail_from)
        size, recipients = len(entry.content), to_json(envelope.rcpt_tos)
        row = [entry.id, entry.received_at, entry.received_at, *map(_storable, texts), recipients, size, entry.sha256]
        rows.append(row + [_storable(getattr(envelope, name)) for name in added])
    return (*_TYPES, *added), rows


@lru_cache(maxsize=4)
def _insert_envelopes_sql(columns: tuple[str, ...]) -> str:
    """Return the PostgreSQL statement that inserts envelopes, given as one array per column."""
    types = _TYPES | _ADDED_COLUMNS
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
def _insert_mails_sql(columns: tuple[str, ...]) -> str:
    """Return the PostgreSQL statement that inserts envelopes and raw mails."""
    return (
        f"WITH kept AS ({_insert_envelopes_sql(columns)}) INSERT INTO contents (id, codec, bytes) "  # noqa: S608 - as above
        f"SELECT a, 'raw', b FROM unnest($1::text[], ${len(columns) + 1}::bytea[]) AS given(a, b)"
    )


def _storable(text: str | None) -> str | None:
    return None if text is None else storable(text)


@lru_cache(maxsize=_SQLITE_ROWS * 2)
def _insert(into: str, row: str, rows: int) -> str:
    return f"INSERT INTO {into} VALUES {', '.join([row] * rows)}"  # noqa: S608 - constants of this module
