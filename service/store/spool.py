"""The spool: mail as received, and its state.

An entry is *waiting* until it is processed (*done*) or set aside (*shunted*). ``claim`` counts an attempt before it is
made, so that a mail which kills its worker is detected:

* entries never tried are claimed many at a time;
* an entry that was tried before is claimed alone, so that its failure affects no others;
* an entry tried ``MAX_ATTEMPTS`` times is shunted by the next claim.

A claim is a lease until ``leased_until``; after that, any worker may claim again. ``finish`` requires the lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import uuid_utils
from sqlalchemy import (
    BindParameter,
    Connection,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    true,
    update,
)

from service.errors import Conflict, NotFound
from service.store.database import one_at_a_time
from service.store.packing import unpack
from service.store.tables import contents, events, spool

MAX_ATTEMPTS = 3
CLAIM_BYTES = 33_554_432
"""Maximum total bytes of raw mail in one claim, since a worker holds them all in memory."""


class LostLease(Conflict):
    """Another process has taken over the lease: the transaction must not commit."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Sender, recipients and channel of a mail (RFC 5321 §2.3.1; not what the mail itself says)."""

    channel: str
    """smtp, lmtp, import, mailbox."""
    mail_from: str = ""
    """Empty for the null reverse-path."""
    rcpt_tos: tuple[str, ...] = ()
    peer: str | None = None
    helo: str | None = None
    source: str | None = None
    """Import: the file; mailbox: its name."""
    authserv: str | None = None
    """Mailbox: server whose Authentication-Results are trusted; empty: none; None: as in the settings."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A mail to be stored."""

    id: str
    received_at: datetime
    envelope: Envelope
    content: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail leased to this worker. ``attempt`` includes this one."""

    id: str
    received_at: datetime
    envelope: Envelope
    content: bytes
    attempt: int


def new_entry(envelope: Envelope, content: bytes, now: datetime) -> NewEntry:
    """Give a mail its id, a UUIDv7, so that ids sort by time of receipt (RFC 9562 §5.7)."""
    return NewEntry(str(uuid_utils.uuid7()), now, envelope, content, sha256(content).hexdigest())


# ── receive ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def known(conn: Connection, hashes: Sequence[str], channel: str) -> set[str]:
    """Return those of the SHA-256 values that were received by this channel before."""
    query = select(spool.c.sha256).where(spool.c.sha256.in_(hashes), spool.c.channel == channel)
    return set(conn.execute(query).scalars())


# ── claim, finish, back off, shunt ───────────────────────────────────────────────────────────────────────────────────

WAITING = text("spool.state = 'waiting'")
"""The condition of the partial index, word for word, so that the planner uses that index."""
NOT_DONE = text("spool.state <> 'done'")
"""As ``WAITING``."""
_FAR = timedelta(minutes=10)
"""No entry is delayed for longer: a later due time means that the clock was set back, and the entry is due."""
_FREE = and_(
    WAITING,
    or_(spool.c.due_at <= bindparam("now"), spool.c.due_at > bindparam("far")),
    or_(spool.c.leased_until.is_(None), spool.c.leased_until <= bindparam("now")),
)


def _when(now: datetime) -> dict[str, datetime]:
    return {"now": now, "far": now + _FAR}


def anything_due(conn: Connection, now: datetime) -> bool:
    """Whether ``claim`` would find an entry; cheap enough to call twenty times a second."""
    return conn.execute(select(true()).select_from(spool).where(_FREE).limit(1), _when(now)).first() is not None


def more_waiting_than(conn: Connection, number: int) -> bool:
    """Whether more than ``number`` entries are waiting; reads at most one more than that."""
    some = select(spool.c.id).where(spool.c.state == "waiting").limit(number + 1).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one()) > number


# built once, since building a statement takes longer than running it

_THESE: BindParameter[Any] = bindparam("these", expanding=True)
_FIND = (
    select(spool.c.id, spool.c.attempts, spool.c.size)
    .where(_FREE)
    .order_by(spool.c.due_at, spool.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_LEASE = (
    update(spool)
    .where(spool.c.id.in_(_THESE))
    .values(attempts=spool.c.attempts + 1, leased_by=bindparam("by"), leased_until=bindparam("until"))
)
ROW = tuple(column for column in spool.c if column is not spool.c.rcpt_tos)
RECIPIENTS = cast(spool.c.rcpt_tos, Text).label("recipients")
"""Selected as text, so that one row with invalid JSON does not prevent reading the others."""
_READ = (
    select(*ROW, RECIPIENTS, contents.c.codec, contents.c.bytes)
    .join(contents, contents.c.id == spool.c.id)
    .where(spool.c.id.in_(_THESE))
    .order_by(spool.c.id)
)
_FINISH = (
    update(spool)
    .where(spool.c.id.in_(_THESE), spool.c.leased_by == bindparam("by"), spool.c.state == "waiting")
    .values(state="done", done_at=bindparam("now"), leased_by=None, leased_until=None, reason=None)
)


def claim(conn: Connection, by: str, now: datetime, lease: timedelta, limit: int) -> list[Claimed]:
    """Lease up to ``limit`` waiting entries, earliest due first, and count the attempt.

    Entries without attempts left and entries with damaged rows are shunted. Concurrent calls get different entries.
    """
    found = conn.execute(_FIND, _when(now) | {"most": limit}).all()
    exhausted = [row.id for row in found if row.attempts >= MAX_ATTEMPTS]
    if exhausted:
        shunt(conn, exhausted, f"the worker did not survive it, {MAX_ATTEMPTS} times", now)
    found = [row for row in found if row.attempts < MAX_ATTEMPTS]
    if not found:
        return []
    chosen = [found[0].id] if found[0].attempts else _fitting([row for row in found if not row.attempts])
    conn.execute(_LEASE, {"these": chosen, "by": by, "until": now + lease})
    try:
        return [_claimed(row) for row in conn.execute(_READ, {"these": chosen})]
    except (ValueError, TypeError):
        return _readable(conn, chosen, now)


def _fitting(found: Sequence[Any]) -> list[str]:
    """Return the first entries that together fit into ``CLAIM_BYTES``, but at least one."""
    chosen: list[str] = []
    size = 0
    for row in found:
        size += row.size
        if chosen and size > CLAIM_BYTES:
            break
        chosen.append(row.id)
    return chosen


def _readable(conn: Connection, ids: Sequence[str], now: datetime) -> list[Claimed]:
    """Read entries one by one and shunt those whose rows are damaged."""
    claimed = []
    for id in ids:
        try:
            claimed += [_claimed(row) for row in conn.execute(_READ, {"these": [id]})]
        except (ValueError, TypeError) as error:
            shunt(conn, [id], f"its row in the spool is damaged: {error}", now)
    return claimed


def finish(conn: Connection, ids: Sequence[str], by: str, now: datetime) -> None:
    """Set entries to done. Raises LostLease if one is no longer leased by ``by``: then do not commit."""
    done = conn.execute(_FINISH, {"these": ids, "by": by, "now": now})
    if done.rowcount != len(ids):
        raise LostLease("another worker took over")


def back_off(conn: Connection, id: str, by: str, reason: str, now: datetime, due_at: datetime) -> None:
    """Record a failure: retry at ``due_at``, or shunt after the last attempt."""
    ours = and_(spool.c.id == id, spool.c.leased_by == by, spool.c.state == "waiting")
    attempts = conn.execute(select(spool.c.attempts).where(ours).with_for_update()).scalar()
    if attempts is None:
        return  # another worker has it
    if attempts >= MAX_ATTEMPTS:
        shunt(conn, [id], reason, now)
        return
    conn.execute(update(spool).where(ours).values(reason=reason, due_at=due_at, leased_by=None, leased_until=None))


def give_back(conn: Connection, by: str, ids: Sequence[str] | None = None) -> None:
    """Release entries of ``by`` (all, or ``ids``) that were not tried: the attempt is not counted.

    The database was unreachable, the worker stops, or other mails of the batch used up the time.
    """
    held = and_(spool.c.leased_by == by, spool.c.state == "waiting")
    conn.execute(
        update(spool)
        .where(held if ids is None else and_(held, spool.c.id.in_(ids)))
        .values(attempts=spool.c.attempts - 1, leased_by=None, leased_until=None)
    )


def retry_alone_later(
    conn: Connection, id: str, by: str, why: str, now: datetime, patience: int, longest: timedelta
) -> int:
    """Record that the database gave up on this mail: retry it later, or shunt it after ``patience`` times.

    The entry counts these failures across workers. ``attempts`` stays at one or more, so the mail is claimed alone from
    now on. Returns the number of these failures; 0 if another worker has the entry.
    """
    ours = and_(spool.c.id == id, spool.c.leased_by == by, spool.c.state == "waiting")
    found = conn.execute(select(spool.c.attempts, spool.c.given_up).where(ours).with_for_update()).first()
    if found is None:
        return 0
    times = int(found.given_up) + 1
    reason = f"the database gave it up, {times} times alone: {why}"
    conn.execute(update(spool).where(ours).values(given_up=times))
    if times >= patience:
        shunt(conn, [id], reason, now)
        return times
    due = now + min(timedelta(seconds=2.0 ** min(times, 30)), longest)
    kept = max(1, found.attempts - 1)
    conn.execute(
        update(spool).where(ours).values(reason=reason, due_at=due, attempts=kept, leased_by=None, leased_until=None)
    )
    return times


def release(conn: Connection, by: str) -> int:
    """Release all leases of the dead worker ``by``; attempts stay counted. Returns their number."""
    return conn.execute(
        update(spool)
        .where(spool.c.leased_by == by, spool.c.state == "waiting")
        .values(leased_by=None, leased_until=None)
    ).rowcount


def holders(conn: Connection) -> set[str]:
    """Return the holders of leases."""
    query = select(spool.c.leased_by).distinct().where(WAITING, spool.c.leased_by.is_not(None))
    return {str(by) for by in conn.execute(query).scalars()}


def shunt(conn: Connection, ids: Sequence[str], reason: str, now: datetime) -> None:
    """Set entries aside: they stay stored and visible, and only a person can have them retried."""
    one_at_a_time(conn)
    conn.execute(
        update(spool)
        .where(spool.c.id.in_(ids))
        .values(state="shunted", reason=reason, leased_by=None, leased_until=None)
    )
    told = [{"kind": "spool.shunted", "at": now, "data": {"spool": id, "reason": reason}} for id in ids]
    conn.execute(insert(events), told)


def retry(conn: Connection, id: str, now: datetime) -> None:
    """Let the worker try a shunted entry again. Raises NotFound, or Conflict if it is not shunted."""
    retried = conn.execute(
        update(spool)
        .where(spool.c.id == id, spool.c.state == "shunted")
        .values(state="waiting", attempts=0, given_up=0, due_at=now, leased_by=None, leased_until=None)
    )
    if retried.rowcount:
        return
    state = conn.execute(select(spool.c.state).where(spool.c.id == id)).scalar()
    if state is None:
        raise NotFound(f"there is no received mail {id}")
    raise Conflict(f"{id} is {state}; only a shunted mail can be retried")


def retry_all(conn: Connection, now: datetime) -> int:
    """Let the worker try all shunted entries again; returns their number."""
    return conn.execute(
        update(spool)
        .where(spool.c.state == "shunted")
        .values(state="waiting", attempts=0, given_up=0, due_at=now, leased_by=None, leased_until=None)
    ).rowcount


# ── erase, read ──────────────────────────────────────────────────────────────────────────────────────────────────────


def forget(conn: Connection, ids: Sequence[str]) -> None:
    """Delete entries and raw mails permanently; the caller has handled the data derived from them."""
    conn.execute(delete(contents).where(contents.c.id.in_(ids)))
    conn.execute(delete(spool).where(spool.c.id.in_(ids)))


def _claimed(row: Any) -> Claimed:
    envelope = Envelope(
        channel=row.channel,
        mail_from=row.mail_from,
        rcpt_tos=tuple(recipients_of(row.recipients)),
        peer=row.peer,
        helo=row.helo,
        source=row.source,
        authserv=row.authserv,
    )
    content = unpack(row.bytes) if row.codec == "zstd" else row.bytes  # only processed mail is in external storage
    return Claimed(row.id, row.received_at, envelope, content, row.attempts)


def recipients_of(written: str) -> list[str]:
    """Decode a JSON list of strings. Raises ValueError if ``written`` is none."""
    return msgspec.json.decode(written, type=list[str])
