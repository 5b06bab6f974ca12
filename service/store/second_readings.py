"""Jobs of the language model, which reads one message in each job; usage of the model.

Jobs follow the rules of the spool: an attempt is counted before it begins, one process holds the lease, and a job that
fails repeatedly becomes ``failed`` with a reason. The answer is stored, so that no request is sent twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, true, update

from mailrules.judgement import Reading
from service.cases.facts.case_message import CaseMessage
from service.errors import NotFound
from service.store import case_messages
from service.store.queues import Queue
from service.store.sql import THESE, exists, in_chunks, upsert
from service.store.tables import messages as stored
from service.store.tables import model_usage, second_readings

BACK_OFF = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200))
"""Delay after the first, second … failed attempt, unless the model's server demands another one."""
_QUEUE = Queue(second_readings, BACK_OFF, second_readings.c.message_id, second_readings.c.attempts)
MAX_ATTEMPTS = _QUEUE.max_attempts
anything_due = _QUEUE.anything_due
counts = _QUEUE.counts


@dataclass(frozen=True, slots=True)
class Job:
    """The job to read one message with the language model, leased by this process."""

    message: int
    attempts: int  # including this attempt


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage of the model, of one day or in total."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0  # total time of the requests
    dropped: int = 0  # statements in answers that could not be used
    refused: int = 0  # requests that the model refused or answered in a wrong form


def enqueue(conn: Connection, messages: Sequence[int], now: datetime) -> None:
    """Create jobs for those of these messages that have no job."""
    if not messages:
        return
    rows = [{"message_id": id, "state": "waiting", "created_at": now, "due_at": now} for id in messages]
    conn.execute(upsert(conn, second_readings).on_conflict_do_nothing(index_elements=["message_id"]), rows)


def of_mails(conn: Connection, spool_ids: Sequence[str]) -> Sequence[Any]:
    """Return the messages of mails as rows: id, author_role, automatic, defects, and length (characters of text)."""
    columns = [stored.c[name] for name in ("id", "author_role", "automatic", "defects")]
    query = select(*columns, func.length(stored.c.text).label("length"))
    return conn.execute(query.where(stored.c.spool_id.in_(spool_ids))).all()


def claim(conn: Connection, by: str, now: datetime, lease: timedelta) -> Job | None:
    """Lease the job that is due first, and count the attempt. None if no job is due or it had too many attempts."""
    for message, attempts in _QUEUE.first(conn, now):
        if attempts < MAX_ATTEMPTS:
            _QUEUE.lease(conn, [message], by, now + lease)
            return Job(message, attempts + 1)
        values = {"state": "failed", "reason": f"no answer in {MAX_ATTEMPTS} attempts", "done_at": now}
        _QUEUE.settle(conn, second_readings.c.message_id == message, **values)
    return None


def finish(
    conn: Connection, message: int, by: str, now: datetime, *, state: str, reason: str | None = None, **more: Any
) -> bool:
    """Set the state and other columns of a job, and end its lease. Returns False if ``by`` lost the lease."""
    held = _QUEUE.held(by, second_readings.c.message_id == message)
    return bool(_QUEUE.settle(conn, held, state=state, reason=reason, done_at=now, **more))


def back_off(
    conn: Connection, message: int, by: str, why: str, now: datetime, wait: float | None = None, *, counted: bool = True
) -> None:
    """Record a failed attempt. The job is due again later, or ``failed`` after the last attempt.

    ``wait``: seconds until the next attempt, if the model's server demands a time.
    """
    delay = None if wait is None else timedelta(seconds=wait)
    if not _QUEUE.back_off(conn, message, by, now, delay=delay, counted=counted, reason=why):
        finish(conn, message, by, now, state="failed", reason=why)


def answers(conn: Connection, messages: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return message id → (answer, model and request version) of the jobs that are done."""
    query = select(second_readings).where(second_readings.c.message_id.in_(messages), second_readings.c.state == "done")
    return {row.message_id: (row.answer, f"{row.model} {row.request_version}") for row in conn.execute(query)}


def is_pending(conn: Connection, case: int) -> bool:
    """Return whether a message of the case waits for the model."""
    query = select(true()).select_from(second_readings.join(stored, stored.c.id == second_readings.c.message_id))
    return exists(conn, query.where(stored.c.case_id == case, second_readings.c.state == "waiting"))


def oldest_waiting(conn: Connection) -> Any:
    """Return ``created_at`` and ``reason`` of the job that has waited longest, or None."""
    query = select(second_readings.c.created_at, second_readings.c.reason).where(_QUEUE.waiting)
    return conn.execute(query.order_by(second_readings.c.created_at).limit(1)).first()


def cases_of(conn: Connection, messages: Sequence[int]) -> list[int]:
    """Return the ids of the cases that contain these messages."""
    query = select(stored.c.case_id).distinct().where(stored.c.id.in_(messages))
    return sorted(conn.execute(query).scalars())


def affected_cases(conn: Connection, line: CaseMessage) -> list[int]:
    """Return the case of a message. For a reply that begins another matter, add the cases of the mails it answers."""
    answered = [*line.node.parents, *line.node.refs] if line.node.fresh else []
    places = in_chunks(conn, select(stored.c.case_id).distinct().where(stored.c.message_id.in_(THESE)), answered)
    return sorted({*cases_of(conn, [line.id]), *(row.case_id for row in places)})


def case_message(conn: Connection, id: int) -> CaseMessage:
    """Return a message as the judgement of its case uses it. Raises NotFound."""
    for case in cases_of(conn, [id]):
        for message in case_messages.messages_of_case(conn, case):
            if message.id == id:
                return message
    raise NotFound("there is no such message")


def save_reading(conn: Connection, message: int, reading: Reading) -> None:
    """Replace the stored reading (the statements found) of a message."""
    conn.execute(update(stored).where(stored.c.id == message).values(statements=reading))


def add_usage(conn: Connection, day: date, **amounts: float) -> None:
    """Add amounts to the usage of a day. The keywords are the fields of ``Usage``."""
    sums = {name: model_usage.c[name] + amount for name, amount in amounts.items()}
    insert = upsert(conn, model_usage).values(day=day, **amounts)
    conn.execute(insert.on_conflict_do_update(index_elements=["day"], set_=sums))


def usage(conn: Connection, day: date | None = None) -> Usage:
    """Return the usage of a day, or of all days."""
    query = select(*(func.coalesce(func.sum(model_usage.c[name]), 0) for name in Usage.__slots__))
    return Usage(*conn.execute(query if day is None else query.where(model_usage.c.day == day)).one())
