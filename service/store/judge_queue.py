"""Queue of long cases to be judged.

Judging a case reads every mail of the case. With 1,000 mails, this takes longer than processing the new mail. Therefore
a long case is queued in the transaction that stores the mail. The worker judges it between batches, without the write
lock.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, delete, func, select

from service.store.sql import THESE, in_chunks, upsert
from service.store.tables import cases, judge_queue, messages

LONG = 150  # a case with more messages is queued

# built once, because building a statement takes longer than running it

_LONG = (
    select(messages.c.case_id)
    .where(messages.c.case_id.in_(THESE))
    .group_by(messages.c.case_id)
    .having(func.count() > bindparam("long", type_=Integer, callable_=lambda: LONG))
)
_FIRST = (
    select(judge_queue.c.case_id, judge_queue.c.since, cases.c.version)
    .join(cases, cases.c.id == judge_queue.c.case_id)
    .order_by(judge_queue.c.since, judge_queue.c.case_id)
    .limit(1)
)


def long_cases(conn: Connection, case_ids: Sequence[int]) -> set[int]:
    """Return the cases that have more than ``LONG`` messages."""
    return {row.case_id for row in in_chunks(conn, _LONG, case_ids)}


def queue(conn: Connection, case_ids: Sequence[int], now: datetime) -> None:
    """Queue these cases. Existing entries get a new time. The caller must hold ``one_at_a_time``."""
    if case_ids:
        queued = upsert(conn, judge_queue).on_conflict_do_update(index_elements=["case_id"], set_={"since": now})
        conn.execute(queued, [{"case_id": case_id, "since": now} for case_id in case_ids])


def first(conn: Connection) -> Any:
    """Return a row with the id, time and version of the case that has waited longest, or None."""
    return conn.execute(_FIRST).first()


def remove(conn: Connection, waiting: Any) -> None:
    """Remove the entry, unless the case was queued again after the entry was read."""
    row = (judge_queue.c.case_id == waiting.case_id, judge_queue.c.since == waiting.since)
    conn.execute(delete(judge_queue).where(*row))
