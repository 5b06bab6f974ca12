"""Deletes old data: first the raw mails of inactive cases, later whole cases.

A case is inactive while it is resolved or closed, not merged into another case, and unchanged. After the first period,
its raw mails are deleted, but their text stays. After the second period, the case is deleted with all cases merged into
it. A mail stays if it is not processed yet, or if it also belongs to a case that was not inactive for so long.

Each case has its own transactions, and each transaction checks the case again. So mail may arrive meanwhile, and an
interrupted run can be repeated. For a raw mail in external storage, the row is first marked as ``going``, then the file
is deleted, then the row is marked as ``gone``.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, func, select, update
from sqlalchemy import case as sql_case

from service.errors import GaveUp, Unavailable, where
from service.store import case_deletion, contents, outbox
from service.store.blob_store import BlobStore
from service.store.database import Database, one_at_a_time
from service.store.sql import chunks, exists, write_event
from service.store.tables import cases, messages
from service.store.tables import contents as content_table

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
    marked = database.transact(partial(_mark_for_deletion, case=case))
    external = [mail for mail in marked if mail.codec in (contents.OUTSIDE, contents.GOING)]
    if blob_store is not None:
        for mail in external:
            contents.remove_unreferenced(database, blob_store, mail.sha256, now)
    else:  # the rows stay marked until the external storage is configured again
        marked = [mail for mail in marked if mail not in external]
    if marked:
        database.transact(partial(_mark_as_gone, ids=[mail.id for mail in marked], whole=case.whole, now=now))
    removed = database.transact(partial(_remove_case, case=case, now=now)) if case.whole else None
    return removed or Deleted(mails=len(marked))


def _due_cases(conn: Connection, terms: Terms, now: datetime, after: int) -> tuple[list[DueCase], int | None]:
    """Examine the next inactive cases. Returns (cases with data to delete, last examined id or None at the end)."""
    shortest = min(period for period in (terms.raw, terms.cases) if period is not None)
    query = select(cases.c.id, cases.c.status, cases.c.updated_at).where(cases.c.id > after, *_inactive(now - shortest))
    rows = conn.execute(query.order_by(cases.c.id).limit(_CASES)).all()
    if not rows:
        return [], None
    newest, mails_of = case_deletion.newest(conn), case_deletion.mails_of(conn, [row.id for row in rows], _KEPT)
    due_cases = []
    for id, status, since in rows:
        whole = terms.cases is not None and since <= now - terms.cases and id not in newest
        period = terms.cases if whole else terms.raw
        if period is None or since > now - period:
            continue
        mails = _deletable(conn, id, mails_of[id], now - period, whole=whole)
        if mails or whole:
            count = select(func.count()).select_from(messages).where(messages.c.case_id == id)
            size = sum(mail.size for mail in mails)
            number = conn.execute(count).scalar_one()
            due_cases.append(DueCase(id, status, since, now - period, whole, number, len(mails), size))
    return due_cases, rows[-1].id


_KEPT = content_table.c.codec != contents.GONE


def _inactive(until: datetime) -> tuple[Any, ...]:
    """Return the SQL conditions for the cases that have been inactive since ``until``."""
    return (cases.c.status.in_(("resolved", "closed")), cases.c.merged_into.is_(None), cases.c.updated_at <= until)


def _is_inactive(conn: Connection, case_id: int, until: datetime) -> bool:
    return exists(conn, select(cases.c.id).where(cases.c.id == case_id, *_inactive(until)))


def _deletable(conn: Connection, case_id: int, mails: Sequence[Any], until: datetime, *, whole: bool) -> list[Any]:
    """Return the mails that no other case needs.

    Active cases need their mails. Inactive cases need them only if the whole case is deleted (``whole``).
    """
    return case_deletion.exclusive(conn, case_id, mails, lambda case: whole or not _is_inactive(conn, case, until))


def _mark_for_deletion(conn: Connection, case: DueCase) -> list[Any]:
    """Delete raw mails in rows, and mark raw mails in external storage. Returns the mails as they were before."""
    one_at_a_time(conn)
    if not _is_inactive(conn, case.case_id, case.until):
        return []
    all_mails = case_deletion.mails_of(conn, [case.case_id], _KEPT)[case.case_id]
    mails = _deletable(conn, case.case_id, all_mails, case.until, whole=case.whole)
    external = content_table.c.codec.in_((contents.OUTSIDE, contents.GOING))
    deleted = {"codec": sql_case((external, contents.GOING), else_=contents.GONE), "bytes": b""}
    for chunk in chunks([mail.id for mail in mails]):
        conn.execute(update(content_table).where(content_table.c.id.in_(chunk)).values(deleted))
    return mails


def _mark_as_gone(conn: Connection, ids: Sequence[str], whole: bool, now: datetime) -> None:
    """Mark the raw mails whose files are deleted. Write an event, unless the deletion of the case will write one."""
    one_at_a_time(conn)
    going = content_table.c.codec == contents.GOING
    for chunk in chunks(ids):
        conn.execute(update(content_table).where(content_table.c.id.in_(chunk), going).values(codec=contents.GONE))
    if not whole:
        write_event(conn, "contents.removed", now, {"mails": len(ids)})


def _remove_case(conn: Connection, case: DueCase, now: datetime) -> Deleted | None:
    """Delete a case. Returns None if the case is active again, or must stay for now (case_deletion.py)."""
    one_at_a_time(conn)
    removed = case_deletion.remove(conn, case.case_id, now) if _is_inactive(conn, case.case_id, case.until) else None
    return Deleted(cases=1, messages=removed[0], mails=removed[1]) if removed else None


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
