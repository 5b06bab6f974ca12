"""Long cases that wait to be judged.

Judging reads every mail of a case, so that one mail to a case of 1,000 mails costs more than the mail itself. Such a
case is therefore queued, in the transaction that stores the mail, and judged between batches (``worker``), without the
lock of writers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from service.store.neighbours import THESE, chunks
from service.store.tables import cases, judge_queue, messages

LONG = 150
"""A case with more messages is queued."""

# built once: what a statement costs to build is most of what it costs

_LONG = (
    select(messages.c.case_id)
    .where(messages.c.case_id.in_(THESE))
    .group_by(messages.c.case_id)
    .having(func.count() > LONG)
)
_REMOVE = delete(judge_queue).where(judge_queue.c.case_id.in_(THESE))
_FIRST = (
    select(judge_queue.c.case_id, judge_queue.c.since, cases.c.version)
    .join(cases, cases.c.id == judge_queue.c.case_id)
    .order_by(judge_queue.c.since, judge_queue.c.case_id)
    .limit(1)
)


def long_cases(conn: Connection, case_ids: Sequence[int]) -> set[int]:
    """Those with more than ``LONG`` messages."""
    return {case_id for chunk in chunks(case_ids) for case_id in conn.execute(_LONG, {"these": chunk}).scalars()}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case in the queue: since when, and the version of the case then."""

    case_id: int
    since: datetime
    version: int


def queue(conn: Connection, case_ids: Sequence[int], now: datetime) -> None:
    """Queue these cases, or say of those that wait that there is more mail. The caller holds ``one_at_a_time``."""
    if case_ids:
        for chunk in chunks(case_ids):
            conn.execute(_REMOVE, {"these": chunk})
        conn.execute(insert(judge_queue), [{"case_id": case_id, "since": now} for case_id in case_ids])


def first(conn: Connection) -> Waiting | None:
    """The case that has waited longest."""
    row = conn.execute(_FIRST).first()
    return Waiting(*row) if row else None


def is_current(conn: Connection, waiting: Waiting) -> bool:
    """Whether nobody changed the case since ``first``: a person, or another worker."""
    query = select(cases.c.version).where(cases.c.id == waiting.case_id)
    return bool(conn.execute(query).scalar() == waiting.version)


def remove(conn: Connection, waiting: Waiting) -> None:
    """Take a case from the queue, unless more mail came to it since."""
    row = (judge_queue.c.case_id == waiting.case_id, judge_queue.c.since == waiting.since)
    conn.execute(delete(judge_queue).where(*row))


def give_up(conn: Connection) -> None:
    """Take the first from the queue: it could not be judged. The next mail to it queues it again."""
    if (waiting := first(conn)) is not None:
        remove(conn, waiting)
