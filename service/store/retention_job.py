"""Deletes old data once a day (retention.py), one case at a time between two batches of mail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog

from service.errors import GaveUp, Unavailable, where
from service.store import outbox
from service.store.blob_store import BlobStore
from service.store.database import Database
from service.store.retention import DeletedCounts, Terms, due, remove_due

_log = structlog.get_logger("sodan.retention")

FIRST_SECONDS = 3600.0  # delay after the start of a worker, so that a wrong setting does not delete everything at once
DAY_SECONDS = 86400.0
STEP_SECONDS = 0.1  # minimum time between two steps; a step handles one case or searches for cases
JUMP_SECONDS = 3600.0  # if clock and elapsed time differ by more, somebody has set the clock


@dataclass
class RetentionJob:
    """Deletes old data in small steps between batches of mail, but nothing for a day if somebody set the clock."""

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

    def look(self) -> None:
        """Do the next step if it is time. Never raises Unavailable."""
        if not self._enabled or self.monotonic() < self._next:
            return
        pause = STEP_SECONDS
        try:
            if self._run is None and self._clock_was_set():
                _log.warning("the clock was set: nothing goes by it today")
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
        now, deleted = self.clock(), DeletedCounts()
        try:
            if self.terms.cases is not None:
                until = now - self.terms.cases
                self.database.transact(lambda conn: outbox.forget(conn, until))
            for cases in due(self.database, self.terms, now):
                yield
                for case in cases:
                    try:
                        deleted.add(remove_due(self.database, self.blob_store, case, self.terms, now))
                    except Exception as error:  # the other cases do not wait for this one
                        if isinstance(error, Unavailable) and not isinstance(error, GaveUp):
                            raise
                        kind = type(error).__name__
                        _log.error("a case was not deleted", case=case.case_id, error=kind, trace=where(error))
                    yield
        finally:
            if deleted.cases or deleted.mails:
                _log.info("kept no longer", cases=deleted.cases, messages=deleted.messages, mails=deleted.mails)

    def _clock_was_set(self) -> bool:
        time_before, monotonic_before = self._last_times
        time, monotonic = self._last_times = (self.clock(), self.monotonic())
        return abs((time - time_before).total_seconds() - (monotonic - monotonic_before)) > JUMP_SECONDS
