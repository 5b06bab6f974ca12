"""The outbox: mail and notifications that sodan sends, durable like the spool.

An entry is written in the transaction that decides to send it. In the state ``draft`` it waits for a person, in
``waiting`` for the sender. ``sent``, ``failed`` and ``discarded`` are final, except that a person can send a failed
mail again. ``claim`` counts an attempt and takes a lease before anything is sent. If a sender dies while it holds a
lease, it is unknown whether the server accepted the mail (RFC 5321 §4.5.4.2 leaves this open). The entry is then sent
again with the same Message-ID, and its column ``in_doubt`` is increased.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, or_, select, update

from service.errors import Conflict
from service.store.database import one_at_a_time
from service.store.queues import NO_LEASE, Queue
from service.store.sql import exists, one_row, upsert, write_event
from service.store.tables import daily_jobs, outbox

State = Literal["draft", "waiting", "sent", "failed", "discarded"]
STATES = ("draft", "waiting", "sent", "failed", "discarded")
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 480, 960))
"""Delay after the first, second … failed attempt. After one more failure the entry becomes ``failed``."""
HELD = "held: more than "  # beginning of the reason of a draft that exceeds a limit of automatic mails
RESTORED = "held: restored from a backup, and the original may have sent it"
_SHOWN = [column for column in outbox.c if not column.name.startswith("leased")]
_HOURLY_LIMIT = "automatic mails within an hour"
_QUEUE = Queue(outbox, BACK_OFF)
anything_due = _QUEUE.anything_due
counts = _QUEUE.counts


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that is not in the outbox yet."""

    kind: str  # acknowledgement, questions, reminder, digest, notification
    recipient: str
    subject: str
    text: str
    channel: str = "mail"  # or ``notify``
    html: str = ""
    language: str = "en"
    case_id: int | None = None
    once: str | None = None  # a key for which only one entry is ever written; None: no such limit
    headers: Mapping[str, str] = field(default_factory=dict)
    items: Sequence[str] = ()  # checklist items that the mail asks for
    message_id: str | None = None
    answers: int | None = None  # id of the message that it replies to
    made_by: str = ""  # the person who wrote it; "": automatic


@dataclass(frozen=True, slots=True)
class LeasedEntry:
    """An entry that a sender has leased."""

    id: int
    kind: str
    channel: str
    recipient: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    message_id: str | None
    case_id: int | None
    created_at: datetime
    attempts: int


def write(
    conn: Connection,
    draft: Draft,
    *,
    state: State,
    now: datetime,
    due_at: datetime | None = None,
    reason: str | None = None,
) -> int | None:
    """Insert an entry and return its id, or None if its key ``once`` exists already. ``reason``: why it is held."""
    one_at_a_time(conn)  # before any other lock: events are numbered in the order of commits
    row: dict[str, Any] = {column.name: getattr(draft, column.name) for column in fields(draft)}
    row |= {"state": state, "created_at": now, "due_at": due_at or now, "reason": reason}
    insert = upsert(conn, outbox).values(row).on_conflict_do_nothing(index_elements=["once"]).returning(outbox.c.id)
    number: int | None = conn.execute(insert).scalar()
    if number is not None:
        held = state == "draft" and (reason or "").startswith(HELD)
        kind = "outbox.held" if held else "outbox.written"
        write_event(conn, kind, now, {"outbox": number}, case=draft.case_id, who=draft.made_by)
    return number


def begin_daily(conn: Connection, job: str, day: date) -> bool:
    """Record that a daily job runs on this day. Returns False if it ran on this day before."""
    one_at_a_time(conn)
    insert = upsert(conn, daily_jobs).values(name=job, day=day)
    query = insert.on_conflict_do_update(index_elements=["name"], set_={"day": day}, where=daily_jobs.c.day != day)
    return conn.execute(query.returning(daily_jobs.c.name)).first() is not None


def claim(conn: Connection, by: str, now: datetime, lease: timedelta, most: int = 1) -> list[LeasedEntry]:
    """Lease, for the sender ``by``, the entry that is due first, and count the attempt. Empty if none is due.

    If it is a notification, up to ``most`` due notifications for the same target are leased. An entry that had all its
    attempts becomes ``failed``: a mail that kills its sender must not block the others.
    """
    one_at_a_time(conn)
    rows = _QUEUE.first(conn, now)
    if rows and rows[0].channel == "notify":
        same = (outbox.c.channel == "notify", outbox.c.recipient == rows[0].recipient)
        rows = _QUEUE.first(conn, now, most, *same)
    if not rows:
        return []
    # if an entry has a lease, its sender died: it is unknown whether the mail was sent
    if in_doubt := [row.id for row in rows if row.leased_by]:
        conn.execute(update(outbox).where(outbox.c.id.in_(in_doubt)).values(in_doubt=outbox.c.in_doubt + 1))
    for row in rows:
        if row.attempts >= _QUEUE.max_attempts:
            why = f"the sender did not survive it, {_QUEUE.max_attempts} times"
            _change(conn, row.id, "outbox.failed", now, state="failed", reason=why)
    rows = [row for row in rows if row.attempts < _QUEUE.max_attempts]
    _QUEUE.lease(conn, [row.id for row in rows], by, now + lease)
    return [LeasedEntry(**{name: getattr(row, name) for name in _LEASED}, attempts=row.attempts + 1) for row in rows]


_LEASED = [name for name in LeasedEntry.__slots__ if name != "attempts"]


def sent(conn: Connection, id: int, by: str, reply: str, now: datetime) -> bool:
    """Record that the server accepted an entry. Returns False and does nothing if ``by`` lost the lease."""
    one_at_a_time(conn)
    held = _QUEUE.held(by)
    return _change(conn, id, "outbox.sent", now, held, state="sent", sent_at=now, reply=reply, reason=None)


def not_sent(conn: Connection, id: int, by: str, why: str, now: datetime, *, permanent: bool) -> None:
    """Record a failed attempt, unless ``by`` lost the lease. The entry is due again, or ``failed`` in the end.

    ``permanent``: a retry is useless, so the entry is ``failed`` now.
    """
    one_at_a_time(conn)
    values: dict[str, Any] = {"reason": why, "reply": why}
    if permanent or not _QUEUE.back_off(conn, id, by, now, **values):
        _change(conn, id, "outbox.failed", now, _QUEUE.held(by), state="failed", **values)


def send_again(conn: Connection, id: int, who: str, now: datetime) -> None:
    """Make a draft or a failed entry due now. ``who``: the person who wants this. Raises NotFound, Conflict."""
    one_at_a_time(conn)
    state = entry(conn, id)["state"]
    if state not in ("draft", "failed"):
        raise Conflict(f"outbox entry {id} is {state}; only a draft or a failed mail can be sent")
    _change(conn, id, "outbox.released", now, who=who, state="waiting", attempts=0, due_at=now, reason=None)


def discard(conn: Connection, id: int, who: str, now: datetime) -> None:
    """Discard an entry. ``who``: the person who wants this. Raises NotFound, Conflict (sent, or being sent)."""
    one_at_a_time(conn)
    if not _change(
        conn, id, "outbox.discarded", now, outbox.c.state != "sent", _is_unleased(now), who=who, state="discarded"
    ):
        if entry(conn, id)["state"] == "sent":
            raise Conflict(f"outbox entry {id} was sent already")
        raise Conflict(f"outbox entry {id} is being sent now; look at it again in a few minutes")


def add_delivery_report(
    conn: Connection, message_ids: Sequence[str], report: Mapping[str, Any], now: datetime
) -> int | None:
    """Add a delivery report to the entry that has one of these Message-IDs.

    Returns the case of the entry if the mail was not delivered, else None.
    """
    if not message_ids:
        return None
    one_at_a_time(conn)
    row = conn.execute(select(outbox.c.id, outbox.c.case_id).where(outbox.c.message_id.in_(list(message_ids)))).first()
    if row is None:
        return None
    values = {}
    if not str(report.get("status") or "5").startswith(("2", "4")):
        values = {"state": "failed", "reason": f"returned to us: {report.get('status') or 'not delivered'}"}
    conn.execute(update(outbox).where(outbox.c.id == row.id).values(report=dict(report), **values))
    write_event(conn, "outbox.returned", now, {"outbox": row.id}, case=row.case_id)
    return row.case_id if values else None


def discard_for_address(conn: Connection, address: str, now: datetime) -> None:
    """Discard the unsent entries to an address that is being erased. Raises Conflict if one is being sent."""
    one_at_a_time(conn)
    unsent = (outbox.c.recipient == address, outbox.c.state.in_(("draft", "waiting", "failed")))
    _QUEUE.settle(conn, *unsent, _is_unleased(now), state="discarded", reason="the recipient was erased")
    if exists(conn, select(outbox.c.id).where(*unsent)):
        raise Conflict("a mail to this person is being sent now; try again in a few minutes")


def delete_finished(conn: Connection, until: datetime) -> int:
    """Delete finished entries that belong to no case and were written up to ``until``. Returns their number."""
    one_at_a_time(conn)
    settled = outbox.c.state.in_(("sent", "failed", "discarded"))
    old = (outbox.c.case_id.is_(None), settled, outbox.c.created_at <= until)
    return conn.execute(delete(outbox).where(*old)).rowcount


def listing(
    conn: Connection, state: str | None = None, limit: int = 100, before: int | None = None, case: int | None = None
) -> list[dict[str, Any]]:
    """Return a page of entries as rows, newest first. ``before``: the last id of the previous page."""
    query = select(*_SHOWN).order_by(outbox.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(outbox.c.state == state)
    if before is not None:
        query = query.where(outbox.c.id < before)
    if case is not None:
        query = query.where(outbox.c.case_id == case)
    return list(map(dict, conn.execute(query).mappings()))


def entry(conn: Connection, id: int) -> dict[str, Any]:
    """Return one entry as a row. Raises NotFound."""
    return dict(one_row(conn, select(*_SHOWN).where(outbox.c.id == id), f"there is no outbox entry {id}")._mapping)


def written_since(conn: Connection, since: datetime, recipient: str | None = None) -> int:
    """Return the number of automatic mails since a time, to one recipient or to all.

    Held drafts count only for one recipient.
    """
    query = select(func.count()).where(
        outbox.c.created_at >= since,
        outbox.c.channel == "mail",
        outbox.c.made_by == "",
        outbox.c.kind.in_(("acknowledgement", "reminder")),
        or_(outbox.c.state != "discarded", outbox.c.sent_at.is_not(None)),
    )
    if recipient is not None:
        query = query.where(outbox.c.recipient == recipient)
    else:
        query = query.where(outbox.c.reason.is_(None) | ~outbox.c.reason.startswith("held:"))
    return int(conn.execute(query).scalar_one())


def held_reason(number: int, to_address: bool) -> str:
    """Return why a draft is held: ``number`` mails, to one address (``to_address``) or in total, are the limit."""
    if to_address:
        return f"{HELD}{number} automatic mails to this address within a day"
    return f"{HELD}{number} {_HOURLY_LIMIT}; send them by hand"


def last_held_by_hourly_limit(conn: Connection) -> datetime | None:
    """Return when the newest draft that waits because of the hourly limit was written; None if there is none."""
    query = select(func.max(outbox.c.created_at)).where(
        outbox.c.state == "draft", outbox.c.reason.startswith(HELD), outbox.c.reason.contains(_HOURLY_LIMIT)
    )
    return conn.execute(query).scalar()


def last_sent(conn: Connection, recipient: str) -> datetime | None:
    """Return when an entry was last sent to the recipient, or None."""
    query = select(func.max(outbox.c.sent_at)).where(outbox.c.recipient == recipient)
    return conn.execute(query).scalar()


def oldest_due(conn: Connection, now: datetime) -> datetime | None:
    """Return the due time of the entry that has been due for longest, or None."""
    return conn.execute(select(func.min(outbox.c.due_at)).where(_QUEUE.free), _QUEUE.at(now)).scalar()


def in_doubt(conn: Connection) -> int:
    """Return how often a sender process died while it sent a mail. The recipient may then have got the mail twice."""
    return int(conn.execute(select(func.coalesce(func.sum(outbox.c.in_doubt), 0))).scalar_one())


def _is_unleased(now: datetime) -> Any:
    """Return the SQL condition for the entries that no sender is sending."""
    return or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)


def _change(conn: Connection, id: int, kind: str, now: datetime, *only: Any, who: str = "", **values: Any) -> bool:
    """Change an entry, end its lease, write the event. Returns False if the conditions ``only`` are not met."""
    changed = update(outbox).where(outbox.c.id == id, *only).values(**values, **NO_LEASE)
    row = conn.execute(changed.returning(outbox.c.case_id)).first()
    if row is not None:
        write_event(conn, kind, now, {"outbox": id}, case=row.case_id, who=who)
    return row is not None
