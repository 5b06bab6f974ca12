"""The spool: accepted mails, and whether they are processed.

An entry is *waiting* until it is processed (*done*) or set aside (*shunted*). ``claim`` counts an attempt before it
begins. So a mail that kills its worker is detected:

* entries never tried are claimed many at a time;
* an entry that was tried before is claimed alone, so that its failure affects no others;
* an entry tried ``MAX_ATTEMPTS`` times is shunted by the next claim.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import uuid_utils
from sqlalchemy import Connection, Text, bindparam, cast, delete, func, select, update

from service.errors import Conflict, NotFound
from service.store.compression import decompress
from service.store.database import one_at_a_time
from service.store.queues import NO_LEASE, Queue
from service.store.sql import THESE, ids_within, write_event
from service.store.tables import contents, spool

BACK_OFF = (timedelta(seconds=2), timedelta(seconds=20))
"""Delay after the first and the second failed attempt; the third failure shunts the entry."""
CLAIM_BYTES = 33_554_432  # maximum total bytes of raw mail in one claim, since a worker holds them all in memory


class LostLease(Conflict):
    """Another process has taken over the lease, so the transaction must not commit."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Sender and recipients by SMTP (RFC 5321 §2.3.1), and the channel.

    The addresses can differ from those in the headers.
    """

    channel: str  # smtp, lmtp, import, mailbox
    mail_from: str = ""  # empty for the null reverse-path
    rcpt_tos: tuple[str, ...] = ()
    peer: str | None = None
    helo: str | None = None
    source: str | None = None  # import: the file; mailbox: its name
    authserv: str | None = None
    """Server whose Authentication-Results are trusted in a mail from a mailbox; "": none; None: see the settings."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A mail that is not stored yet."""

    id: str
    received_at: datetime
    envelope: Envelope
    content: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that a worker has leased."""

    id: str
    received_at: datetime
    envelope: Envelope
    content: bytes
    attempt: int  # 1 for the first attempt


def new_entry(envelope: Envelope, content: bytes, now: datetime) -> NewEntry:
    """Return a spool entry with a new id. The id is a UUIDv7, so ids sort by time of receipt."""
    return NewEntry(str(uuid_utils.uuid7()), now, envelope, content, sha256(content).hexdigest())


def known(conn: Connection, hashes: Sequence[str], channel: str) -> set[str]:
    """Return those of ``hashes`` (SHA-256) for which a mail came through this channel before."""
    query = select(spool.c.sha256).where(spool.c.sha256.in_(hashes), spool.c.channel == channel)
    return set(conn.execute(query).scalars())


_QUEUE = Queue(spool, BACK_OFF, spool.c.id, spool.c.attempts, spool.c.size, longest=timedelta(minutes=10))
MAX_ATTEMPTS = _QUEUE.max_attempts
WAITING = _QUEUE.waiting
anything_due = _QUEUE.anything_due


def more_waiting_than(conn: Connection, number: int) -> bool:
    """Return whether more than ``number`` entries are waiting. Reads at most ``number + 1`` entries."""
    waiting = select(spool.c.id).where(spool.c.state == "waiting").limit(number + 1).subquery()
    return int(conn.execute(select(func.count()).select_from(waiting)).scalar_one()) > number


ROW = tuple(column for column in spool.c if column is not spool.c.rcpt_tos)
RECIPIENTS = cast(spool.c.rcpt_tos, Text).label("recipients")  # as text: invalid JSON affects one row only
_READ = (
    select(*ROW, RECIPIENTS, contents.c.codec, contents.c.bytes)
    .join(contents, contents.c.id == spool.c.id)
    .where(spool.c.id.in_(THESE))
    .order_by(spool.c.id)
)
_FINISH = (
    update(spool)
    .where(_QUEUE.held(bindparam("by"), spool.c.id.in_(THESE)))
    .values(state="done", done_at=bindparam("now"), reason=None, **NO_LEASE)
)


def claim(conn: Connection, by: str, now: datetime, lease: timedelta, limit: int) -> list[Claimed]:
    """Lease up to ``limit`` due entries and count the attempt. Damaged entries are shunted.

    Entries that had all their attempts are shunted too.
    """
    rows = _QUEUE.first(conn, now, limit)
    exhausted = [row.id for row in rows if row.attempts >= MAX_ATTEMPTS]
    if exhausted:
        shunt(conn, exhausted, f"the worker did not survive it, {MAX_ATTEMPTS} times", now)
    rows = [row for row in rows if row.attempts < MAX_ATTEMPTS]
    if not rows:
        return []
    untried = [row for row in rows if not row.attempts]
    chosen = [rows[0].id] if rows[0].attempts else ids_within(untried, CLAIM_BYTES)
    _QUEUE.lease(conn, chosen, by, now + lease)
    return _read(conn, chosen, now)


def _read(conn: Connection, ids: Sequence[str], now: datetime) -> list[Claimed]:
    """Read entries. Entries with damaged rows are shunted."""
    try:
        return [_claimed(row) for row in conn.execute(_READ, {"these": ids})]
    except (ValueError, TypeError) as error:
        if len(ids) == 1:
            shunt(conn, ids, f"the row of the mail in the spool is damaged: {error}", now)
            return []
    return [entry for id in ids for entry in _read(conn, [id], now)]


def finish(conn: Connection, ids: Sequence[str], by: str, now: datetime) -> None:
    """Set entries to done. Raises LostLease if the worker ``by`` lost a lease; then do not commit."""
    done = conn.execute(_FINISH, {"these": ids, "by": by, "now": now})
    if done.rowcount != len(ids):
        raise LostLease("another worker took over the mail")


def back_off(conn: Connection, id: str, by: str, reason: str, now: datetime) -> None:
    """Record a failed attempt. The entry is due again later, or shunted after the last attempt."""
    if not _QUEUE.back_off(conn, id, by, now, reason=reason):
        shunt(conn, [id], reason, now)


def give_back(conn: Connection, by: str, ids: Sequence[str] | None = None) -> None:
    """Release leases of ``by`` (all, or of ``ids``) on entries that were not tried. The attempt does not count."""
    held = _QUEUE.held(by) if ids is None else _QUEUE.held(by, spool.c.id.in_(ids))
    _QUEUE.settle(conn, held, attempts=spool.c.attempts - 1)


def retry_alone_later(
    conn: Connection, id: str, by: str, why: str, now: datetime, patience: int, longest: timedelta
) -> int:
    """Record that the database aborted the processing of a mail that was not in a batch.

    The delay doubles each time, up to ``longest``; after ``patience`` times, the mail is shunted. ``attempts`` stays at
    one or more, so that it is claimed alone again. Returns how often this happened; 0 if another worker has the entry.
    """
    held = _QUEUE.held(by, spool.c.id == id)
    row = conn.execute(select(spool.c.attempts, spool.c.given_up).where(held).with_for_update()).first()
    if row is None:
        return 0
    times = int(row.given_up) + 1
    reason = f"the database aborted the transaction of this mail {times} times alone: {why}"
    conn.execute(update(spool).where(held).values(given_up=times))
    if times >= patience:
        shunt(conn, [id], reason, now)
    else:
        due = now + min(timedelta(seconds=2.0 ** min(times, 30)), longest)
        _QUEUE.settle(conn, held, reason=reason, due_at=due, attempts=max(1, row.attempts - 1))
    return times


def shunt(conn: Connection, ids: Sequence[str], reason: str, now: datetime) -> None:
    """Set entries aside. They stay stored and visible, and are retried only if a person requests this."""
    one_at_a_time(conn)
    _QUEUE.settle(conn, spool.c.id.in_(ids), state="shunted", reason=reason)
    for id in ids:
        write_event(conn, "spool.shunted", now, {"spool": id, "reason": reason})


def retry(conn: Connection, id: str, now: datetime) -> None:
    """Make a shunted entry due now. Raises NotFound, and Conflict if the entry is not shunted."""
    if retry_all(conn, now, spool.c.id == id):
        return
    state = conn.execute(select(spool.c.state).where(spool.c.id == id)).scalar()
    if state is None:
        raise NotFound(f"there is no received mail {id}")
    raise Conflict(f"{id} is {state}; only a shunted mail can be retried")


def retry_all(conn: Connection, now: datetime, *which: Any) -> int:
    """Make shunted entries due now if they meet the conditions ``which``. Returns their number."""
    values = {"state": "waiting", "attempts": 0, "given_up": 0, "due_at": now}
    return _QUEUE.settle(conn, spool.c.state == "shunted", *which, **values)


def delete_entries(conn: Connection, ids: Sequence[str]) -> None:
    """Delete entries and their raw mails for ever. The caller must delete the derived data before."""
    conn.execute(delete(contents).where(contents.c.id.in_(ids)))
    conn.execute(delete(spool).where(spool.c.id.in_(ids)))


def _claimed(row: Any) -> Claimed:
    columns = {name: getattr(row, name) for name in Envelope.__slots__ if name != "rcpt_tos"}
    envelope = Envelope(**columns, rcpt_tos=tuple(recipients_of(row.recipients)))
    content = decompress(row.bytes) if row.codec == "zstd" else row.bytes  # only processed mail is in external storage
    return Claimed(row.id, row.received_at, envelope, content, row.attempts)


def recipients_of(json: str) -> list[str]:
    """Decode the column ``RECIPIENTS``, a JSON list of strings. Raises ValueError."""
    return msgspec.json.decode(json, type=list[str])
