"""Backup of a running system as a consistent snapshot in one file, and restore into an empty database.

Tables are backed up as the database has them, at any schema revision. A restore creates the schema of that revision,
loads the rows, then migrates, so this version restores backups of older versions. The word index is left out; the
worker rebuilds it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, Table, delete, func, insert, inspect, select, text, update
from sqlalchemy import MetaData as Tables
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SAWarning

from service.errors import Refused
from service.store import contents, migrate, spool_view, webhooks
from service.store.archive import Manifest, Reader, Writer, value
from service.store.blob_store import BlobStore
from service.store.database import Database
from service.store.tables import SEARCH_TABLE
from service.store.tables import contents as content_table

_ROWS = 500
_ROWS_OF_BYTES = 8  # rows read or written at once (``_ROWS``), and for tables with raw mails
_ELSEWHERE: dict[str, dict[str, Any]] = {
    "messages": {"indexed": False},  # the worker rebuilds the word index
    "mailboxes": {"leased_by": None, "leased_until": None},
    "spool": {"leased_by": None, "leased_until": None},  # leases belong to processes of the backed-up system
}


@dataclass(frozen=True, slots=True)
class Restored:
    """Result of a restore; ``wrong`` lists (id, problem) of raw mails that differ from what was received."""

    manifest: Manifest
    ledger: spool_view.Ledger
    wrong: list[tuple[str, str]]


def backup(database: Database, outside: BlobStore | None, path: Path, now: datetime) -> Manifest:
    """Write a snapshot of everything into a new file and return its manifest. Raises Refused, Unavailable.

    It blocks no other transaction. The manifest lists raw mails that are missing from external storage.
    """
    revision = database.read(migrate.revision)
    if revision is None:
        raise Refused("there is nothing to back up: the database is empty")
    with Writer(path, revision, now, f"sodan {version('sodan')}") as archive:
        named = database.read(partial(_write_tables, archive=archive))
        for key in named:
            packed = outside.get(key) if outside is not None else None
            if packed is None:
                archive.manifest.missing.append(key)
            else:
                archive.content(key, packed)
    return archive.manifest


def restore(database: Database, outside: BlobStore | None, path: Path) -> Restored:
    """Fill an empty database from a backup, migrate it, and compare every raw mail with its SHA-256.

    Raises Refused if the database is not empty or the file is incomplete; then nothing has changed.
    """
    with Reader(path) as archive:
        archive.verify()
        if database.read(lambda conn: inspect(conn).get_table_names()):
            raise Refused(
                "the database is not empty, and a restore overwrites nothing; set SODAN_DATABASE_URL to a new database"
            )
        if outside is not None:
            for key in archive.outside():
                outside.put(key, archive.content(key))
        database.transact(partial(_load, archive=archive, keep_outside=outside is not None))
        migrate.migrate(database)
        return Restored(archive.manifest, database.read(spool_view.ledger), list(contents.check(database, outside)))


def _write_tables(conn: Connection, archive: Writer) -> list[str]:
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    revision = migrate.revision(conn)  # read within the snapshot, since a migration may have run in between
    archive.manifest.revision = revision or archive.manifest.revision
    tables = _tables(conn)
    for table in tables.sorted_tables:
        columns = list(table.columns)
        query = select(*columns).order_by(*table.primary_key.columns)
        rows = conn.execute(query, execution_options={"yield_per": _at_once(table)})
        archive.table(table.name, [column.name for column in columns], iter(rows))
    return sorted({row.sha256 for row in conn.execute(contents.HEADS.where(content_table.c.codec == contents.OUTSIDE))})


def _load(conn: Connection, archive: Reader, keep_outside: bool) -> None:
    migrate.bring_to(conn, archive.manifest.revision)
    tables = _tables(conn)
    for table in reversed(tables.sorted_tables):
        conn.execute(delete(table))
    for name, wanted in archive.manifest.rows.items():
        if name not in tables.tables:
            raise Refused(f"{archive.path} is damaged: its revision {archive.manifest.revision} has no table {name}")
        table = tables.tables[name]
        rows = _rows(archive, table)
        if name == "contents" and not keep_outside:
            rows = _brought_in(archive, rows)
        _fill(conn, table, rows)
        found = conn.execute(select(func.count()).select_from(table)).scalar_one()
        if found != wanted:
            raise Refused(f"{archive.path} is damaged: it contains {found} rows of {name} instead of {wanted}")
        _count_on(conn, table)


def _rows(archive: Reader, table: Table) -> Iterator[dict[str, Any]]:
    kinds = {column.name: column.type.python_type for column in table.columns}
    elsewhere = {name: as_new for name, as_new in _ELSEWHERE.get(table.name, {}).items() if name in kinds}
    # webhooks are disabled, since the backed-up system may still be sending to them
    held = {"disabled_at": datetime.fromisoformat(archive.manifest.made_at), "last_error": webhooks.HELD}
    for row in archive.table(table.name):
        values = {name: value(written, kinds[name]) for name, written in row.items()} | elsewhere
        if table.name == "webhooks" and values.get("disabled_at") is None:
            values |= held
        if table.metadata.info["naive"]:
            for name, one in values.items():
                values[name] = one.astimezone(UTC).replace(tzinfo=None) if isinstance(one, datetime) else one
        yield values


def _brought_in(archive: Reader, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Put raw mails from external storage into their rows, since this installation has no external storage."""
    keys = {row["id"]: row["sha256"] for row in archive.table("spool")}
    there = set(archive.outside())
    for row in rows:
        if row["codec"] == "file" and keys[row["id"]] in there:
            row = {**row, "codec": "zstd", "bytes": archive.content(keys[row["id"]])}
        yield row


def _fill(conn: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    """Insert the rows. References within the same table are set at the end, since they may point to later rows."""
    own = [key.parent.name for key in table.foreign_keys if key.column.table is table]
    [number] = list(table.primary_key.columns)[:1]
    later: list[tuple[Any, dict[str, Any]]] = []
    while chunk := list(islice(rows, _at_once(table))):
        for row in chunk:
            if pointing := {name: row[name] for name in own if row[name] is not None}:
                later.append((row[number.name], pointing))
        conn.execute(insert(table), [{**row, **dict.fromkeys(own)} for row in chunk])
    for id, pointing in later:
        conn.execute(update(table).where(number == id).values(**pointing))


def _count_on(conn: Connection, table: Table) -> None:
    """On PostgreSQL, set the sequences to the highest id; SQLite needs no such step."""
    for column in table.primary_key.columns if conn.dialect.name == "postgresql" else ():
        sequence = conn.execute(select(func.pg_get_serial_sequence(table.name, column.name))).scalar()
        if sequence and (highest := conn.execute(select(func.max(column))).scalar()) is not None:
            continued = text("SELECT setval(CAST(:sequence AS text)::regclass, :highest)")
            conn.execute(continued, {"sequence": sequence, "highest": highest})


def _tables(conn: Connection) -> Tables:
    """Reflect the tables of the database, without the word index and the schema revision."""
    names: Sequence[str] = [
        name
        for name in inspect(conn).get_table_names()
        if not name.startswith((SEARCH_TABLE, "sqlite_")) and name != "alembic_version"
    ]
    tables = Tables(info={"naive": conn.dialect.name == "sqlite"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # expression indexes cannot be reflected and are not needed
        tables.reflect(conn, only=names)
    data: Any = JSONB(none_as_null=True) if conn.dialect.name == "postgresql" else JSON(none_as_null=True)
    for table in tables.tables.values():
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type = data
    return tables


def _at_once(table: Table) -> int:
    return _ROWS_OF_BYTES if any(column.type.python_type is bytes for column in table.columns) else _ROWS
