"""The worker: claim → take in → done, or back off, or shunt.

Three laws keep every mail safe here. The attempt is counted and committed before it is made, so that a mail which
kills this process is found out by the next claim. Reading and judging alone happen outside any transaction; all that
depends on other mails happens inside one, together with the entries' being done. An error of one mail in a batch
sends the batch back to be taken in one by one.

An attempt that the database spoilt does not count, for mails are not to blame for it. But where it broke off one mail
alone and answers right after, that is counted apart, with far more patience, and waiting longer each time.
"""

from __future__ import annotations

import contextlib
import faulthandler
import threading
import time
from collections.abc import Callable, Iterator, Sequence
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
"""How long a mail waits after its first and its second failed attempt; the third shunts it."""
PATIENCE = 20
"""So often the database may give up one mail alone (about half an hour); then that mail is set aside."""
PUT_OFF = timedelta(minutes=2)
"""Longest wait between two of these times."""
ANSWERS_SECONDS = 2.0
"""A database that takes longer to write next to nothing has too much to do: no mail is to blame."""
LONG_SECONDS = 20.0
"""A mail that takes so long may be to blame whatever the error: who idles in a transaction is simply cut off."""
POLL_SECONDS = (0.005, 0.04)
"""Shortest and longest time between two looks at an empty spool."""
AWAY_SECONDS = 2.0
"""Longest time between two tries while the database is away."""
INDEX_MAILS = 200
INDEX_SECONDS = 0.5
"""Between two shares of the word index while little waits: one by one a mail costs it seven times as much."""
READING_SHARE = 4
"""Of a lease a fourth may go to reading; mails not read by then are given back, for saving takes time, too."""
JUDGE_PAUSE = 2.0
"""While mail waits, a long case is judged after so many times as long as the last one took."""
VISIBLE_SECONDS = 0.1
"""How long a batch may take while little waits: it becomes visible as a whole."""


After = Callable[[Connection, Sequence[ReadMail], Sequence[int], datetime], None]


class BatchSizer:
    """How many mails to take in at once: few while little waits, so that each is soon seen; many while much waits.

    A batch is as big as fits into ``VISIBLE_SECONDS``, by what mails cost lately. Whoever asked for so many and got
    them finds more waiting: the next batch is twice as big, since what it spares outweighs its wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._cost = 0.02
        self._limit = 0
        self._fit()

    @property
    def limit(self) -> int:
        """Mails to claim now; at least one, and never more than allowed."""
        return self._limit

    @property
    def more(self) -> int:
        """Mails to claim after a batch that was full."""
        return min(self._limit * 2, self._most)

    def took(self, mails: int, seconds: float) -> None:
        """So many mails were claimed, and took so long, all together."""
        if mails:
            self._cost += (seconds / mails - self._cost) * min(0.5, mails / 16)
        if mails and mails >= self._limit:
            self._limit = self.more
        else:
            self._fit()

    def _fit(self) -> None:
        self._limit = max(1, min(int(VISIBLE_SECONDS / max(self._cost, 1e-6)), self._most))


class Worker:
    """One process' worth of understanding. ``by`` names it in leases."""

    def __init__(
        self,
        database: Database,
        context: AppContext,
        *,
        by: str,
        batch: int,
        lease: timedelta,
        clock: Callable[[], datetime],
        shelf: BlobWriter | None = None,
        between: Callable[[], None] = lambda: None,
        patience: int = PATIENCE,
        after: After | None = None,
    ) -> None:
        """``between`` is called between two batches: newer rules may be taken then. ``after`` is called in the
        transaction that takes mails in, once their cases are judged: it writes what is to be sent."""
        self._database = database
        self._context = context
        self._by = by
        self._sizer = BatchSizer(batch)
        self._lease = lease
        self._clock = clock
        self._shelf = shelf or BlobWriter()
        self._between = between
        self._patience = patience
        self._after = after
        self._full = False
        """The last claim got all that it asked for: more waits, without asking first."""
        self._ahead: list[Claimed] = []
        """Claimed by the transaction that saved the batch before, where that was full."""
        self._unindexed = True
        self._index_due = 0.0
        self._unjudged = True
        """A long case may be queued to be judged."""
        self._judge_due = 0.0
        self._owes = False
        """The database failed us. Whatever is leased to us then, also by a claim whose answer was lost, is to be given
        back as soon as it answers, with the attempt uncounted."""

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``; what was begun is finished."""
        pause, away = POLL_SECONDS[0], POLL_SECONDS[0]
        while not stop.is_set():
            self._between()
            try:
                if self.turn():
                    pause, away = POLL_SECONDS[0], POLL_SECONDS[0]
                    continue
            except Unavailable as error:
                _log.warning("the worker waits", reason=str(error), cause=repr(error.__cause__))
                away = min(away * 2, AWAY_SECONDS)
                stop.wait(away)
                continue
            except Exception as error:  # whatever it is: the mails it held come back when their lease ends
                _log.error("a step of the worker failed", error=type(error).__name__, trace=where(error))
                stop.wait(AWAY_SECONDS)
                continue
            stop.wait(pause)
            pause = min(pause * 1.5, POLL_SECONDS[1])
        self._owes |= bool(self._ahead)
        self._ahead = []
        with contextlib.suppress(Unavailable):
            self._give_back()

    def turn(self) -> bool:
        """A batch, then a long case where one is due; if there is neither, a share of the index. Whether anything was
        done. Raises Unavailable where the database is."""
        busy = self.step() > 0
        return self._judge_next(idle=not busy) or busy or self._index() > 0

    def step(self) -> int:
        """One batch; returns how many mails were claimed. Raises Unavailable where the database is."""
        self._give_back()
        began, limit = time.monotonic(), self._sizer.limit
        try:
            claimed, self._ahead = self._ahead or self._claim(limit), []
            self._full = len(claimed) >= limit
            if claimed:
                with self._watched():
                    self._take_in(claimed)
                self._unindexed = self._unjudged = True
        except Unavailable:
            self._owes = True
            raise
        self._sizer.took(len(claimed), time.monotonic() - began)
        return len(claimed)

    def _claim(self, limit: int) -> list[Claimed]:
        now = self._clock()
        if not self._full and not self._database.read(lambda conn: spool.anything_due(conn, now)):
            return []
        return self._database.transact(lambda conn: spool.claim(conn, self._by, now, self._lease, limit))

    def _take_in(self, claimed: Sequence[Claimed]) -> None:
        read_mails: list[ReadMail] = []
        roles = self._context.roles(self._database.read(placement.learned))
        ends = time.monotonic() + self._lease.total_seconds() / READING_SHARE
        for number, one in enumerate(claimed):
            if number and time.monotonic() > ends:
                rest = [later.id for later in claimed[number:]]
                self._database.transact(partial(spool.give_back, by=self._by, ids=rest))
                _log.warning("a batch took long to read: the rest waits", read=number, waiting=len(rest))
                break
            try:
                read_mails.append(intake.understand(one, self._context, roles))
            except Exception as error:
                self._failed(one, error)
        if read_mails:
            self._save(read_mails)

    def _save(self, read_mails: Sequence[ReadMail]) -> None:
        now = self._clock()
        packed = self._shelf.put_away([(one.claimed.id, one.claimed.content) for one in read_mails])

        def save(conn: Connection) -> list[Claimed]:
            touched = intake.take_in(conn, read_mails, self._context, by=self._by, now=now, prepared=prepared)
            if self._after is not None:
                self._after(conn, read_mails, touched, now)
            contents.keep(conn, packed)
            # whoever has the turn to write takes what is next as well: two workers wait for each other half as often
            return spool.claim(conn, self._by, self._clock(), self._lease, self._sizer.more) if self._full else []

        began = time.monotonic()
        prepared: placement.Prepared | None = None
        try:
            prepared = self._database.read(lambda conn: intake.prepare(conn, read_mails, self._context))
            self._ahead += self._database.transact(save)
        except Unavailable as error:
            if not self._may_be_to_blame(error, time.monotonic() - began):
                raise
            if len(read_mails) > 1:
                self._save_one_by_one(read_mails)
            else:
                self._put_off(read_mails[0].claimed, error)
        except Exception as error:
            if len(read_mails) > 1:
                self._save_one_by_one(read_mails)
            elif isinstance(error, LostLease):
                _log.warning("a mail was taken over by another worker", id=read_mails[0].claimed.id)
            else:
                self._failed(read_mails[0].claimed, error)
        else:
            for one in read_mails:
                self._tell(one, now)

    def _save_one_by_one(self, read_mails: Sequence[ReadMail]) -> None:
        self._full = False
        for one in read_mails:
            self._save([one])

    def _may_be_to_blame(self, error: Unavailable, seconds: float) -> bool:
        """Whether it is the mails and not the database: that answers, and soon."""
        if not isinstance(error, GaveUp) and seconds < LONG_SECONDS:
            return False
        began = time.monotonic()
        try:
            self._database.probe()
        except Unavailable:
            return False
        return time.monotonic() - began < ANSWERS_SECONDS

    def _put_off(self, claimed: Claimed, error: Unavailable) -> None:
        now = self._clock()
        times = self._database.transact(
            lambda conn: spool.put_off(conn, claimed.id, self._by, str(error), now, self._patience, PUT_OFF)
        )
        _log.error(
            "a mail was given up by the database", id=claimed.id, times=times, cause=type(error.__cause__).__name__
        )

    def _tell(self, one: ReadMail, now: datetime) -> None:
        """The one line of a mail: numbers and kinds, nothing that anybody wrote."""
        claimed = one.claimed
        _log.info(
            "taken in",
            id=claimed.id,
            channel=claimed.envelope.channel,
            size=len(claimed.content),
            attempt=claimed.attempt,
            waited_ms=round((now - claimed.received_at).total_seconds() * 1000),
            messages=len(one.extracted),
            language=one.extracted[0].language,
            automatic=one.extracted[0].node.automatic,
            role=one.extracted[0].role,
            defects=",".join(getattr(one.extracted[0].source, "defects", ())),
        )

    def _failed(self, claimed: Claimed, error: Exception) -> None:
        attempt = min(claimed.attempt, len(BACK_OFF))
        now = self._clock()
        due = now + BACK_OFF[attempt - 1]
        reason = f"{type(error).__name__}: {error}"[:1000]
        # never the error's own words: they may be those of the mail (`sodan spool show` has them)
        kind = type(error).__name__
        _log.error("a mail was not taken in", id=claimed.id, attempt=claimed.attempt, error=kind, trace=where(error))
        self._database.transact(lambda conn: spool.back_off(conn, claimed.id, self._by, reason, now, due))

    def _give_back(self) -> None:
        """Whatever of the owed is still ours: the database failed us, not these mails."""
        if self._owes:
            self._database.transact(lambda conn: spool.give_back(conn, self._by))
            self._owes = False

    def _judge_next(self, *, idle: bool) -> bool:
        """Judge a long case that waits; whether there was one. While mail waits this takes a third of the time."""
        began = time.monotonic()
        if not self._unjudged or not (idle or began >= self._judge_due):
            return False
        now = self._clock()

        def after(conn: Connection, case_id: int) -> None:
            if self._after is not None:
                self._after(conn, [], [case_id], now)

        try:
            with self._watched():
                self._unjudged = intake.judge_next(self._database, self._context, now, after)
        except Unavailable:
            raise
        except Exception as error:  # its mails are stored; the next one queues it again
            _log.error("a long case was not judged", error=type(error).__name__, trace=where(error))
            self._database.transact(judge_queue.give_up)
        ended = time.monotonic()
        self._judge_due = ended + JUDGE_PAUSE * (ended - began)
        return self._unjudged

    def _index(self) -> int:
        """Give the word index its share once nothing waits."""
        now = time.monotonic()
        if not self._unindexed or now < self._index_due:
            return 0
        indexed = search.index_pending(self._database, INDEX_MAILS)
        self._unindexed = indexed >= INDEX_MAILS
        self._index_due = 0.0 if self._unindexed else now + INDEX_SECONDS
        return indexed

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """A batch that outlives its lease ends this process: whoever hangs holds no mail."""
        faulthandler.dump_traceback_later(self._lease.total_seconds(), exit=True)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
