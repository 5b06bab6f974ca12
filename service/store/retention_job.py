"""Runs the retention job once a day, one case at a time between two batches of mail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime

import structlog

from service.errors import Unavailable
from service.store import outbox
from service.store.blob_store import BlobStore
from service.store.database import Database
from service.store.retention import Due, Gone, Terms, due, remove_due

_log = structlog.get_logger("sodan.retention")

FIRST_SECONDS = 3600.0  # delay after the start of a worker, so that a wrong setting does not delete everything at once
DAY_SECONDS = 86400.0
SHARE_SECONDS = 0.1  # minimum time between two steps; a step handles one case or searches for cases
JUMP_SECONDS = 3600.0
"""If the clock deviates by more than this from the elapsed time, it was set: the job is skipped for a day."""


class RetentionJob:
    """``look`` is called between two batches and does little each time."""

    def __init__(
        self,
        database: Database,
        outside: BlobStore | None,
        terms: Terms,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._outside, self._terms = database, outside, terms
        self._clock, self._monotonic = clock, monotonic
        self._wanted = terms.raw is not None or terms.cases is not None
        self._steady = (clock(), monotonic())
        self._next = monotonic() + FIRST_SECONDS
        self._round: Iterator[list[Due]] | None = None
        self._now = clock()
        self._waiting: list[Due] = []
        self._gone = Gone()

    def look(self) -> None:
        """Do the next step if it is time. Never raises Unavailable."""
        if not self._wanted or self._monotonic() < self._next:
            return
        self._next = self._monotonic() + SHARE_SECONDS
        try:
            self._go_on()
        except Unavailable as error:
            _log.warning("retention waits", reason=str(error), cause=repr(error.__cause__))
            self._end(FIRST_SECONDS)

    def _go_on(self) -> None:
        if self._round is None:
            if self._clock_was_set():
                _log.warning("the clock was set: nothing goes by it today")
                self._next = self._monotonic() + DAY_SECONDS
                return
            self._now = self._clock()
            if self._terms.cases is not None:
                until = self._now - self._terms.cases
                self._database.transact(lambda conn: outbox.forget(conn, until))
            self._round = due(self._database, self._terms, self._now)
        if self._waiting:
            one = self._waiting.pop(0)
            self._gone.add(remove_due(self._database, self._outside, one, self._terms, self._now))
        elif (found := next(self._round, None)) is not None:
            self._waiting = found
        else:
            self._end(DAY_SECONDS)

    def _end(self, pause: float) -> None:
        gone = self._gone
        if gone.cases or gone.mails:
            _log.info("kept no longer", cases=gone.cases, messages=gone.messages, mails=gone.mails)
        self._round, self._waiting, self._gone = None, [], Gone()
        self._next = self._monotonic() + pause

    def _clock_was_set(self) -> bool:
        then, at = self._steady
        self._steady = (self._clock(), self._monotonic())
        return abs((self._steady[0] - then).total_seconds() - (self._steady[1] - at)) > JUMP_SECONDS
