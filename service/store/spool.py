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
from sqlalchemy import Connection, Text, bindparam, cast, delete, func, select, update

from service.errors import Conflict, NotFound
from service.store.database import one_at_a_time
from service.store.packing import unpack
from service.store.statements import FREED, THESE, Queue, fitting, tell
from service.store.tables import contents, spool

MAX_ATTEMPTS = 3
CLAIM_BYTES = 33_554_432  # maximum total bytes of raw mail in one claim, since a worker holds them all in memory


class LostLease(Conflict):
    """Another process has taken over the lease: the transaction must not commit."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Sender, recipients and channel of a mail (RFC 5321 §2.3.1; not what the mail itself says)."""

    channel: str  # smtp, lmtp, import, mailbox
    mail_from: str = ""  # empty for the null reverse-path
    rcpt_tos: tuple[str, ...] = ()
    peer: str | None = None
    helo: str | None = None
    source: str | None = None  # import: the file; mailbox: its name
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


def known(conn: Connection, hashes: Sequence[str], channel: str) -> set[str]:
    """Return those of the SHA-256 values that were received by this channel before."""
    query = select(spool.c.sha256).where(spool.c.sha256.in_(hashes), spool.c.channel == channel)
    return set(conn.execute(query).scalars())


_QUEUE = Queue(spool, spool.c.id, spool.c.attempts, spool.c.size, longest=timedelta(minutes=10))
WAITING = _QUEUE.waiting
anything_due = _QUEUE.anything_due


def more_waiting_than(conn: Connection, number: int) -> bool:
    """Whether more than ``number`` entries are waiting; reads at most one more than that."""
    some = select(spool.c.id).where(spool.c.state == "waiting").limit(number + 1).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one()) > number


_LEASE = (
    update(spool)
    .where(spool.c.id.in_(THESE))
    .values(attempts=spool.c.attempts + 1, leased_by=bindparam("by"), leased_until=bindparam("until"))
)
ROW = tuple(column for column in spool.c if column is not spool.c.rcpt_tos)
RECIPIENTS = cast(spool.c.rcpt_tos, Text).label("recipients")
"""Selected as text, so that one row with invalid JSON does not prevent reading the others."""
_READ = (
    select(*ROW, RECIPIENTS, contents.c.codec, contents.c.bytes)
    .join(contents, contents.c.id == spool.c.id)
    .where(spool.c.id.in_(THESE))
    .order_by(spool.c.id)
)
_FINISH = (
    update(spool)
    .where(_QUEUE.held(bindparam("by"), spool.c.id.in_(THESE)))
    .values(state="done", done_at=bindparam("now"), reason=None, **FREED)
)


def claim(conn: Connection, by: str, now: datetime, lease: timedelta, limit: int) -> list[Claimed]:
    """Lease up to ``limit`` waiting entries, earliest due first, and count the attempt.

    Entries without attempts left and entries with damaged rows are shunted. Concurrent calls get different entries.
    """
    found = _QUEUE.first(conn, now, limit)
    exhausted = [row.id for row in found if row.attempts >= MAX_ATTEMPTS]
    if exhausted:
        shunt(conn, exhausted, f"the worker did not survive it, {MAX_ATTEMPTS} times", now)
    found = [row for row in found if row.attempts < MAX_ATTEMPTS]
    if not found:
        return []
    untried = [(row.id, row.size) for row in found if not row.attempts]
    chosen = [found[0].id] if found[0].attempts else fitting(untried, CLAIM_BYTES)
    conn.execute(_LEASE, {"these": chosen, "by": by, "until": now + lease})
    return _read(conn, chosen, now)


def _read(conn: Connection, ids: Sequence[str], now: datetime) -> list[Claimed]:
    """Read entries; those whose rows are damaged are shunted."""
    try:
        return [_claimed(row) for row in conn.execute(_READ, {"these": ids})]
    except (ValueError, TypeError) as error:
        if len(ids) == 1:
            shunt(conn, ids, f"its row in the spool is damaged: {error}", now)
            return []
    return [one for id in ids for one in _read(conn, [id], now)]


def finish(conn: Connection, ids: Sequence[str], by: str, now: datetime) -> None:
    """Set entries to done. Raises LostLease if one is no longer leased by ``by``: then do not commit."""
    done = conn.execute(_FINISH, {"these": ids, "by": by, "now": now})
    if done.rowcount != len(ids):
        raise LostLease("another worker took over")


def back_off(conn: Connection, id: str, by: str, reason: str, now: datetime, due_at: datetime) -> None:
    """Record a failure: retry at ``due_at``, or shunt after the last attempt."""
    ours = _QUEUE.held(by, spool.c.id == id)
    attempts = conn.execute(select(spool.c.attempts).where(ours).with_for_update()).scalar()
    if attempts is None:
        return  # another worker has it
    if attempts >= MAX_ATTEMPTS:
        shunt(conn, [id], reason, now)
    else:
        _QUEUE.settle(conn, ours, reason=reason, due_at=due_at)


def give_back(conn: Connection, by: str, ids: Sequence[str] | None = None) -> None:
    """Release entries of ``by`` (all, or ``ids``) that were not tried: the attempt is not counted.

    The database was unreachable, the worker stops, or other mails of the batch used up the time.
    """
    held = _QUEUE.held(by) if ids is None else _QUEUE.held(by, spool.c.id.in_(ids))
    _QUEUE.settle(conn, held, attempts=spool.c.attempts - 1)


def retry_alone_later(
    conn: Connection, id: str, by: str, why: str, now: datetime, patience: int, longest: timedelta
) -> int:
    """Record that the database gave up on this mail: retry it later, or shunt it after ``patience`` times.

    The entry counts these failures across workers. ``attempts`` stays at one or more, so the mail is claimed alone from
    now on. Returns the number of these failures; 0 if another worker has the entry.
    """
    ours = _QUEUE.held(by, spool.c.id == id)
    found = conn.execute(select(spool.c.attempts, spool.c.given_up).where(ours).with_for_update()).first()
    if found is None:
        return 0
    times = int(found.given_up) + 1
    reason = f"the database gave it up, {times} times alone: {why}"
    conn.execute(update(spool).where(ours).values(given_up=times))
    if times >= patience:
        shunt(conn, [id], reason, now)
    else:
        due = now + min(timedelta(seconds=2.0 ** min(times, 30)), longest)
        kept = max(1, found.attempts - 1)
        _QUEUE.settle(conn, ours, reason=reason, due_at=due, attempts=kept)
    return times


def release(conn: Connection, by: str) -> int:
    """Release all leases of the dead worker ``by``; attempts stay counted. Returns their number."""
    return _QUEUE.settle(conn, _QUEUE.held(by))


def holders(conn: Connection) -> set[str]:
    """Return the holders of leases."""
    query = select(spool.c.leased_by).distinct().where(WAITING, spool.c.leased_by.is_not(None))
    return {str(by) for by in conn.execute(query).scalars()}


def shunt(conn: Connection, ids: Sequence[str], reason: str, now: datetime) -> None:
    """Set entries aside: they stay stored and visible, and only a person can have them retried."""
    one_at_a_time(conn)
    _QUEUE.settle(conn, spool.c.id.in_(ids), state="shunted", reason=reason)
    for id in ids:
        tell(conn, "spool.shunted", now, {"spool": id, "reason": reason})


def retry(conn: Connection, id: str, now: datetime) -> None:
    """Let the worker try a shunted entry again. Raises NotFound, or Conflict if it is not shunted."""
    if retry_all(conn, now, spool.c.id == id):
        return
    state = conn.execute(select(spool.c.state).where(spool.c.id == id)).scalar()
    if state is None:
        raise NotFound(f"there is no received mail {id}")
    raise Conflict(f"{id} is {state}; only a shunted mail can be retried")


def retry_all(conn: Connection, now: datetime, *which: Any) -> int:
    """Let the worker try all shunted entries again, or those with the conditions ``which``; returns their number."""
    again = {"state": "waiting", "attempts": 0, "given_up": 0, "due_at": now}
    return _QUEUE.settle(conn, spool.c.state == "shunted", *which, **again)


def forget(conn: Connection, ids: Sequence[str]) -> None:
    """Delete entries and raw mails permanently; the caller has handled the data derived from them."""
    conn.execute(delete(contents).where(contents.c.id.in_(ids)))
    conn.execute(delete(spool).where(spool.c.id.in_(ids)))


def _claimed(row: Any) -> Claimed:
    sent = {name: getattr(row, name) for name in ("channel", "mail_from", "peer", "helo", "source", "authserv")}
    envelope = Envelope(rcpt_tos=tuple(recipients_of(row.recipients)), **sent)
    content = unpack(row.bytes) if row.codec == "zstd" else row.bytes  # only processed mail is in external storage
    return Claimed(row.id, row.received_at, envelope, content, row.attempts)


def recipients_of(written: str) -> list[str]:
    """Decode a JSON list of strings. Raises ValueError if ``written`` is none."""
    return msgspec.json.decode(written, type=list[str])
