"""The worker: claims mails from the spool, processes them, and marks them as done. Retries or shunts failed mails.

An attempt is counted and committed before it begins, so that a mail that kills this process is detected. If the
transaction that saves a batch fails, its mails are saved one by one.

If an attempt fails because of the database, it is not counted, because mails do not cause such failures. But if the
database aborts the transaction of a single mail and works right after, this is counted, with a separate, higher limit.
"""

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
from service.intake import After, AppContext
from service.store import contents, search, spool
from service.store.contents import BlobWriter
from service.store.database import Connection, Database
from service.store.learned_roles import learned
from service.store.message_rows import ReadMail
from service.store.spool import Claimed, LostLease

_log = structlog.get_logger("sodan.worker")

PATIENCE = 20  # after so many aborts by the database (about half an hour), a single mail is shunted
LONGEST_RETRY_DELAY = timedelta(minutes=2)  # maximum delay before such a mail is tried again
PROBE_SECONDS = 2.0  # if a small write takes longer than this, the database is overloaded, and no mail is the cause
LONG_SECONDS = 20.0  # a mail that takes this long may cause any error, because the database closes idle connections
POLL_SECONDS = (0.005, 0.04)  # shortest and longest time between two polls of an empty spool
UNREACHABLE_SECONDS = 2.0  # maximum time between two attempts while the database is unreachable
INDEX_MAILS = 200
INDEX_SECONDS = 0.5  # pause if fewer than ``INDEX_MAILS`` wait: one by one, indexing takes 7 times as long
READING_SHARE = 4  # reading may take 1 / ``READING_SHARE`` of the lease; then the other mails are released
JUDGE_PAUSE = 2.0  # pause before the next long case while mail waits, in multiples of the time for the last long case
VISIBLE_SECONDS = 0.1  # target time of a batch under low load: the mails of a batch become visible together


class BatchSizer:
    """Chooses how many mails to claim: as many as can be processed in ``VISIBLE_SECONDS``.

    After each full batch, the number is doubled, up to ``most``.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._cost = 0.02
        self.limit = self._fitting_limit()

    @property
    def next_limit(self) -> int:
        """The value of ``limit`` after a full batch."""
        return min(self.limit * 2, self._most)

    def took(self, mails: int, seconds: float) -> None:
        if mails:
            self._cost += (seconds / mails - self._cost) * min(0.5, mails / 16)
        self.limit = self.next_limit if mails >= self.limit else self._fitting_limit()

    def _fitting_limit(self) -> int:
        return max(1, min(int(VISIBLE_SECONDS / max(self._cost, 1e-6)), self._most))


@dataclass(kw_only=True)
class Worker:
    """Processes mail in one process. ``by``: its name in leases; ``batch``: the maximum number of mails at a time."""

    database: Database = field(kw_only=False)
    context: AppContext = field(kw_only=False)
    by: str
    batch: int
    lease: timedelta
    clock: Callable[[], datetime]
    blobs: BlobWriter = field(default_factory=BlobWriter)
    before_batch: Callable[[], None] = lambda: None  # called before each batch
    patience: int = PATIENCE
    after: Sequence[After] = ()  # called in the transaction that saves mails, after the cases are judged

    def __post_init__(self) -> None:
        self._sizer = BatchSizer(self.batch)
        self._was_full = False  # whether the last claim got as many mails as requested, so that more may be waiting
        self._next_batch: list[Claimed] = []  # mails claimed in the transaction that saved the last, full batch
        self._may_be_unindexed = True
        self._index_due = 0.0
        self._may_be_unjudged = True  # whether a long case may be queued
        self._judge_due = 0.0
        self._must_release = False  # whether the database failed and leases must be released uncounted

    def run(self, stop: threading.Event) -> None:
        shortest, pause = POLL_SECONDS[0], POLL_SECONDS[0]
        while not stop.is_set():
            self.before_batch()
            longest = POLL_SECONDS[1]
            try:
                if self.turn():
                    pause = shortest
                    continue
            except Unavailable as error:
                _log.warning("the worker waits", reason=str(error), cause=repr(error.__cause__))
                longest = UNREACHABLE_SECONDS
            except Exception as error:  # the claimed mails are retried when their lease ends
                _log.error("a step of the worker failed", error=type(error).__name__, trace=where(error))
                pause = longest = UNREACHABLE_SECONDS
            pause = min(pause * 1.5, longest)
            stop.wait(pause)
        self._must_release |= bool(self._next_batch)
        self._next_batch = []
        with contextlib.suppress(Unavailable):
            self._release_leases()

    def turn(self) -> bool:
        """Process a batch, then judge a long case; if there is neither, index mails.

        Returns whether anything was done. Raises Unavailable.
        """
        busy = self.step() > 0
        return self._judge_next(idle=not busy) or busy or self._index() > 0

    def step(self) -> int:
        """Process one batch and return the number of its mails. Raises Unavailable."""
        self._release_leases()
        began, limit = time.monotonic(), self._sizer.limit
        try:
            claimed, self._next_batch = self._next_batch or self._claim(limit), []
            self._was_full = len(claimed) >= limit
            if claimed:
                with self._time_limit():
                    self._process_batch(claimed)
                self._may_be_unindexed = self._may_be_unjudged = True
        except Unavailable:
            self._must_release = True
            raise
        self._sizer.took(len(claimed), time.monotonic() - began)
        return len(claimed)

    def _claim(self, limit: int) -> list[Claimed]:
        now = self.clock()
        if not self._was_full and not self.database.read(lambda conn: spool.anything_due(conn, now)):
            return []
        return self.database.transact(lambda conn: spool.claim(conn, self.by, now, self.lease, limit))

    def _process_batch(self, claimed: Sequence[Claimed]) -> None:
        read_mails: list[ReadMail] = []
        roles = self.context.roles(self.database.read(learned))
        read_until = time.monotonic() + self.lease.total_seconds() / READING_SHARE
        for number, mail in enumerate(claimed):
            if number and time.monotonic() > read_until:
                unread = [later.id for later in claimed[number:]]
                self.database.transact(partial(spool.give_back, by=self.by, ids=unread))
                _log.warning("reading a batch took too long: the other mails wait", read=number, waiting=len(unread))
                break
            try:
                read_mails.append(intake.understand(mail, self.context, roles))
            except Exception as error:
                self._failed(mail, error)
        if read_mails:
            self._save(read_mails)

    def _save(self, read_mails: Sequence[ReadMail]) -> None:
        now = self.clock()
        packed = self.blobs.pack([(mail.claimed.id, mail.claimed.content) for mail in read_mails])
        began = time.monotonic()

        def finish(conn: Connection, case_ids: Sequence[int]) -> list[Claimed]:
            self._after(conn, read_mails, case_ids, now)
            contents.write_packed(conn, packed)
            # claiming the next batch in the same transaction halves the time that workers wait for their lock
            if not self._was_full:
                return []
            return spool.claim(conn, self.by, self.clock(), self.lease, self._sizer.next_limit)

        try:
            placed = intake.place(self.database, read_mails, self.context, by=self.by, now=now, after=finish)
            self._next_batch += placed
        except Exception as error:
            if isinstance(error, Unavailable) and not self._mails_may_be_cause(error, time.monotonic() - began):
                raise
            self._save_failed(read_mails, error)
        else:
            for mail in read_mails:
                self._log_mail(mail, now)

    def _after(self, conn: Connection, read_mails: Sequence[ReadMail], case_ids: Sequence[int], now: datetime) -> None:
        for step in self.after:
            step(conn, read_mails, case_ids, now)

    def _save_failed(self, read_mails: Sequence[ReadMail], error: Exception) -> None:
        if len(read_mails) > 1:
            self._was_full = False
            for mail in read_mails:
                self._save([mail])
            return
        claimed = read_mails[0].claimed
        if isinstance(error, Unavailable):
            self._retry_alone_later(claimed, error)
        elif isinstance(error, LostLease):
            _log.warning("another worker took over a mail", id=claimed.id)
        else:
            self._failed(claimed, error)

    def _mails_may_be_cause(self, error: Unavailable, seconds: float) -> bool:
        """Return whether the mails may have caused a database error. If so, the database works right after it."""
        if not isinstance(error, GaveUp) and seconds < LONG_SECONDS:
            return False
        began = time.monotonic()
        try:
            self.database.probe()
        except Unavailable:
            return False
        return time.monotonic() - began < PROBE_SECONDS

    def _retry_alone_later(self, claimed: Claimed, error: Unavailable) -> None:
        now = self.clock()
        arguments = (claimed.id, self.by, str(error), now, self.patience, LONGEST_RETRY_DELAY)
        count = self.database.transact(lambda conn: spool.retry_alone_later(conn, *arguments))
        cause = type(error.__cause__).__name__
        _log.error("the database aborted the transaction of a mail", id=claimed.id, times=count, cause=cause)

    def _log_mail(self, mail: ReadMail, now: datetime) -> None:
        """Write the log line of a mail, which contains neither text nor addresses."""
        claimed, first = mail.claimed, mail.extracted[0]
        _log.info(
            "taken in",
            id=claimed.id,
            channel=claimed.envelope.channel,
            size=len(claimed.content),
            attempt=claimed.attempt,
            waited_ms=round((now - claimed.received_at).total_seconds() * 1000),
            messages=len(mail.extracted),
            language=first.turn.language,
            automatic=first.node.automatic,
            role=first.node.side,
            defects=",".join(getattr(first.source, "defects", ())),
        )

    def _failed(self, claimed: Claimed, error: Exception) -> None:
        now = self.clock()
        reason = f"{type(error).__name__}: {error}"[:1000]
        # the log does not contain the text of the error, which may quote the mail; `sodan spool show` prints it
        kind = type(error).__name__
        _log.error("a mail was not processed", id=claimed.id, attempt=claimed.attempt, error=kind, trace=where(error))
        self.database.transact(lambda conn: spool.back_off(conn, claimed.id, self.by, reason, now))

    def _release_leases(self) -> None:
        """After a failure of the database, release this worker's leases without counting attempts."""
        if self._must_release:
            self.database.transact(lambda conn: spool.give_back(conn, self.by))
            self._must_release = False

    def _judge_next(self, *, idle: bool) -> bool:
        """Judge a long case if one is due. Return whether further long cases may be waiting."""
        began = time.monotonic()
        if not self._may_be_unjudged or not (idle or began >= self._judge_due):
            return False
        now = self.clock()
        try:
            with self._time_limit():
                self._may_be_unjudged = intake.judge_next(
                    self.database, self.context, now, lambda conn, case_id: self._after(conn, [], [case_id], now)
                )
        except Unavailable:
            raise
        except Exception as error:  # the mails of the case are stored, and the next mail queues the case again
            _log.error("a long case was not judged", error=type(error).__name__, trace=where(error))
        ended = time.monotonic()
        self._judge_due = ended + JUDGE_PAUSE * (ended - began)
        return self._may_be_unjudged

    def _index(self) -> int:
        """Index a batch of mails for the search if the pause is over. Return their number."""
        now = time.monotonic()
        if not self._may_be_unindexed or now < self._index_due:
            return 0
        indexed = self.database.transact(partial(search.index_pending, limit=INDEX_MAILS))
        self._may_be_unindexed = indexed >= INDEX_MAILS
        self._index_due = 0.0 if self._may_be_unindexed else now + INDEX_SECONDS
        return indexed

    @contextlib.contextmanager
    def _time_limit(self) -> Iterator[None]:
        """End this process if the ``with`` block takes longer than the lease. Other workers then get the mails."""
        faulthandler.dump_traceback_later(self.lease.total_seconds(), exit=True)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
