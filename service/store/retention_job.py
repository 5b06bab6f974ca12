"""Runs the retention job once a day, one case at a time between two batches of mail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog

from service.errors import Unavailable
from service.store import outbox
from service.store.blob_store import BlobStore
from service.store.database import Database
from service.store.retention import Gone, Terms, due, remove_due

_log = structlog.get_logger("sodan.retention")

FIRST_SECONDS = 3600.0  # delay after the start of a worker, so that a wrong setting does not delete everything at once
DAY_SECONDS = 86400.0
SHARE_SECONDS = 0.1  # minimum time between two steps; a step handles one case or searches for cases
JUMP_SECONDS = 3600.0
"""If the clock deviates by more than this from the elapsed time, it was set: the job is skipped for a day."""


@dataclass
class RetentionJob:
    """``look`` is called between two batches and does little each time."""

    database: Database
    outside: BlobStore | None
    terms: Terms
    clock: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._wanted = self.terms.raw is not None or self.terms.cases is not None
        self._steady = (self.clock(), self.monotonic())
        self._next = self.monotonic() + FIRST_SECONDS
        self._round: Iterator[None] | None = None

    def look(self) -> None:
        """Do the next step if it is time. Never raises Unavailable."""
        if not self._wanted or self.monotonic() < self._next:
            return
        pause = SHARE_SECONDS
        try:
            if self._round is None and self._clock_was_set():
                _log.warning("the clock was set: nothing goes by it today")
                pause = DAY_SECONDS
            else:
                self._round = self._round or self._steps()
                next(self._round)
        except StopIteration:
            self._round, pause = None, DAY_SECONDS
        except Unavailable as error:
            _log.warning("retention waits", reason=str(error), cause=repr(error.__cause__))
            self._round, pause = None, FIRST_SECONDS
        self._next = self.monotonic() + pause

    def _steps(self) -> Iterator[None]:
        """Delete what is due now; each step deletes one case or searches for cases. Raises Unavailable."""
        now, gone = self.clock(), Gone()
        try:
            if self.terms.cases is not None:
                until = now - self.terms.cases
                self.database.transact(lambda conn: outbox.forget(conn, until))
            for some in due(self.database, self.terms, now):
                yield
                for one in some:
                    gone.add(remove_due(self.database, self.outside, one, self.terms, now))
                    yield
        finally:
            if gone.cases or gone.mails:
                _log.info("kept no longer", cases=gone.cases, messages=gone.messages, mails=gone.mails)

    def _clock_was_set(self) -> bool:
        then, at = self._steady
        self._steady = (self.clock(), self.monotonic())
        return abs((self._steady[0] - then).total_seconds() - (self._steady[1] - at)) > JUMP_SECONDS
