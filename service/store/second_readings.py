"""Second readings: jobs that ask a language model about one message each, and their usage.

They follow the rules of the spool: an attempt is counted before it is made, a lease belongs to one process, and a job
that fails repeatedly is set aside with its reason. The answer is stored, so that no request is sent twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, true, update

from mailrules.judgement import Reading
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.readings import unbound
from service.errors import NotFound
from service.store import lines
from service.store.message_rows import findings_of
from service.store.statements import Queue, exists, upsert
from service.store.tables import messages as stored
from service.store.tables import model_usage, second_readings

MAX_ATTEMPTS = 6
BACK_OFF = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200))
"""Delay after the first, second … failed attempt, unless the endpoint names one."""
_QUEUE = Queue(second_readings, second_readings.c.message_id, second_readings.c.attempts)
anything_due = _QUEUE.anything_due
counts = _QUEUE.counts


@dataclass(frozen=True, slots=True)
class Job:
    """A message leased to this process."""

    message: int
    attempts: int  # including this one


@dataclass(frozen=True, slots=True)
class Eligible:
    """What decides whether a message may be sent to a model."""

    message: int
    side: str
    automatic: str | None
    characters: int
    defects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage of one day."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    dropped: int = 0
    refused: int = 0


def enqueue(conn: Connection, messages: Sequence[int], now: datetime) -> None:
    """Enqueue messages for a second reading; those enqueued before are left unchanged."""
    if not messages:
        return
    rows = [{"message_id": one, "state": "waiting", "created_at": now, "due_at": now} for one in messages]
    conn.execute(upsert(conn, second_readings).on_conflict_do_nothing(index_elements=["message_id"]), rows)


def eligible(conn: Connection, spool_ids: Sequence[str]) -> list[Eligible]:
    """Return the messages that these mails brought."""
    query = select(
        stored.c.id, stored.c.author_role, stored.c.automatic, func.length(stored.c.text), stored.c.defects
    ).where(stored.c.spool_id.in_(spool_ids))
    return [Eligible(*row[:4], tuple(row[4])) for row in conn.execute(query)]


def claim(conn: Connection, by: str, now: datetime, lease: timedelta) -> Job | None:
    """Lease the job that is due first and count the attempt.

    Returns None if nothing is due, or if that job had too many attempts and was set to failed.
    """
    for message, attempts in _QUEUE.first(conn, now):
        if attempts < MAX_ATTEMPTS:
            values = {"attempts": attempts + 1, "leased_by": by, "leased_until": now + lease}
            conn.execute(update(second_readings).where(second_readings.c.message_id == message).values(**values))
            return Job(message, attempts + 1)
        finish(conn, message, None, now, state="failed", reason=f"no answer in {MAX_ATTEMPTS} attempts")
    return None


def finish(
    conn: Connection, message: int, by: str | None, now: datetime, *, state: str, reason: str | None = None, **kept: Any
) -> bool:
    """Set a job to ``done``, ``refused`` or ``failed``; returns False if ``by`` no longer holds it.

    ``by`` None: the lease is not checked.
    """
    held = second_readings.c.leased_by == by if by is not None else true()
    this = (second_readings.c.message_id == message, second_readings.c.state == "waiting", held)
    return bool(_QUEUE.settle(conn, *this, state=state, reason=reason, done_at=now, **kept))


def back_off(
    conn: Connection, job: Job, by: str, why: str, now: datetime, retry_after: float | None, *, uncounted: bool = False
) -> None:
    """Record a failure: retry later, or fail after the last attempt. ``uncounted``: the endpoint was unreachable."""
    if job.attempts >= MAX_ATTEMPTS and not uncounted:
        finish(conn, job.message, by, now, state="failed", reason=why)
        return
    wait = BACK_OFF[min(job.attempts, len(BACK_OFF)) - 1] if retry_after is None else timedelta(seconds=retry_after)
    this = (second_readings.c.message_id == job.message, second_readings.c.leased_by == by)
    _QUEUE.settle(conn, *this, due_at=now + wait, reason=why, attempts=job.attempts - uncounted)


def answers(conn: Connection, messages: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return message id → (stored answer, model and request version) of those that were read."""
    query = select(second_readings).where(second_readings.c.message_id.in_(messages), second_readings.c.state == "done")
    return {row.message_id: (row.answer, f"{row.model} {row.request_version}") for row in conn.execute(query)}


def is_pending(conn: Connection, case: int) -> bool:
    """Whether a message of the case still waits for its second reading."""
    query = select(true()).select_from(second_readings.join(stored, stored.c.id == second_readings.c.message_id))
    return exists(conn, query.where(stored.c.case_id == case, second_readings.c.state == "waiting"))


def oldest_waiting(conn: Connection) -> Any:
    """Return ``created_at`` and ``reason`` of the job that has waited longest, or None."""
    query = select(second_readings.c.created_at, second_readings.c.reason).where(_QUEUE.waiting)
    return conn.execute(query.order_by(second_readings.c.created_at).limit(1)).first()


def cases_of(conn: Connection, messages: Sequence[int]) -> list[int]:
    """Return the cases of these messages."""
    query = select(stored.c.case_id).distinct().where(stored.c.id.in_(messages))
    return sorted(conn.execute(query).scalars())


def line(conn: Connection, message: int) -> CaseMessage:
    """Return a message in the form that judging needs. Raises NotFound."""
    for case in cases_of(conn, [message]):
        for one in lines.lines(conn, case):
            if one.id == message:
                return one
    raise NotFound("there is no such message")


def keep_reading(conn: Connection, message: int, reading: Reading) -> None:
    """Replace the stored reading of a message."""
    values = {"statements": unbound(reading), "findings": findings_of(reading)}
    conn.execute(update(stored).where(stored.c.id == message).values(**values))


def spend(conn: Connection, day: date, **amounts: float) -> None:
    """Add to the usage of a day; the names are those of ``Usage``."""
    more = {name: model_usage.c[name] + amount for name, amount in amounts.items()}
    spent = upsert(conn, model_usage).values(day=day, **amounts)
    conn.execute(spent.on_conflict_do_update(index_elements=["day"], set_=more))


def usage(conn: Connection, day: date) -> Usage:
    """Return the usage of a day."""
    row = conn.execute(
        select(*(model_usage.c[name] for name in Usage.__slots__)).where(model_usage.c.day == day)
    ).first()
    return Usage(*row) if row else Usage()


def usage_in_all(conn: Connection) -> Usage:
    """Return the total usage, for metrics."""
    columns = [func.coalesce(func.sum(model_usage.c[name]), 0) for name in Usage.__slots__]
    return Usage(*conn.execute(select(*columns)).one())
