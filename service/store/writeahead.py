"""Removes deleted rows from PostgreSQL's write-ahead log, as far as the role may.

A segment of before goes with the checkpoint after it was closed, or becomes a later segment under another name, with
its old bytes in it until it is written to. So the segment of now is closed, a checkpoint lets go of those before it,
and then each segment that may be an old one is closed in its turn: closing writes zeros to its end (PostgreSQL 11 on).
With ``wal_recycle = off`` nothing gets another name, and there is nothing more to close.
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
    """Where what went may still stand, in sentences that say who has to do what."""

    here: list[str] = field(default_factory=list)
    """In the files of this database."""
    elsewhere: list[str] = field(default_factory=list)
    """Where the server's log was copied to."""


async def release_wal(connection: Any) -> Remains:
    """Let go of the log up to now.

    Costs a segment (16 MB, mostly zeros) for each one that the server keeps for later use: ``max_wal_size`` bounds
    them. Waits up to ``BUSY_SECONDS`` for who still reads the log.
    """
    role, may = await connection.fetchrow(_MAY)
    if not may:
        words = (
            f"the write-ahead log of PostgreSQL (pg_wal), until the server has written over it: the role {role} may"
            " not close it and look. As an administrator, in this database, once:"
            f' GRANT pg_monitor, pg_checkpoint TO "{role}"; GRANT EXECUTE ON FUNCTION pg_switch_wal() TO "{role}";'
            " and then the same command again"
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
                "the write-ahead log of PostgreSQL (pg_wal): the server holds it back for"
                f" {', '.join(who) or 'somebody who reads it'}: let that read it, or take it away, and then the same"
                " command again"
            )
            return Remains([words], await _copies(connection))
        await asyncio.sleep(0.01)
    # none of before stands under its own name: those that may hold its bytes are here, and no more will come
    reused = max(there)
    while await _now(connection, size) <= reused:
        await _close(connection)
    return Remains([], await _copies(connection))


async def _copies(connection: Any) -> list[str]:
    """Where else the log went, with what to do there."""
    standbys, archived = await connection.fetchrow(_COPIES)
    found = []
    if standbys:
        found.append(
            f"pg_wal of the {standbys} servers that follow this one, until they write over it: CHECKPOINT on each"
        )
    if archived:
        found.append("the archive of the write-ahead log (archive_mode is on), until its own retention ends")
    return found


async def _close(connection: Any) -> None:
    """Close the segment of now; one to which nothing was written since the last is not closed, so write something."""
    await connection.execute("SELECT pg_current_xact_id()")
    await connection.execute("SELECT pg_switch_wal()")


async def _now(connection: Any, size: int) -> int:
    """Number of the segment that is written to."""
    return int(await connection.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")) // size


async def _segments(connection: Any, size: int) -> set[int]:
    """Numbers of all segments there are, also those kept for later."""
    names = [name for (name,) in await connection.fetch("SELECT name FROM pg_ls_waldir()")]
    parts = [found.groups() for name in names if (found := _SEGMENT.fullmatch(name))]
    return {int(high, 16) * (2**32 // size) + int(low, 16) for high, low in parts}
