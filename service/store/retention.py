"""Deletes old data: first the raw mails of inactive cases, later whole cases.

A case is inactive while it is resolved or closed, not merged into another case, and unchanged. After the first period,
its raw mails are deleted, but their text stays. After the second period, the case is deleted from all tables and the
search index, with all cases merged into it. A mail stays if it is not processed yet, or if it also belongs to a case
that was not inactive for so long. Case ids may remain in the events of corrections and in the evidence of other mails.

Each case has its own transactions, and each transaction checks the case again. So mail may arrive meanwhile, and an
interrupted run can be repeated. For a raw mail in external storage, the row is first marked as ``going``, then the file
is deleted, then the row is marked as ``gone``.

Ids must not be reused. But SQLite continues from the highest existing id. Therefore the case, message and event with
the highest id stay until there is a higher id.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy import case as sql_case

from service.errors import GaveUp, Unavailable, where
from service.store import contents, links, outbox, search, spool
from service.store.blob_store import BlobStore
from service.store.cases import survivor
from service.store.contents import GOING, GONE, OUTSIDE
from service.store.database import Database, one_at_a_time
from service.store.sql import THESE, chunks, exists, in_chunks, write_event
from service.store.tables import attachments, case_links, cases, deliveries, events, messages, thread_keys
from service.store.tables import contents as content_table
from service.store.tables import spool as spool_table

_log = structlog.get_logger("sodan.retention")

FIRST_SECONDS = 3600.0  # delay after the start of a worker, so that a wrong setting does not delete everything at once
DAY_SECONDS = 86400.0
STEP_SECONDS = 0.1  # minimum time between two steps; a step handles one case or searches for cases
JUMP_SECONDS = 3600.0  # a larger difference between clock and elapsed time means that somebody set the clock
_CASES = 200  # cases examined in one transaction


@dataclass(frozen=True, slots=True)
class Terms:
    """The periods after which data of an inactive case is deleted; None: never."""

    raw: timedelta | None  # for the raw mails of the case
    cases: timedelta | None  # for the case itself

    @classmethod
    def of_days(cls, raw: int, cases: int) -> Terms:
        """Return the periods for numbers of days, as in the settings; 0: never."""
        return cls(timedelta(days=raw) if raw else None, timedelta(days=cases) if cases else None)


@dataclass(frozen=True, slots=True)
class DueCase:
    """A case that has data to delete."""

    case_id: int
    status: str
    since: datetime  # when it was last changed
    until: datetime  # its data is deleted only if it has not changed after this time
    whole: bool  # True: the case is to be deleted; False: only its raw mails
    messages: int  # number of its messages
    mails: int  # number of raw mails to delete
    size: int  # total size of these raw mails in bytes, as received


Deleted = Counter[str]
"""Numbers of deleted ``cases``, ``messages`` and raw ``mails``."""


def due(database: Database, terms: Terms, now: datetime) -> Iterator[list[DueCase]]:
    """Yield the cases that have data to delete, in lists. Each list is read in one transaction and may be empty."""
    after = 0
    while True:
        due_cases, last = database.read(partial(_due_cases, terms=terms, now=now, after=after))
        if last is None:
            return
        yield due_cases
        after = last


def remove_due(database: Database, blob_store: BlobStore | None, case: DueCase, now: datetime) -> Deleted:
    """Delete the data of a case, if it is still due. Raises Unavailable; then another call deletes the rest."""
    deleted: list[str] = []
    for mail in database.transact(partial(_mark_for_deletion, case=case)):
        if mail.codec in (OUTSIDE, GOING):
            if blob_store is None:
                continue  # the row stays marked until the external storage is configured again
            contents.remove_unreferenced(database, blob_store, mail.sha256, now)
        deleted.append(mail.id)
    return database.transact(partial(_finish, case=case, ids=deleted, now=now))


def _due_cases(conn: Connection, terms: Terms, now: datetime, after: int) -> tuple[list[DueCase], int | None]:
    """Examine the next inactive cases. Returns (cases with data to delete, last examined id or None at the end)."""
    shortest = min(period for period in (terms.raw, terms.cases) if period is not None)
    query = select(cases.c.id, cases.c.status, cases.c.updated_at).where(cases.c.id > after, *_inactive(now - shortest))
    rows = conn.execute(query.order_by(cases.c.id).limit(_CASES)).all()
    if not rows:
        return [], None
    newest, mails = _newest(conn), _mails_of(conn, [row.id for row in rows], _KEPT)
    due_cases = []
    for id, status, since in rows:
        whole = terms.cases is not None and since <= now - terms.cases and id not in newest
        period = terms.cases if whole else terms.raw
        if period is None or since > now - period:
            continue
        deletable = _deletable(conn, id, mails[id], now - period, whole=whole)
        if deletable or whole:
            count = select(func.count()).select_from(messages).where(messages.c.case_id == id)
            size = sum(mail.size for mail in deletable)
            number = conn.execute(count).scalar_one()
            due_cases.append(DueCase(id, status, since, now - period, whole, number, len(deletable), size))
    return due_cases, rows[-1].id


_KEPT = content_table.c.codec != GONE


def _inactive(until: datetime) -> tuple[Any, ...]:
    """Return the SQL conditions for the cases that have been inactive since ``until``."""
    return (cases.c.status.in_(("resolved", "closed")), cases.c.merged_into.is_(None), cases.c.updated_at <= until)


def _is_inactive(conn: Connection, case_id: int, until: datetime) -> bool:
    return exists(conn, select(cases.c.id).where(cases.c.id == case_id, *_inactive(until)))


def _newest(conn: Connection) -> set[int]:
    """Return the cases with the highest case id and message id. After a deletion, SQLite would use these ids again."""
    highest = conn.execute(select(func.max(cases.c.id))).scalar()
    last = conn.execute(select(messages.c.case_id).order_by(messages.c.id.desc()).limit(1)).scalar()
    return {survivor(conn, number) for number in (highest, last) if number is not None}


_MAILS = (
    select(messages.c.case_id, spool_table.c.id, spool_table.c.size, spool_table.c.sha256, content_table.c.codec)
    .distinct()
    .join_from(messages, deliveries, deliveries.c.message_id == messages.c.id)
    .join(spool_table, spool_table.c.id == deliveries.c.spool_id)
    .join(content_table, content_table.c.id == spool_table.c.id)
    .where(messages.c.case_id.in_(THESE), spool_table.c.state == "done")
)
_PLACES = (
    select(deliveries.c.spool_id, messages.c.case_id)
    .join(messages, messages.c.id == deliveries.c.message_id)
    .where(deliveries.c.spool_id.in_(THESE))
)


def _mails_of(conn: Connection, case_ids: Sequence[int], *which: Any) -> dict[int, list[Any]]:
    """Return case → its processed mails that meet the conditions, as rows with id, size, sha256 and codec."""
    mails: dict[int, list[Any]] = defaultdict(list)
    for mail in in_chunks(conn, _MAILS.where(*which), case_ids):
        mails[mail.case_id].append(mail)
    return mails


def _deletable(conn: Connection, case_id: int, mails: Sequence[Any], until: datetime, *, whole: bool) -> list[Any]:
    """Return those of the mails of a case that no other case needs.

    Active cases need their mails. Inactive cases need them only if the whole case is deleted (``whole``).
    """
    users = {(id, case) for id, case in in_chunks(conn, _PLACES, [mail.id for mail in mails]) if case != case_id}
    needing = {case for case in {case for _, case in users} if whole or not _is_inactive(conn, case, until)}
    needed = {id for id, case in users if case in needing}
    return [mail for mail in mails if mail.id not in needed]


def _mark_for_deletion(conn: Connection, case: DueCase) -> list[Any]:
    """Delete raw mails in rows, and mark raw mails in external storage. Returns the mails as they were before."""
    one_at_a_time(conn)
    if not _is_inactive(conn, case.case_id, case.until):
        return []
    all_mails = _mails_of(conn, [case.case_id], _KEPT)[case.case_id]
    mails = _deletable(conn, case.case_id, all_mails, case.until, whole=case.whole)
    external = content_table.c.codec.in_((OUTSIDE, GOING))
    deleted = {"codec": sql_case((external, GOING), else_=GONE), "bytes": b""}
    for chunk in chunks([mail.id for mail in mails]):
        conn.execute(update(content_table).where(content_table.c.id.in_(chunk)).values(deleted))
    return mails


def _finish(conn: Connection, case: DueCase, ids: Sequence[str], now: datetime) -> Deleted:
    """Mark the raw mails whose files are deleted. Delete a whole case, unless it is active again or must stay."""
    one_at_a_time(conn)
    going = content_table.c.codec == GOING
    for chunk in chunks(ids):
        conn.execute(update(content_table).where(content_table.c.id.in_(chunk), going).values(codec=GONE))
    deleted = None
    if case.whole and _is_inactive(conn, case.case_id, case.until):
        deleted = remove_case(conn, case.case_id, now)
    elif ids and not case.whole:
        write_event(conn, "contents.removed", now, {"mails": len(ids)})
    return deleted or Deleted(mails=len(ids))


def remove_case(conn: Connection, case_id: int, now: datetime) -> Deleted | None:
    """Delete a case, and return what was deleted; None if it has one of the highest ids and must stay.

    It also stays while one of its raw mails is in external storage. Call ``one_at_a_time`` before.
    """
    if case_id in _newest(conn):
        return None
    mails = _deletable(conn, case_id, _mails_of(conn, [case_id])[case_id], now, whole=True)
    if any(mail.codec in (OUTSIDE, GOING) for mail in mails):
        return None
    numbers = list(conn.execute(select(messages.c.id).where(messages.c.case_id == case_id)).scalars())
    # written before events are deleted: otherwise SQLite would reuse the id of the last event, which readers know
    write_event(conn, "case.removed", now, {"number": case_id, "messages": len(numbers), "mails": len(mails)})
    parts = [case_id, *links.merged_into(conn, case_id)]
    _unrelate(conn, parts)
    search.remove(conn, numbers)
    ids = select(messages.c.id).where(messages.c.case_id == case_id)  # too many for a list of parameters
    for statement in (
        update(messages).where(messages.c.found_in.in_(ids)).values(found_in=None),
        delete(thread_keys).where(thread_keys.c.message_id.in_(ids)),
        delete(deliveries).where(deliveries.c.message_id.in_(ids)),
        delete(attachments).where(attachments.c.message_id.in_(ids)),
        delete(messages).where(messages.c.case_id == case_id),
    ):
        conn.execute(statement)
    shunted = (events.c.case_id.is_(None), events.c.kind == "spool.shunted")
    for chunk in chunks([mail.id for mail in mails]):
        conn.execute(delete(events).where(*shunted, events.c.data["spool"].as_string().in_(chunk)))
        spool.delete_entries(conn, chunk)
    conn.execute(delete(cases).where(cases.c.id.in_(parts)))  # dependent rows are deleted by cascade
    return Deleted(cases=1, messages=len(numbers), mails=len(mails))


def _unrelate(conn: Connection, parts: Sequence[int]) -> None:
    """Remove the cases ``parts`` from the related cases of all other cases."""
    linked = select(case_links.c.case_id).where(case_links.c.other_id.in_(parts), case_links.c.case_id.not_in(parts))
    for row in conn.execute(select(cases.c.id, cases.c.document).where(cases.c.id.in_(linked))).all():
        related = [key for key in row.document.get("related", ()) if int(key.rpartition("-")[2]) not in parts]
        document = {**row.document, "related": related}
        conn.execute(update(cases).where(cases.c.id == row.id).values(document=document, version=cases.c.version + 1))


# ── once a day, one case at a time between two batches of mail ───────────────────────────────────────────────────────


@dataclass
class RetentionJob:
    """Deletes old data in small steps between batches of mail. After a change of the clock, it pauses for a day."""

    database: Database
    blob_store: BlobStore | None
    terms: Terms
    clock: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._enabled = self.terms.raw is not None or self.terms.cases is not None
        self._last_times = (self.clock(), self.monotonic())
        self._next = self.monotonic() + FIRST_SECONDS
        self._run: Iterator[None] | None = None

    def run_next_step(self) -> None:
        """Do the next step if it is time. Never raises Unavailable."""
        if not self._enabled or self.monotonic() < self._next:
            return
        pause = STEP_SECONDS
        try:
            if self._run is None and self._clock_was_set():
                _log.warning("the clock was set: nothing is deleted today")
                pause = DAY_SECONDS
            else:
                self._run = self._run or self._steps()
                next(self._run)
        except StopIteration:
            self._run, pause = None, DAY_SECONDS
        except Unavailable as error:
            _log.warning("retention waits", reason=str(error), cause=repr(error.__cause__))
            self._run, pause = None, FIRST_SECONDS
        self._next = self.monotonic() + pause

    def _steps(self) -> Iterator[None]:
        """Delete everything that is due. A step deletes data of one case or searches for cases. Raises Unavailable."""
        now, deleted = self.clock(), Deleted()
        try:
            if self.terms.cases is not None:
                until = now - self.terms.cases
                self.database.transact(lambda conn: outbox.delete_finished(conn, until))
            for cases in due(self.database, self.terms, now):
                yield
                for case in cases:
                    try:
                        deleted += remove_due(self.database, self.blob_store, case, now)
                    except Exception as error:  # the other cases do not wait for this case
                        if isinstance(error, Unavailable) and not isinstance(error, GaveUp):
                            raise
                        kind = type(error).__name__
                        _log.error("a case was not deleted", case=case.case_id, error=kind, trace=where(error))
                    yield
        finally:
            if deleted:
                _log.info("old data deleted", **{name: deleted[name] for name in ("cases", "messages", "mails")})

    def _clock_was_set(self) -> bool:
        time_before, monotonic_before = self._last_times
        time, monotonic = self._last_times = (self.clock(), self.monotonic())
        return abs((time - time_before).total_seconds() - (monotonic - monotonic_before)) > JUMP_SECONDS
