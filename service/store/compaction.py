"""Removes deleted rows from free pages, planner statistics and the write-ahead log.

The write-ahead log consists of segments. At a checkpoint, PostgreSQL deletes an old segment, or renames it for later
use. A renamed segment keeps the old bytes. Therefore this module closes the current segment and runs a checkpoint. Then
it closes each segment that may be a renamed one, because closing fills a segment with zeros (PostgreSQL 11 or later).
With ``wal_recycle = off``, PostgreSQL renames no segment. The database role needs permissions for all this.
"""

import asyncio
import re
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from service.errors import Unavailable
from service.store.database import BUSY_SECONDS, Database

_SEGMENT = re.compile(r"[0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})")
_PERMITTED = """
SELECT current_user, has_function_privilege('pg_catalog.pg_ls_waldir()', 'execute')
  AND has_function_privilege('pg_catalog.pg_switch_wal()', 'execute')
  AND (SELECT bool_or(rolsuper OR rolname = 'pg_checkpoint') FROM pg_roles
       WHERE (rolname = current_user AND rolsuper) OR (rolname = 'pg_checkpoint' AND pg_has_role(oid, 'usage')))
    IS TRUE
"""
_SIZES = """
SELECT (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'),
       (SELECT setting::bigint * 1048576 FROM pg_settings WHERE name = 'wal_keep_size')
"""
_HOLDERS = """
SELECT 'replication slot ' || slot_name FROM pg_replication_slots
WHERE floor((restart_lsn - '0/0'::pg_lsn) / $1) <= $2
UNION ALL SELECT 'archive_command, which lags behind or fails' WHERE current_setting('archive_mode') <> 'off'
"""
_COPIES = """
SELECT (SELECT count(*) FROM pg_stat_replication), current_setting('archive_mode') <> 'off'
"""
_STILL_NEEDED = """
SELECT pg_snapshot_xmin(pg_current_snapshot()) < $1::text::xid8 OR EXISTS (
  SELECT FROM pg_stat_activity
  WHERE (datname = current_database() OR backend_type = 'walsender') AND pid <> pg_backend_pid()
    AND age(backend_xmin) > age($1::text::xid8::xid)
    AND pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum WHERE pid IS NOT NULL)
) OR EXISTS (SELECT FROM pg_replication_slots WHERE age(xmin) > age($1::text::xid8::xid))
"""
"""Selects whether a transaction older than $1 is open: a writer on the server, a reader of the database, a standby."""

_STATISTICS = "SELECT pg_relation_filenode('pg_catalog.pg_statistic')"


@dataclass(frozen=True)
class Remains:
    """What a person must do because deleted data may still exist: one sentence for each place."""

    in_database: list[str] = field(default_factory=list)  # files of the database server
    in_copies: list[str] = field(default_factory=list)  # copies of the write-ahead log


def compact(database: Database) -> Remains:
    """Remove all remains of deleted rows from the database. Raises Unavailable if a long transaction prevents this."""
    if database.postgresql:
        return asyncio.run(_compact_postgresql(str(database.url.set(drivername="postgresql").render_as_string(False))))
    _compact_sqlite(str(database.url.database))
    return Remains()


def _compact_sqlite(path: str) -> None:
    end = time.monotonic() + BUSY_SECONDS
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        connection.execute("INSERT INTO search_words (search_words) VALUES ('optimize')")
        connection.execute("VACUUM")
        while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > end:
                raise Unavailable(
                    "another process reads the database too long: stop the service, then run the command again"
                )
            time.sleep(0.1)


async def _compact_postgresql(url: str) -> Remains:
    connection: Any = await asyncpg.connect(url)  # type: ignore[no-untyped-call]
    try:
        await _wait_for_old_snapshots(connection)
        tables = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()"
        for (name,) in await connection.fetch(tables):
            await connection.execute(f"VACUUM FULL ANALYZE {name}")
        problems = [await _rewrite_statistics(connection), await _release_wal(connection)]
        return Remains([problem for problem in problems if problem], await _copies(connection))
    finally:
        await connection.close()


async def _rewrite_statistics(connection: Any) -> str:
    """Rewrite the planner statistics, which contain values of deleted rows. Returns what a person must do, or ""."""
    before = await connection.fetchval(_STATISTICS)
    await connection.execute("VACUUM FULL pg_catalog.pg_statistic")  # only a warning if the role may not do this
    if await connection.fetchval(_STATISTICS) != before:
        return ""
    return "the planner's statistics: run VACUUM FULL pg_statistic as the owner of the database"


async def _wait_for_old_snapshots(connection: Any) -> None:
    """Wait until no snapshot can see the deleted rows, which VACUUM FULL would otherwise copy. Raises Unavailable.

    The snapshot of VACUUM FULL itself reaches back to the oldest writer on the whole server, in any database.
    """
    now = await connection.fetchval("SELECT pg_current_xact_id()::text")
    end = time.monotonic() + BUSY_SECONDS
    while await connection.fetchval(_STILL_NEEDED, now):
        if time.monotonic() > end:
            raise Unavailable(
                "a long transaction runs on the database server: wait until it ends, then run the command again"
            )
        await asyncio.sleep(0.1)


async def _release_wal(connection: Any) -> str:
    """Remove the write-ahead log up to now, waiting for its readers. Returns what a person must do, or "".

    For each segment that the server keeps for reuse (limited by ``max_wal_size``), this writes 16 MB, mostly zeros.
    """
    role, permitted = await connection.fetchrow(_PERMITTED)
    if not permitted:
        return (
            f"the write-ahead log of PostgreSQL (pg_wal), until the server overwrites it: the role {role} lacks the"
            " permission to remove it. Run this once in this database, as an administrator:"
            f' GRANT pg_monitor, pg_checkpoint TO "{role}"; GRANT EXECUTE ON FUNCTION pg_switch_wal() TO "{role}";'
            " then run the same command again"
        )
    size, keep_bytes = await connection.fetchrow(_SIZES)
    last_old = await _current_segment(connection, size)
    needed = last_old + 1 + -(-keep_bytes // size)
    end = time.monotonic() + BUSY_SECONDS
    while True:
        if await _current_segment(connection, size) <= needed:
            await _close_segment(connection)
        await connection.execute("CHECKPOINT")
        segments = await _segments(connection, size)
        if min(segments) > last_old:
            break
        if await _current_segment(connection, size) > needed and time.monotonic() > end:
            holders = [name for (name,) in await connection.fetch(_HOLDERS, size, last_old)]
            return (
                "the write-ahead log of PostgreSQL (pg_wal): the server retains it for"
                f" {', '.join(holders) or 'a reader of the log'}. Wait until that has read it, or remove it, then run"
                " the same command again"
            )
        await asyncio.sleep(0.01)
    # now all old segments are deleted or renamed: close all segments that may be renamed ones
    last_renamed = max(segments)
    while await _current_segment(connection, size) <= last_renamed:
        await _close_segment(connection)
    return ""


async def _copies(connection: Any) -> list[str]:
    """Return the copies of the write-ahead log, and what to do with each copy."""
    standbys, archived = await connection.fetchrow(_COPIES)
    copies = []
    if standbys:
        copies.append(f"pg_wal of the {standbys} standby servers, until they overwrite it: run CHECKPOINT on each")
    if archived:
        copies.append("the archive of the write-ahead log (archive_mode is on), until it is deleted there")
    return copies


async def _close_segment(connection: Any) -> None:
    """Close the current segment. Writes a record first, because PostgreSQL does not close an empty segment."""
    await connection.execute("SELECT pg_current_xact_id()")
    await connection.execute("SELECT pg_switch_wal()")


async def _current_segment(connection: Any, size: int) -> int:
    """Return the number of the segment to which the server writes. ``size``: bytes of a segment."""
    return int(await connection.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")) // size


async def _segments(connection: Any, size: int) -> set[int]:
    """Return the numbers of all segment files, including files kept for reuse."""
    names = [name for (name,) in await connection.fetch("SELECT name FROM pg_ls_waldir()")]
    parts = [match.groups() for name in names if (match := _SEGMENT.fullmatch(name))]
    return {int(high, 16) * (2**32 // size) + int(low, 16) for high, low in parts}
