"""The worker: claims mails, processes them, and sets them to done, or retries or shunts them.

Three rules protect every mail. The attempt is counted and committed before it is made, so a mail that kills this
process is detected by the next claim. Each mail is read outside any transaction; everything that depends on other mails
happens in one transaction that also sets the entries to done. If one mail of a batch fails, the mails of the batch are
processed one by one.

An attempt that failed because of the database is not counted, since mails do not cause that. But if the database aborts
a single mail and works right after, this is counted separately, with a higher limit and growing delays.
"""

from __future__ import annotations

import contextlib
import faulthandler
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from service import intake
from service.errors import GaveUp, Unavailable, where
from service.intake import AppContext, ReadMail
from service.store import contents, judge_queue, placement, search, spool
from service.store.contents import BlobWriter
from service.store.database import Connection, Database
from service.store.spool import Claimed, LostLease

_log = structlog.get_logger("sodan.worker")

BACK_OFF = (timedelta(seconds=2), timedelta(seconds=20))
"""Delay after the first and the second failed attempt of a mail; the third failure shunts it."""
PATIENCE = 20  # how often the database may abort a single mail (about half an hour) before the mail is shunted
PUT_OFF = timedelta(minutes=2)  # longest delay between two of these times
ANSWERS_SECONDS = 2.0  # if a tiny write takes longer than this, the database is overloaded and no mail is the cause
LONG_SECONDS = 20.0
"""A mail that takes this long may be the cause of any error: the database disconnects idle transactions."""
POLL_SECONDS = (0.005, 0.04)  # shortest and longest time between two polls of an empty spool
AWAY_SECONDS = 2.0  # longest time between two attempts while the database is unreachable
INDEX_MAILS = 200
INDEX_SECONDS = 0.5
"""Pause between two index batches under low load: indexing mails one by one costs seven times as much."""
READING_SHARE = 4
"""A quarter of the lease may be used for reading; unread mails are then released, since saving takes time."""
JUDGE_PAUSE = 2.0
"""While mail is waiting, the pause before the next long case is this many times as long as the last took."""
VISIBLE_SECONDS = 0.1  # seconds a batch may take under low load, since its mails become visible together


After = Callable[[Connection, Sequence[ReadMail], Sequence[int], datetime], None]


class BatchSizer:
    """Chooses how many mails to claim: few under low load, for short latency; many if there is a backlog.

    A batch is as large as fits into ``VISIBLE_SECONDS`` at the recent time per mail. A full batch means that there is a
    backlog; then the next batch is twice as large, since throughput matters more than latency.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._cost = 0.02
        self.limit = self._fitting()  # number of mails to claim now: at least one, at most the configured maximum

    @property
    def more(self) -> int:
        """Number of mails to claim after a full batch."""
        return min(self.limit * 2, self._most)

    def took(self, mails: int, seconds: float) -> None:
        """Record that ``mails`` claimed mails took ``seconds`` together."""
        if mails:
            self._cost += (seconds / mails - self._cost) * min(0.5, mails / 16)
        self.limit = self.more if mails >= self.limit else self._fitting()

    def _fitting(self) -> int:
        return max(1, min(int(VISIBLE_SECONDS / max(self._cost, 1e-6)), self._most))


@dataclass(kw_only=True)
class Worker:
    """Processes mail in one process. ``by`` names it in leases."""

    database: Database = field(kw_only=False)
    context: AppContext = field(kw_only=False)
    by: str
    batch: int
    lease: timedelta
    clock: Callable[[], datetime]
    shelf: BlobWriter = field(default_factory=BlobWriter)
    between: Callable[[], None] = lambda: None
    """Runs between two batches."""
    patience: int = PATIENCE
    after: After | None = None
    """Runs in the saving transaction, after judging."""

    def __post_init__(self) -> None:
        self._sizer = BatchSizer(self.batch)
        self._full = False  # the last claim got as many as requested, so more are waiting
        self._next_batch: list[Claimed] = []
        """Mails claimed in the transaction that saved the previous batch, if that was full."""
        self._unindexed = True
        self._index_due = 0.0
        self._unjudged = True  # whether a long case may be queued
        self._judge_due = 0.0
        self._must_release = False
        """The database failed: once it works, release all leases uncounted, also of a claim whose result was lost."""

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; the current batch is finished."""
        pause, away = POLL_SECONDS[0], POLL_SECONDS[0]
        while not stop.is_set():
            self.between()
            try:
                busy = self.turn()
            except Unavailable as error:
                _log.warning("the worker waits", reason=str(error), cause=repr(error.__cause__))
                away = min(away * 2, AWAY_SECONDS)
                stop.wait(away)
            except Exception as error:  # the mails it held are retried when their lease ends
                _log.error("a step of the worker failed", error=type(error).__name__, trace=where(error))
                stop.wait(AWAY_SECONDS)
            else:
                if busy:
                    pause, away = POLL_SECONDS[0], POLL_SECONDS[0]
                else:
                    stop.wait(pause)
                    pause = min(pause * 1.5, POLL_SECONDS[1])
        self._must_release |= bool(self._next_batch)
        self._next_batch = []
        with contextlib.suppress(Unavailable):
            self._give_back()

    def turn(self) -> bool:
        """Process a batch, then a long case if one is due; if there is neither, index mails.

        Returns whether anything was done. Raises Unavailable.
        """
        busy = self.step() > 0
        return self._judge_next(idle=not busy) or busy or self._index() > 0

    def step(self) -> int:
        """Process one batch; returns how many mails were claimed. Raises Unavailable."""
        self._give_back()
        began, limit = time.monotonic(), self._sizer.limit
        try:
            claimed, self._next_batch = self._next_batch or self._claim(limit), []
            self._full = len(claimed) >= limit
            if claimed:
                with self._watched():
                    self._take_in(claimed)
                self._unindexed = self._unjudged = True
        except Unavailable:
            self._must_release = True
            raise
        self._sizer.took(len(claimed), time.monotonic() - began)
        return len(claimed)

    def _claim(self, limit: int) -> list[Claimed]:
        now = self.clock()
        if not self._full and not self.database.read(lambda conn: spool.anything_due(conn, now)):
            return []
        return self.database.transact(lambda conn: spool.claim(conn, self.by, now, self.lease, limit))

    def _take_in(self, claimed: Sequence[Claimed]) -> None:
        read_mails: list[ReadMail] = []
        roles = self.context.roles(self.database.read(placement.learned))
        ends = time.monotonic() + self.lease.total_seconds() / READING_SHARE
        for number, one in enumerate(claimed):
            if number and time.monotonic() > ends:
                rest = [later.id for later in claimed[number:]]
                self.database.transact(partial(spool.give_back, by=self.by, ids=rest))
                _log.warning("a batch took long to read: the rest waits", read=number, waiting=len(rest))
                break
            try:
                read_mails.append(intake.understand(one, self.context, roles))
            except Exception as error:
                self._failed(one, error)
        if read_mails:
            self._save(read_mails)

    def _save(self, read_mails: Sequence[ReadMail]) -> None:
        now = self.clock()
        packed = self.shelf.put_away([(one.claimed.id, one.claimed.content) for one in read_mails])
        began = time.monotonic()
        try:

            def finish(conn: Connection, case_ids: Sequence[int]) -> list[Claimed]:
                self._after(conn, read_mails, case_ids, now)
                contents.keep(conn, packed)
                # claim the next batch in the same transaction, which halves the waiting of workers for their lock
                return spool.claim(conn, self.by, self.clock(), self.lease, self._sizer.more) if self._full else []

            placed = intake.place(self.database, read_mails, self.context, by=self.by, now=now, after=finish)
            self._next_batch += placed
        except Exception as error:
            if isinstance(error, Unavailable) and not self._may_be_to_blame(error, time.monotonic() - began):
                raise
            self._not_saved(read_mails, error)
        else:
            for one in read_mails:
                self._tell(one, now)

    def _after(self, conn: Connection, read_mails: Sequence[ReadMail], case_ids: Sequence[int], now: datetime) -> None:
        if self.after is not None:
            self.after(conn, read_mails, case_ids, now)

    def _not_saved(self, read_mails: Sequence[ReadMail], error: Exception) -> None:
        if len(read_mails) > 1:
            self._full = False
            for one in read_mails:
                self._save([one])
            return
        claimed = read_mails[0].claimed
        if isinstance(error, Unavailable):
            self._put_off(claimed, error)
        elif isinstance(error, LostLease):
            _log.warning("a mail was taken over by another worker", id=claimed.id)
        else:
            self._failed(claimed, error)

    def _may_be_to_blame(self, error: Unavailable, seconds: float) -> bool:
        """Whether the mails may be the cause, because the database itself works and responds quickly."""
        if not isinstance(error, GaveUp) and seconds < LONG_SECONDS:
            return False
        began = time.monotonic()
        try:
            self.database.probe()
        except Unavailable:
            return False
        return time.monotonic() - began < ANSWERS_SECONDS

    def _put_off(self, claimed: Claimed, error: Unavailable) -> None:
        now = self.clock()
        times = self.database.transact(
            lambda conn: spool.retry_alone_later(conn, claimed.id, self.by, str(error), now, self.patience, PUT_OFF)
        )
        _log.error(
            "a mail was given up by the database", id=claimed.id, times=times, cause=type(error.__cause__).__name__
        )

    def _tell(self, one: ReadMail, now: datetime) -> None:
        """Write the log line of a mail: numbers and kinds, no text or addresses."""
        claimed, first = one.claimed, one.extracted[0]
        _log.info(
            "taken in",
            id=claimed.id,
            channel=claimed.envelope.channel,
            size=len(claimed.content),
            attempt=claimed.attempt,
            waited_ms=round((now - claimed.received_at).total_seconds() * 1000),
            messages=len(one.extracted),
            language=first.language,
            automatic=first.node.automatic,
            role=first.role,
            defects=",".join(getattr(first.source, "defects", ())),
        )

    def _failed(self, claimed: Claimed, error: Exception) -> None:
        now = self.clock()
        due = now + BACK_OFF[min(claimed.attempt, len(BACK_OFF)) - 1]
        reason = f"{type(error).__name__}: {error}"[:1000]
        # never the error's own text, which may quote the mail (`sodan spool show` has it)
        kind = type(error).__name__
        _log.error("a mail was not taken in", id=claimed.id, attempt=claimed.attempt, error=kind, trace=where(error))
        self.database.transact(lambda conn: spool.back_off(conn, claimed.id, self.by, reason, now, due))

    def _give_back(self) -> None:
        """Release the leases of this worker after the database failed, without counting the attempt."""
        if self._must_release:
            self.database.transact(lambda conn: spool.give_back(conn, self.by))
            self._must_release = False

    def _judge_next(self, *, idle: bool) -> bool:
        """Judge a long case if one is due; returns whether one was waiting."""
        began = time.monotonic()
        if not self._unjudged or not (idle or began >= self._judge_due):
            return False
        now = self.clock()
        try:
            with self._watched():
                self._unjudged = intake.judge_next(
                    self.database, self.context, now, lambda conn, case_id: self._after(conn, [], [case_id], now)
                )
        except Unavailable:
            raise
        except Exception as error:  # its mails are stored; the next mail to it queues it again
            _log.error("a long case was not judged", error=type(error).__name__, trace=where(error))
            self.database.transact(judge_queue.give_up)
        ended = time.monotonic()
        self._judge_due = ended + JUDGE_PAUSE * (ended - began)
        return self._unjudged

    def _index(self) -> int:
        """Index a batch of mails if the pause is over; returns how many."""
        now = time.monotonic()
        if not self._unindexed or now < self._index_due:
            return 0
        indexed = search.index_pending(self.database, INDEX_MAILS)
        self._unindexed = indexed >= INDEX_MAILS
        self._index_due = 0.0 if self._unindexed else now + INDEX_SECONDS
        return indexed

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """End this process if a batch takes longer than its lease, so that a hanging process holds no mail."""
        faulthandler.dump_traceback_later(self.lease.total_seconds(), exit=True)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
