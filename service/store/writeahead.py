"""Removes deleted rows from PostgreSQL's write-ahead log, as far as the role is allowed to.

A closed segment is deleted at the next checkpoint, or renamed to become a later segment; then it keeps its old bytes
until it is written to. So the current segment is closed, a checkpoint releases those before it, and every segment that
may be a renamed one is then closed in turn, since closing fills it with zeros (PostgreSQL 11 or later). With
``wal_recycle = off`` no segment is renamed, and there is nothing more to close.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import Any

from service.store.database import BUSY_SECONDS

_SEGMENT = re.compile(r"[0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})")
_MAY = """
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


@dataclass
class Remains:
    """Where deleted data may still exist, in sentences that say who must do what."""

    here: list[str] = field(default_factory=list)  # in the files of this database
    elsewhere: list[str] = field(default_factory=list)  # where the write-ahead log was copied to


async def release_wal(connection: Any) -> Remains:
    """Remove the write-ahead log up to now; returns what could not be removed.

    Writes one segment (16 MB, mostly zeros) for each segment the server keeps for reuse, which ``max_wal_size`` limits.
    Waits up to ``BUSY_SECONDS`` for readers of the log.
    """
    role, may = await connection.fetchrow(_MAY)
    if not may:
        words = (
            f"the write-ahead log of PostgreSQL (pg_wal), until the server overwrites it: the role {role} lacks the"
            " permission to remove it. Run this once in this database, as an administrator:"
            f' GRANT pg_monitor, pg_checkpoint TO "{role}"; GRANT EXECUTE ON FUNCTION pg_switch_wal() TO "{role}";'
            " then run the same command again"
        )
        return Remains([words], await _copies(connection))
    size, kept_back = await connection.fetchrow(_SIZES)
    last = await _now(connection, size)
    needed = last + 1 + -(-kept_back // size)
    end = time.monotonic() + BUSY_SECONDS
    while True:
        if await _now(connection, size) <= needed:
            await _close(connection)
        await connection.execute("CHECKPOINT")
        there = await _segments(connection, size)
        if min(there) > last:
            break
        if await _now(connection, size) > needed and time.monotonic() > end:
            who = [name for (name,) in await connection.fetch(_HOLDERS, size, last)]
            words = (
                "the write-ahead log of PostgreSQL (pg_wal): the server retains it for"
                f" {', '.join(who) or 'a reader of the log'}. Wait until that has read it, or remove it, then run the"
                " same command again"
            )
            return Remains([words], await _copies(connection))
        await asyncio.sleep(0.01)
    # no old segment has its own name any more: all that may hold old bytes are here, and there will be no more
    reused = max(there)
    while await _now(connection, size) <= reused:
        await _close(connection)
    return Remains([], await _copies(connection))


async def _copies(connection: Any) -> list[str]:
    """Return where else the log was copied to, with what to do there."""
    standbys, archived = await connection.fetchrow(_COPIES)
    found = []
    if standbys:
        found.append(f"pg_wal of the {standbys} standby servers, until they overwrite it: run CHECKPOINT on each")
    if archived:
        found.append("the archive of the write-ahead log (archive_mode is on), until it is deleted there")
    return found


async def _close(connection: Any) -> None:
    """Close the current segment; write something first, since an empty segment is not closed."""
    await connection.execute("SELECT pg_current_xact_id()")
    await connection.execute("SELECT pg_switch_wal()")


async def _now(connection: Any, size: int) -> int:
    """Return the number of the current segment."""
    return int(await connection.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")) // size


async def _segments(connection: Any, size: int) -> set[int]:
    """Return the numbers of all existing segments, including those kept for reuse."""
    names = [name for (name,) in await connection.fetch("SELECT name FROM pg_ls_waldir()")]
    parts = [found.groups() for name in names if (found := _SEGMENT.fullmatch(name))]
    return {int(high, 16) * (2**32 // size) + int(low, 16) for high, low in parts}
