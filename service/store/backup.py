"""Backup of a running system into one file, and restore into an empty database.

Tables are written as they are, at any schema revision. A restore creates the schema of that revision, loads the rows,
then migrates. So backups of older versions can be restored. The search index is left out; the worker rebuilds it.
"""

import warnings
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, func, insert, inspect, select, text, types, update
from sqlalchemy import MetaData as Tables
from sqlalchemy.exc import SAWarning

from service.errors import Refused
from service.store import contents, migrate, outbox, webhooks
from service.store.archive import FORMAT, Manifest, Reader, Writer, writing
from service.store.blob_store import BlobStore
from service.store.database import Database
from service.store.queues import NO_LEASE
from service.store.tables import SEARCH_TABLE, Data, Instant
from service.store.tables import contents as content_table

_ROWS = 500  # rows read or written at once
_ROWS_WITH_BYTES = 8  # rows at once for tables with raw mails
_TEXT_TYPES: tuple[tuple[type, Any], ...] = (
    (Instant, datetime | None),
    (types.Date, date | None),
    (types.LargeBinary, bytes | None),
)
"""Column type → Python type, for columns whose values are text in a backup."""
_RESET = {"indexed": False, **NO_LEASE}
"""Columns that get another value: the worker rebuilds the search index, and leases belong to other processes."""


def backup(database: Database, blob_store: BlobStore | None, path: Path, now: datetime) -> Manifest:
    """Write all data into a new file; its manifest lists missing raw mails. Raises Refused, Unavailable."""
    revision = database.read(migrate.revision)
    if revision is None:
        raise Refused("there is nothing to back up: the database is empty")
    manifest = Manifest(FORMAT, revision, now.astimezone(UTC).isoformat(), f"sodan {version('sodan')}")
    with writing(path, manifest) as archive:
        for key in database.read(partial(_write_tables, archive=archive)):
            packed = blob_store.get(key) if blob_store is not None else None
            if packed is None:
                manifest.missing.append(key)
            else:
                archive.content(key, packed)
    return manifest


def restore(database: Database, blob_store: BlobStore | None, path: Path) -> Manifest:
    """Load a backup into an empty database, then migrate it. Raises Refused before any change."""
    with closing(Reader(path)) as archive:
        archive.verify()
        if database.read(lambda conn: inspect(conn).get_table_names()):
            raise Refused(
                "the database is not empty, and a restore overwrites nothing; set SODAN_DATABASE_URL to a new database"
            )
        if blob_store is not None:
            for key in archive.content_keys():
                blob_store.put(key, archive.content(key))
        database.transact(partial(_load, archive=archive, external_storage=blob_store is not None))
        migrate.migrate(database)
        return archive.manifest


def _write_tables(conn: Connection, archive: Writer) -> list[str]:
    """Write all tables. Returns the keys of the raw mails in external storage."""
    revision = migrate.revision(conn)  # read within the snapshot, because a migration may have run before it
    archive.manifest.revision = revision or archive.manifest.revision
    tables = _tables(conn)
    for table in tables.sorted_tables:
        columns = list(table.columns)
        query = select(*columns).order_by(*table.primary_key.columns)
        rows = conn.execute(query, execution_options={"yield_per": _rows_at_once(table)})
        archive.table(table.name, [str(column.name) for column in columns], iter(rows))
    return sorted({row.sha256 for row in conn.execute(contents.HEADS.where(content_table.c.codec == contents.OUTSIDE))})


def _load(conn: Connection, archive: Reader, external_storage: bool) -> None:
    migrate.bring_to(conn, archive.manifest.revision)
    tables = _tables(conn)
    for table in reversed(tables.sorted_tables):
        conn.execute(delete(table))
    for name in archive.manifest.rows:
        table = tables.tables[name]
        rows = _rows(archive, table)
        if name == "contents" and not external_storage:
            rows = _with_external_contents(archive, rows)
        _insert(conn, table, rows)
        _set_sequences(conn, table)


def _rows(archive: Reader, table: Table) -> Iterator[dict[str, Any]]:
    python_types = {
        column.name: python_type
        for column in table.columns
        for column_type, python_type in _TEXT_TYPES
        if isinstance(column.type, column_type)
    }
    reset = {name: new for name, new in _RESET.items() if name in table.columns}
    # the original may still be sending: disable webhooks, and turn waiting mails into drafts
    disabled = {"disabled_at": datetime.fromisoformat(archive.manifest.made_at), "last_error": webhooks.HELD}
    draft = {"state": "draft", "reason": outbox.RESTORED}
    for row in archive.table(table.name):
        values = {name: msgspec.convert(value, python_types.get(name, Any)) for name, value in row.items()} | reset
        if table.name == "webhooks" and values.get("disabled_at") is None:
            values |= disabled
        if table.name == "outbox" and values["state"] == "waiting":
            values |= draft
        yield values


def _with_external_contents(archive: Reader, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Put raw mails of external storage into their rows."""
    keys = {row["id"]: row["sha256"] for row in archive.table("spool")}
    available = set(archive.content_keys())
    for row in rows:
        if row["codec"] == "file" and keys[row["id"]] in available:
            row = {**row, "codec": "zstd", "bytes": archive.content(keys[row["id"]])}
        yield row


def _insert(conn: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    """Insert the rows. References to rows of the same table are set at the end, when all rows exist."""
    references = [key.parent.name for key in table.foreign_keys if key.column.table is table]
    [primary_key] = list(table.primary_key.columns)[:1]
    updates: list[tuple[Any, dict[str, Any]]] = []
    while chunk := list(islice(rows, _rows_at_once(table))):
        for row in chunk:
            if values := {name: row[name] for name in references if row[name] is not None}:
                updates.append((row[primary_key.name], values))
        conn.execute(insert(table), [{**row, **dict.fromkeys(references)} for row in chunk])
    for id, values in updates:
        conn.execute(update(table).where(primary_key == id).values(**values))


def _set_sequences(conn: Connection, table: Table) -> None:
    """Let new rows continue after the highest id. Only PostgreSQL needs this."""
    for column in table.primary_key.columns if conn.dialect.name == "postgresql" else ():
        sequence = conn.execute(select(func.pg_get_serial_sequence(table.name, column.name))).scalar()
        if sequence and (highest := conn.execute(select(func.max(column))).scalar()) is not None:
            statement = text("SELECT setval(CAST(:sequence AS text)::regclass, :highest)")
            conn.execute(statement, {"sequence": sequence, "highest": highest})


def _tables(conn: Connection) -> Tables:
    """Return the tables of the database, without the search index and the schema revision."""
    tables, left_out = Tables(), (SEARCH_TABLE, "sqlite_", "alembic_version")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # expression indexes cannot be reflected and are not needed
        tables.reflect(conn, only=lambda name, _: not name.startswith(left_out))
    for column in (column for table in tables.tables.values() for column in table.columns):
        if isinstance(column.type, types.JSON):
            column.type = Data
        elif isinstance(column.type, types.DateTime):
            column.type = Instant()
    return tables


def _rows_at_once(table: Table) -> int:
    return _ROWS_WITH_BYTES if any(isinstance(column.type, types.LargeBinary) for column in table.columns) else _ROWS
