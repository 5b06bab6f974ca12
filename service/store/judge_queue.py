"""Long cases that wait to be judged.

Judging reads every mail of a case, so that one mail to a case of 1,000 mails costs more than the mail itself. Such a
case is therefore queued, in the transaction that stores the mail, and judged between batches (``worker``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from service.store.neighbours import THESE, chunks
from service.store.tables import judge_queue, messages

LONG = 150
"""A case with more messages is queued."""

# built once: what a statement costs to build is most of what it costs

_LONG = (
    select(messages.c.case_id)
    .where(messages.c.case_id.in_(THESE))
    .group_by(messages.c.case_id)
    .having(func.count() > LONG)
)
_QUEUED = select(judge_queue.c.case_id).where(judge_queue.c.case_id.in_(THESE))
_FIRST = select(judge_queue.c.case_id).order_by(judge_queue.c.since, judge_queue.c.case_id).limit(1)


def long_cases(conn: Connection, case_ids: Sequence[int]) -> set[int]:
    """Those with more than ``LONG`` messages."""
    return {case_id for chunk in chunks(case_ids) for case_id in conn.execute(_LONG, {"these": chunk}).scalars()}


def queue(conn: Connection, case_ids: Sequence[int], now: datetime) -> None:
    """Queue these cases; one that waits already keeps its place. The caller holds ``database.one_at_a_time``."""
    waiting = {case_id for chunk in chunks(case_ids) for case_id in conn.execute(_QUEUED, {"these": chunk}).scalars()}
    rows = [{"case_id": case_id, "since": now} for case_id in case_ids if case_id not in waiting]
    if rows:
        conn.execute(insert(judge_queue), rows)


def first(conn: Connection) -> int | None:
    """The case that has waited longest."""
    return conn.execute(_FIRST).scalar()


def give_up(conn: Connection) -> None:
    """Take the first from the queue: it could not be judged. The next mail to it queues it again."""
    if (case_id := first(conn)) is not None:
        remove(conn, case_id)


def remove(conn: Connection, case_id: int) -> None:
    """Take a case from the queue."""
    conn.execute(delete(judge_queue).where(judge_queue.c.case_id == case_id))
