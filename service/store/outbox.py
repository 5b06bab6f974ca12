"""The outbox: mail and notifications that sodan sends, durable like the spool.

An entry is written in the transaction that decides it. ``draft`` waits for a person, ``waiting`` for the sender;
``sent``, ``failed`` and ``discarded`` are final unless a person sends it again. ``claim`` counts an attempt and takes a
lease before anything is sent. If a sender dies while it holds a lease, it is unknown whether the server accepted the
mail (RFC 5321 §4.5.4.2 leaves this open): the entry is sent again with the same Message-ID and counted in ``in_doubt``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, text, true, update
from sqlalchemy.dialects import postgresql, sqlite

from service.errors import Conflict, NotFound
from service.store.database import one_at_a_time
from service.store.tables import events, outbox

State = Literal["draft", "waiting", "sent", "failed", "discarded"]
STATES = ("draft", "waiting", "sent", "failed", "discarded")
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 480, 960))
"""Delay after the first, second … failed attempt. After one more failure the entry becomes ``failed``."""
HELD = "held: more than "
"""Prefix of the reason of a mail held because it exceeds a limit, per address or for the installation."""
_BREAKER = "automatic mails within an hour"
_WAITING = text("state = 'waiting'")


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be written."""

    kind: str
    recipient: str
    subject: str
    text: str
    channel: str = "mail"
    html: str = ""
    language: str = "en"
    case_id: int | None = None
    once: str | None = None
    """A key for which only one entry is ever written; None: no such limit."""
    headers: Mapping[str, str] = field(default_factory=dict)
    items: Sequence[str] = ()
    message_id: str | None = None
    answers: int | None = None
    made_by: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An entry leased to this sender."""

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
    """Insert an entry; returns None if its ``once`` exists already. ``reason``: why it is held as a draft."""
    one_at_a_time(conn)  # before any other lock: events are numbered in the order of commits
    row = {
        "once": draft.once,
        "kind": draft.kind,
        "channel": draft.channel,
        "state": state,
        "case_id": draft.case_id,
        "recipient": draft.recipient,
        "language": draft.language,
        "subject": draft.subject,
        "text": draft.text,
        "html": draft.html,
        "headers": dict(draft.headers),
        "items": list(draft.items),
        "message_id": draft.message_id,
        "answers": draft.answers,
        "made_by": draft.made_by,
        "created_at": now,
        "due_at": due_at or now,
        "reason": reason,
    }
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    made = dialect.insert(outbox).values(row).on_conflict_do_nothing(index_elements=["once"]).returning(outbox.c.id)
    number = conn.execute(made).scalar()
    if number is not None:
        held = state == "draft" and (reason or "").startswith(HELD)
        _tell(conn, int(number), "outbox.held" if held else "outbox.written", draft.made_by, now)
    return None if number is None else int(number)


def anything_due(conn: Connection, now: datetime) -> bool:
    """Whether ``claim`` would find an entry; cheap enough to call every second."""
    return conn.execute(select(true()).select_from(outbox).where(_free(now)).limit(1)).first() is not None


def claim(conn: Connection, by: str, now: datetime, lease: timedelta) -> Claimed | None:
    """Lease the entry that is due first and count the attempt; None if nothing is due."""
    row = conn.execute(
        select(outbox)
        .where(_free(now))
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    return _take(conn, row, by, now, lease)


def claim_beside(
    conn: Connection, first: Claimed, by: str, now: datetime, lease: timedelta, limit: int
) -> list[Claimed]:
    """Claim further due entries for the recipient and channel of ``first``, to send them in one message."""
    rows = conn.execute(
        select(outbox)
        .where(_free(now), outbox.c.channel == first.channel, outbox.c.recipient == first.recipient)
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    return [_take(conn, row, by, now, lease) for row in rows]


def _take(conn: Connection, row: Any, by: str, now: datetime, lease: timedelta) -> Claimed:
    values = {"attempts": row.attempts + 1, "leased_by": by, "leased_until": now + lease}
    if row.leased_by:  # its sender died: it is unknown whether the mail was sent
        values["in_doubt"] = row.in_doubt + 1
    conn.execute(update(outbox).where(outbox.c.id == row.id).values(**values))
    given = {name: getattr(row, name) for name in Claimed.__slots__ if name != "attempts"}
    return Claimed(**given, attempts=row.attempts + 1)


def sent(conn: Connection, id: int, by: str, reply: str, now: datetime) -> bool:
    """Record that the server accepted it. Returns False and does nothing if another sender took over the lease."""
    one_at_a_time(conn)
    done = conn.execute(
        update(outbox)
        .where(outbox.c.id == id, outbox.c.leased_by == by, outbox.c.state == "waiting")
        .values(state="sent", sent_at=now, reply=reply, reason=None, leased_by=None, leased_until=None)
    )
    if done.rowcount:
        _tell(conn, id, "outbox.sent", "", now)
    return bool(done.rowcount)


def not_sent(conn: Connection, id: int, by: str, why: str, now: datetime, *, permanent: bool) -> bool:
    """Record a failure: retry later, or set ``failed`` if it is permanent or no attempt is left.

    Returns False and does nothing if another sender took over the lease.
    """
    one_at_a_time(conn)
    ours = and_(outbox.c.id == id, outbox.c.leased_by == by, outbox.c.state == "waiting")
    attempts = conn.execute(select(outbox.c.attempts).where(ours)).scalar()
    if attempts is None:
        return False
    values: dict[str, Any] = {"reason": why, "reply": why, "leased_by": None, "leased_until": None}
    if permanent or attempts > len(BACK_OFF):
        conn.execute(update(outbox).where(ours).values(state="failed", **values))
        _tell(conn, id, "outbox.failed", "", now)
    else:
        conn.execute(update(outbox).where(ours).values(due_at=now + BACK_OFF[attempts - 1], **values))
    return True


def send_again(conn: Connection, id: int, who: str, now: datetime) -> None:
    """Send a draft or retry a failed entry, for a person. Raises NotFound, Conflict."""
    one_at_a_time(conn)
    row = entry(conn, id)
    if row["state"] not in ("draft", "failed"):
        raise Conflict(f"outbox entry {id} is {row['state']}; only a draft or a failed one can be sent")
    conn.execute(
        update(outbox)
        .where(outbox.c.id == id)
        .values(state="waiting", attempts=0, due_at=now, reason=None, leased_by=None, leased_until=None)
    )
    _tell(conn, id, "outbox.released", who, now)


def discard(conn: Connection, id: int, who: str, now: datetime) -> None:
    """Discard an entry, for a person. Raises NotFound, Conflict."""
    one_at_a_time(conn)
    row = entry(conn, id)
    if row["state"] == "sent":
        raise Conflict(f"outbox entry {id} was sent already")
    conn.execute(
        update(outbox)
        .where(outbox.c.id == id, outbox.c.state != "sent")
        .values(state="discarded", leased_by=None, leased_until=None)
    )
    _tell(conn, id, "outbox.discarded", who, now)


def returned(conn: Connection, message_ids: Sequence[str], report: Mapping[str, Any], now: datetime) -> int | None:
    """Attach a delivery report to the entry whose Message-ID it names; returns its id, or None if there is none."""
    if not message_ids:
        return None
    one_at_a_time(conn)
    number = conn.execute(select(outbox.c.id).where(outbox.c.message_id.in_(list(message_ids)))).scalar()
    if number is None:
        return None
    failed = not str(report.get("status") or "5").startswith(("2", "4"))
    values: dict[str, Any] = {"report": dict(report)}
    if failed:
        values |= {"state": "failed", "reason": f"returned to us: {report.get('status') or 'not delivered'}"}
    conn.execute(update(outbox).where(outbox.c.id == number).values(**values))
    _tell(conn, int(number), "outbox.returned", "", now)
    return int(number)


def withdraw(conn: Connection, address: str) -> int:
    """Discard unsent entries to an address that is being erased; returns their number."""
    one_at_a_time(conn)
    done = conn.execute(
        update(outbox)
        .where(outbox.c.recipient == address, outbox.c.state.in_(("draft", "waiting", "failed")))
        .values(state="discarded", leased_by=None, leased_until=None, reason="the recipient was erased")
    )
    return done.rowcount


def forget(conn: Connection, until: datetime) -> int:
    """Delete finished entries without a case (digests, notifications) up to ``until``; returns their number."""
    one_at_a_time(conn)
    settled = outbox.c.state.in_(("sent", "failed", "discarded"))
    done = conn.execute(delete(outbox).where(outbox.c.case_id.is_(None), settled, outbox.c.created_at <= until))
    return done.rowcount


# ── look ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def listing(
    conn: Connection, state: str | None = None, limit: int = 100, before: int | None = None, case: int | None = None
) -> list[dict[str, Any]]:
    """Return entries, newest first; ``before``: the last id of the previous page."""
    query = select(outbox).order_by(outbox.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(outbox.c.state == state)
    if before is not None:
        query = query.where(outbox.c.id < before)
    if case is not None:
        query = query.where(outbox.c.case_id == case)
    return [dict(row._mapping) for row in conn.execute(query)]


def entry(conn: Connection, id: int) -> dict[str, Any]:
    """Return one entry. Raises NotFound."""
    row = conn.execute(select(outbox).where(outbox.c.id == id)).first()
    if row is None:
        raise NotFound(f"there is no outbox entry {id}")
    return dict(row._mapping)


def counts(conn: Connection) -> dict[str, int]:
    """Return the number of entries by state."""
    query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    return {state: int(number) for state, number in conn.execute(query)}


def written_since(conn: Connection, since: datetime, recipient: str | None = None) -> int:
    """Count automatic mails written since then and not discarded, to ``recipient`` or to anybody.

    Held mails count only if ``recipient`` is given.
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
    """Return why a mail is held: more than ``number`` to one address, or from the whole installation."""
    if to_address:
        return f"{HELD}{number} automatic mails to this address within a day"
    return f"{HELD}{number} {_BREAKER}; send them by hand"


def tripped(conn: Connection) -> datetime | None:
    """Return when the installation-wide limit last held a mail that is still a draft; None if there is none."""
    query = select(func.max(outbox.c.created_at)).where(
        outbox.c.state == "draft", outbox.c.reason.startswith(HELD), outbox.c.reason.contains(_BREAKER)
    )
    return conn.execute(query).scalar()


def last_sent(conn: Connection, recipient: str) -> datetime | None:
    """Return when something was last sent to the recipient, or None."""
    query = select(func.max(outbox.c.sent_at)).where(outbox.c.recipient == recipient)
    return conn.execute(query).scalar()


def oldest_due(conn: Connection, now: datetime) -> datetime | None:
    """Return the earliest due time of the entries that are due, or None."""
    return conn.execute(select(func.min(outbox.c.due_at)).where(_free(now))).scalar()


def in_doubt(conn: Connection) -> int:
    """Return how often a sender died while it held an entry; each such mail may have been sent twice."""
    return int(conn.execute(select(func.coalesce(func.sum(outbox.c.in_doubt), 0))).scalar_one())


def _free(now: datetime) -> Any:
    return and_(_WAITING, outbox.c.due_at <= now, or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now))


def _tell(conn: Connection, id: int, kind: str, who: str, now: datetime) -> None:
    case = conn.execute(select(outbox.c.case_id).where(outbox.c.id == id)).scalar()
    conn.execute(insert(events), [{"case_id": case, "kind": kind, "who": who, "at": now, "data": {"outbox": id}}])
