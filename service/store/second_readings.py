"""Second readings: jobs that ask a language model about one message each, and their usage.

They follow the rules of the spool: an attempt is counted before it is made, a lease belongs to one process, and a job
that fails repeatedly is set aside with its reason. The answer is stored, so that no request is sent twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, text, true, update
from sqlalchemy.dialects import postgresql, sqlite

from mailrules.judgement import Reading
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.readings import unbound
from service.errors import NotFound
from service.store import lines
from service.store.tables import messages as stored
from service.store.tables import model_usage, second_readings

MAX_ATTEMPTS = 6
BACK_OFF = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200))
"""Delay after the first, second … failed attempt, unless the endpoint names one."""
_WAITING = text("state = 'waiting'")


@dataclass(frozen=True, slots=True)
class Job:
    """A message leased to this process."""

    message: int
    attempts: int
    """Including this one."""


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
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    conn.execute(dialect.insert(second_readings).on_conflict_do_nothing(index_elements=["message_id"]), rows)


def eligible(conn: Connection, spool_ids: Sequence[str]) -> list[Eligible]:
    """Return the messages that these mails brought."""
    query = select(
        stored.c.id, stored.c.author_role, stored.c.automatic, func.length(stored.c.text), stored.c.defects
    ).where(stored.c.spool_id.in_(spool_ids))
    return [Eligible(*row[:4], tuple(row[4])) for row in conn.execute(query)]


def anything_due(conn: Connection, now: datetime) -> bool:
    """Whether a job is due."""
    return conn.execute(select(true()).select_from(second_readings).where(_free(now)).limit(1)).first() is not None


def claim(conn: Connection, by: str, now: datetime, lease: timedelta) -> Job | None:
    """Lease the job that is due first and count the attempt.

    Returns None if nothing is due, or if that job had too many attempts and was set to failed.
    """
    row = conn.execute(
        select(second_readings.c.message_id, second_readings.c.attempts)
        .where(_free(now))
        .order_by(second_readings.c.due_at, second_readings.c.message_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    if row.attempts >= MAX_ATTEMPTS:
        finish(conn, row.message_id, None, now, state="failed", reason=f"no answer in {MAX_ATTEMPTS} attempts")
        return None
    conn.execute(
        update(second_readings)
        .where(second_readings.c.message_id == row.message_id)
        .values(attempts=row.attempts + 1, leased_by=by, leased_until=now + lease)
    )
    return Job(row.message_id, row.attempts + 1)


def finish(
    conn: Connection, message: int, by: str | None, now: datetime, *, state: str, reason: str | None = None, **kept: Any
) -> bool:
    """Set a job to ``done``, ``refused`` or ``failed``; returns False if ``by`` no longer holds it.

    ``by`` None: the lease is not checked.
    """
    held = second_readings.c.leased_by == by if by is not None else true()
    done = conn.execute(
        update(second_readings)
        .where(second_readings.c.message_id == message, second_readings.c.state == "waiting", held)
        .values(state=state, reason=reason, done_at=now, leased_by=None, leased_until=None, **kept)
    )
    return bool(done.rowcount)


def back_off(
    conn: Connection, job: Job, by: str, why: str, now: datetime, retry_after: float | None, *, uncounted: bool = False
) -> None:
    """Record a failure: retry later, or fail after the last attempt. ``uncounted``: the endpoint was unreachable."""
    if job.attempts >= MAX_ATTEMPTS and not uncounted:
        finish(conn, job.message, by, now, state="failed", reason=why)
        return
    wait = BACK_OFF[min(job.attempts, len(BACK_OFF)) - 1]
    if retry_after is not None:
        wait = timedelta(seconds=retry_after)
    conn.execute(
        update(second_readings)
        .where(second_readings.c.message_id == job.message, second_readings.c.leased_by == by)
        .values(
            due_at=now + wait,
            reason=why,
            attempts=job.attempts - uncounted,
            leased_by=None,
            leased_until=None,
        )
    )


def answers(conn: Connection, messages: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return message id → (stored answer, model and request version) of those that were read."""
    query = select(second_readings).where(second_readings.c.message_id.in_(messages), second_readings.c.state == "done")
    return {row.message_id: (row.answer, f"{row.model} {row.request_version}") for row in conn.execute(query)}


def is_pending(conn: Connection, case: int) -> bool:
    """Whether a message of the case still waits for its second reading."""
    query = (
        select(true())
        .select_from(second_readings.join(stored, stored.c.id == second_readings.c.message_id))
        .where(stored.c.case_id == case, second_readings.c.state == "waiting")
        .limit(1)
    )
    return conn.execute(query).first() is not None


def oldest_waiting(conn: Connection) -> Any:
    """Return ``created_at`` and ``reason`` of the job that has waited longest, or None."""
    query = (
        select(second_readings.c.created_at, second_readings.c.reason)
        .where(_WAITING)
        .order_by(second_readings.c.created_at)
        .limit(1)
    )
    return conn.execute(query).first()


def counts(conn: Connection) -> dict[str, int]:
    """Return the number of jobs by state."""
    query = select(second_readings.c.state, func.count()).group_by(second_readings.c.state)
    return {state: int(number) for state, number in conn.execute(query)}


# ── the message ──────────────────────────────────────────────────────────────────────────────────────────────────────


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
    findings = [
        {"rule": f.rule, "pack": f.pack, "quote": f.quote, "start": f.start, "end": f.end, "value": f.value}
        for f in reading.findings
    ]
    conn.execute(update(stored).where(stored.c.id == message).values(statements=unbound(reading), findings=findings))


# ── what it costs ────────────────────────────────────────────────────────────────────────────────────────────────────


def spend(conn: Connection, day: date, **amounts: float) -> None:
    """Add to the usage of a day; the names are those of ``Usage``."""
    values = {name: getattr(model_usage.c, name) + amount for name, amount in amounts.items()}
    if not conn.execute(update(model_usage).where(model_usage.c.day == day).values(**values)).rowcount:
        dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
        conn.execute(
            dialect.insert(model_usage)
            .values(day=day, **amounts)
            .on_conflict_do_update(index_elements=["day"], set_=values)
        )


def usage(conn: Connection, day: date) -> Usage:
    """Return the usage of a day."""
    row = conn.execute(select(model_usage).where(model_usage.c.day == day)).first()
    return Usage() if row is None else Usage(*(getattr(row, name) for name in Usage.__slots__))


def usage_in_all(conn: Connection) -> Usage:
    """Return the total usage, for metrics."""
    columns = [func.coalesce(func.sum(getattr(model_usage.c, name)), 0).label(name) for name in Usage.__slots__]
    row = conn.execute(select(*columns)).one()
    return Usage(*(getattr(row, name) for name in Usage.__slots__))


def _free(now: datetime) -> Any:
    return and_(
        _WAITING,
        second_readings.c.due_at <= now,
        or_(second_readings.c.leased_until.is_(None), second_readings.c.leased_until <= now),
    )
