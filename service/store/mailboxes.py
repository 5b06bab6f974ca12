"""State of the mailboxes that sodan fetches mail from.

``mailboxes`` has a row for each mailbox: the lease of the fetcher, the result of the last round, encrypted tokens.
``mailbox_folders`` stores how far each folder was read. ``mailbox_mails`` records each mail with its SHA-256 and its
place (IMAP: folder, UIDVALIDITY and UID; Graph: the immutable id). One transaction checks the lease, stores a mail and
records it. So a mail is never stored twice, even after a crash or with a second fetcher.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, and_, func, or_, select, text, update

from service.store import spool_insert
from service.store.database import one_at_a_time
from service.store.spool import LostLease, NewEntry
from service.store.sql import upsert, write_event
from service.store.tables import mailbox_folders, mailbox_mails, mailboxes

State = Literal["taken", "done", "failed", "too_big", "gone"]
"""taken: stored, but not flagged or moved yet; done; failed: will be retried; too_big; gone: not in the mailbox."""
AWAY = timedelta(minutes=10)  # if a mailbox could not be read for this long, this is reported
_OPEN = text("mailbox_mails.state IN ('taken', 'failed', 'too_big')")
"""The condition of the partial index, word for word, so that the planner uses that index."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A mail fetched from a mailbox. ``place`` identifies the mail in the mailbox."""

    place: str
    folder: str
    arrived_at: datetime
    entry: NewEntry


@dataclass(frozen=True, slots=True)
class Status:
    """State of a mailbox."""

    name: str
    since: datetime  # time of the first fetch
    last_success_at: datetime | None
    failing_since: datetime | None  # None if the last round succeeded
    cause: str | None  # cause of the failure
    next_step: str | None  # what a person should do about the failure
    errors: int
    lag_seconds: int | None  # time from the arrival of the last fetched mail in the mailbox until it was stored
    taken: int  # total number of mails stored from this mailbox
    failed: int  # number of mails that could not be fetched so far
    leased_by: str | None

    def away_since(self, now: datetime) -> datetime | None:
        """Return the time of the last successful fetch if it is at least ``AWAY`` ago, else None."""
        last = self.last_success_at or self.since
        return last if now - last >= AWAY else None


def acquire(conn: Connection, name: str, by: str, now: datetime, lease: timedelta) -> bool:
    """Acquire or extend the lease of a mailbox, and undo ``forget``. Returns False if another process holds it."""
    conn.execute(upsert(conn, mailboxes).values(name=name, since=now).on_conflict_do_nothing())
    free = or_(mailboxes.c.leased_by.is_(None), mailboxes.c.leased_by == by, mailboxes.c.leased_until <= now)
    won = {"leased_by": by, "leased_until": now + lease, "forgotten_at": None}
    return bool(conn.execute(update(mailboxes).where(mailboxes.c.name == name, free).values(**won)).rowcount)


def renew(conn: Connection, names: Sequence[str], by: str, now: datetime, lease: timedelta) -> None:
    """Extend the leases of these mailboxes that the process ``by`` still holds."""
    held = and_(mailboxes.c.name.in_(names), mailboxes.c.leased_by == by)
    conn.execute(update(mailboxes).where(held).values(leased_until=now + lease))


def _update_leased(conn: Connection, name: str, by: str, **values: Any) -> None:
    """Update the row of a mailbox. Raises LostLease if ``by`` lost the lease; then the transaction must not commit."""
    leased = update(mailboxes).where(mailboxes.c.name == name, mailboxes.c.leased_by == by)
    if not conn.execute(leased.values(leased_by=by, **values)).rowcount:
        raise LostLease("another machine fetches from this mailbox now")


def position(conn: Connection, name: str, folder: str) -> str | None:
    """Return the position up to which a folder was read, or None. Its format depends on the kind of mailbox."""
    this = (mailbox_folders.c.mailbox == name, mailbox_folders.c.folder == folder)
    return conn.execute(select(mailbox_folders.c.position).where(*this)).scalar()


def save_position(conn: Connection, name: str, by: str, folder: str, position: str) -> None:
    """Store the position up to which a folder was read. Raises LostLease."""
    _update_leased(conn, name, by)
    insert = upsert(conn, mailbox_folders).values(mailbox=name, folder=folder, position=position)
    conn.execute(insert.on_conflict_do_update(index_elements=["mailbox", "folder"], set_={"position": position}))


def recorded_places(conn: Connection, name: str, places: Sequence[str]) -> set[str]:
    """Return the ``places`` whose mail is recorded already."""
    return set(conn.execute(select(mailbox_mails.c.place).where(_at_places(name, places))).scalars())


def store_new(conn: Connection, name: str, by: str, fetched: Sequence[Fetched], *, mark: bool, now: datetime) -> int:
    """Record fetched mails, and put those with new content into the spool. Return the number of these new mails.

    ``mark``: whether the mails have to be flagged or moved. Raises LostLease.
    """
    lag = max(0, int((now - max(mail.arrived_at for mail in fetched)).total_seconds()))
    _update_leased(conn, name, by, lag_seconds=lag)
    hashes = [mail.entry.sha256 for mail in fetched]
    query = select(mailbox_mails.c.sha256).where(mailbox_mails.c.mailbox == name, mailbox_mails.c.sha256.in_(hashes))
    known = set(conn.execute(query).scalars())
    new: dict[str, NewEntry] = {}
    for mail in fetched:
        if mail.entry.sha256 not in known:
            new.setdefault(mail.entry.sha256, mail.entry)
    if new:
        spool_insert.insert_entries(conn, list(new.values()))
        _update_leased(conn, name, by, taken=mailboxes.c.taken + len(new))
    new_ids = {entry.id for entry in new.values()}
    for mail in fetched:
        entry = mail.entry
        values = {"sha256": entry.sha256, "size": len(entry.content), "reason": None, "due_at": now}
        values["spool_id"] = entry.id if entry.id in new_ids else None
        _record(conn, name, mail.place, mail.folder, state="taken" if mark else "done", **values)
    return len(new)


def record_not_fetched(
    conn: Connection, name: str, by: str, place: str, folder: str, state: State, *, size: int | None, reason: str,
    due_at: datetime,
) -> None:  # fmt: skip
    """Record a mail that was not fetched (``failed``, ``too_big``) or does not exist (``gone``). Raises LostLease."""
    _update_leased(conn, name, by)
    _record(conn, name, place, folder, state=state, size=size, reason=reason, due_at=due_at)


def _record(conn: Connection, name: str, place: str, folder: str, **values: Any) -> None:
    insert = upsert(conn, mailbox_mails).values(mailbox=name, place=place, folder=folder, attempts=1, **values)
    changes = {**values, "attempts": mailbox_mails.c.attempts + 1}
    conn.execute(insert.on_conflict_do_update(index_elements=["mailbox", "place"], set_=changes))


def places_to_mark(conn: Connection, name: str, folder: str, now: datetime, limit: int) -> list[str]:
    """Return the places of stored mails that must be flagged or moved, ordered by place."""
    due = (mailbox_mails.c.state == "taken", mailbox_mails.c.due_at <= now)
    query = select(mailbox_mails.c.place).where(*_open_in(name, folder), *due).order_by(mailbox_mails.c.place)
    return [str(place) for place in conn.execute(query.limit(limit)).scalars()]


def record_marking(conn: Connection, name: str, places: Sequence[str], **values: Any) -> None:
    """Set columns of mails after an attempt to flag or move them.

    It sets ``state="done"``, or ``reason`` and ``due_at``.
    """
    conn.execute(update(mailbox_mails).where(_at_places(name, places)).values(**values))


def places_to_retry(conn: Connection, name: str, folder: str, now: datetime, max_bytes: int) -> list[tuple[str, int]]:
    """Return (place, attempts) of up to 50 mails to fetch again.

    These are mails whose fetch failed and is due again, and mails that were too big but are within ``max_bytes`` now.
    """
    due = and_(mailbox_mails.c.state == "failed", mailbox_mails.c.due_at <= now)
    fits = and_(mailbox_mails.c.state == "too_big", mailbox_mails.c.size <= max_bytes)
    query = select(mailbox_mails.c.place, mailbox_mails.c.attempts).where(*_open_in(name, folder), or_(due, fits))
    return [(place, attempts) for place, attempts in conn.execute(query.order_by(mailbox_mails.c.due_at).limit(50))]


def problem_mails(conn: Connection, name: str) -> list[dict[str, Any]]:
    """Return up to 20 mails that could not be fetched, flagged or moved, with the reason."""
    columns = [mailbox_mails.c[column] for column in ("folder", "place", "state", "size", "reason", "due_at")]
    not_marked = and_(mailbox_mails.c.state == "taken", mailbox_mails.c.reason.is_not(None))
    failed = or_(mailbox_mails.c.state.in_(("failed", "too_big")), not_marked)
    query = select(*columns).where(mailbox_mails.c.mailbox == name, _OPEN, failed).limit(20)
    return list(map(dict, conn.execute(query).mappings()))


def _at_places(name: str, places: Sequence[str]) -> Any:
    return and_(mailbox_mails.c.mailbox == name, mailbox_mails.c.place.in_(places))


def _open_in(name: str, folder: str) -> tuple[Any, ...]:
    return mailbox_mails.c.mailbox == name, mailbox_mails.c.folder == folder, _OPEN


def record_success(conn: Connection, name: str, by: str, now: datetime) -> None:
    """Record that all folders of a mailbox were read completely. Raises LostLease."""
    one_at_a_time(conn)
    reported_at = conn.execute(select(mailboxes.c.told_at).where(mailboxes.c.name == name)).scalar()
    cleared = dict.fromkeys(("failing_since", "cause", "next_step", "told_at"))
    _update_leased(conn, name, by, last_success_at=now, **cleared)
    if reported_at is not None:
        write_event(conn, "mailbox.back", now, {"mailbox": name})


def record_failure(conn: Connection, name: str, by: str, cause: str, next_step: str, now: datetime) -> None:
    """Record that a mailbox could not be read. After ``AWAY``, an event is written. Raises LostLease."""
    one_at_a_time(conn)
    query = select(mailboxes.c.failing_since, mailboxes.c.told_at).where(mailboxes.c.name == name)
    row = conn.execute(query).one()
    since = row.failing_since or now
    away = row.told_at is None and now - since >= AWAY
    values = {"failing_since": since, "cause": cause, "next_step": next_step, "errors": mailboxes.c.errors + 1}
    _update_leased(conn, name, by, **values, told_at=now if away else row.told_at)
    if away:
        data = {"mailbox": name, "since": since.isoformat(), "cause": cause, "next_step": next_step}
        write_event(conn, "mailbox.away", now, data)


def statuses(conn: Connection) -> list[Status]:
    """Return the state of each mailbox, in order of name, without those that ``forget`` removed."""
    failures = select(mailbox_mails.c.mailbox, func.count()).where(_OPEN, mailbox_mails.c.state != "taken")
    failed = dict(map(tuple, conn.execute(failures.group_by(mailbox_mails.c.mailbox))))
    query = select(*_STATUS).where(mailboxes.c.forgotten_at.is_(None)).order_by(mailboxes.c.name)
    return [Status(**row, failed=failed.get(row["name"], 0)) for row in conn.execute(query).mappings()]


_STATUS = [mailboxes.c[name] for name in Status.__slots__ if name != "failed"]


def forget(conn: Connection, name: str, now: datetime) -> bool:
    """Remove a mailbox from ``statuses``, but keep the record of its mails. Returns False for an unknown mailbox."""
    forgotten = update(mailboxes).where(mailboxes.c.name == name).values(forgotten_at=now)
    return bool(conn.execute(forgotten).rowcount)


def stored_tokens(conn: Connection, name: str) -> str | None:
    """Return the encrypted OAuth tokens of a mailbox, or None."""
    return conn.execute(select(mailboxes.c.tokens).where(mailboxes.c.name == name)).scalar()


def save_tokens(conn: Connection, name: str, encrypted: str) -> None:
    """Store the OAuth tokens of a mailbox, encrypted by ``encryption.py``."""
    conn.execute(update(mailboxes).where(mailboxes.c.name == name).values(tokens=encrypted))
