"""Inserts received mails into the spool, many at a time, in as few statements as possible.

Every SMTP reply waits for this. On SQLite, there is one statement per table, because each execution releases and takes
the interpreter lock. On PostgreSQL, there is one statement with arrays; large mails are sent by COPY.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.util import await_only

from service.store import tables
from service.store.spool import Envelope, NewEntry
from service.store.sql import for_driver, insert_of_arrays, write_rows

_ONE_STATEMENT_BYTES = 524_288  # maximum bytes for one statement on PostgreSQL; for more, COPY is faster
_SQLITE_ROWS = 512  # rows per statement: SQLite binds at most 32766 values


def in_one_statement(entries: Sequence[NewEntry]) -> bool:
    """Return whether ``insert_entries`` runs a single statement on PostgreSQL. See ``Database.transact_alone``."""
    return sum(len(entry.content) for entry in entries) <= _ONE_STATEMENT_BYTES


def insert_entries(conn: Connection, entries: Sequence[NewEntry]) -> None:
    """Insert mails with their envelopes. Send the SMTP reply 250 only after the commit."""
    envelopes = _envelopes(entries)
    contents = [{"id": entry.id, "codec": "raw", "bytes": entry.content} for entry in entries]
    if conn.dialect.name == "sqlite":
        for start in range(0, len(entries), _SQLITE_ROWS):
            _insert_sqlite(conn, tables.spool, envelopes[start : start + _SQLITE_ROWS])
            _insert_sqlite(conn, tables.contents, contents[start : start + _SQLITE_ROWS])
    elif in_one_statement(entries):
        first, [arrays] = for_driver(conn, tables.spool, envelopes)
        second = insert_of_arrays(tables.contents, (*contents[0],), len(arrays))
        more = zip(*(row.values() for row in contents), strict=True)
        conn.exec_driver_sql(f"WITH envelopes AS ({first}) {second}", (*arrays, *map(list, more)))
    else:
        write_rows(conn, tables.spool, envelopes)
        driver: Any = conn.connection.driver_connection  # in the transaction that the previous statement began
        records = [tuple(row.values()) for row in contents]
        await_only(driver.copy_records_to_table("contents", records=records, columns=[*contents[0]]))


def _insert_sqlite(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    statement, values = for_driver(conn, table, rows)
    one_row = ", " + statement.rpartition(" VALUES ")[2]
    conn.exec_driver_sql(statement + one_row * (len(rows) - 1), tuple(chain.from_iterable(values)))


def _envelopes(entries: Sequence[NewEntry]) -> list[dict[str, Any]]:
    """Return the rows of ``spool``. Every version of the schema has their columns, except ``authserv``."""
    names = [field for field in Envelope.__slots__ if field != "authserv"]
    if any(entry.envelope.authserv is not None for entry in entries):  # only then: mail arrives during migrations
        names.append("authserv")
    return [
        {
            "id": entry.id,
            "received_at": entry.received_at,
            "due_at": entry.received_at,
            "size": len(entry.content),
            "sha256": entry.sha256,
            "state": "waiting",
            **{name: getattr(entry.envelope, name) for name in names},
        }
        for entry in entries
    ]
