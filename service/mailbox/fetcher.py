"""The loop of one mailbox: find new mail, fetch it, store it durably, and only then flag or move it.

A mail and the record of it are stored in one transaction, so a mail is stored once, even after a crash. If the server
fails on a mail, that mail is fetched alone, up to three times, then set aside and retried at growing intervals. It does
not block other mail.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.utils import parseaddr
from functools import partial

import structlog

from service.errors import Refused, Unavailable, where
from service.mailbox.file import After, Mailbox
from service.mailbox.source import FolderMissing, Found, MailboxError, MailUnreadable, SignInRefused, Source
from service.store import mailboxes
from service.store.database import Connection, Database
from service.store.mailboxes import Fetched
from service.store.spool import Envelope, LostLease, new_entry

_log = structlog.get_logger("sodan.mailbox")

BATCH_BYTES = 8_000_000
"""Total bytes fetched at once; a larger mail is fetched alone."""
ALONE = 3
"""Number of times a mail is fetched alone before it is set aside."""
RETRY = (timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
"""Delays before retries of a mail that was set aside; the last one repeats."""
MARKS = 100
"""Mails flagged or moved by one command."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """Seconds before a failed mailbox is tried again, doubled each time."""

    first: float = 1
    longest: float = 60
    longest_refused: float = 300
    """After a refused sign-in: too many of these lock an account."""

    def seconds(self, failures: int, error: MailboxError) -> float:
        longest = self.longest_refused if isinstance(error, SignInRefused) else self.longest
        return max(min(self.first * 2.0 ** min(failures - 1, 20), longest), error.retry_after or 0)


BACK_OFF = BackOff()


class Fetcher:
    """Fetches from one mailbox. ``by`` names this process in the lease."""

    def __init__(
        self,
        mailbox: Mailbox,
        source: Source,
        database: Database,
        *,
        by: str,
        lease: timedelta,
        since: datetime | None,
        max_bytes: int,
        clock: Callable[[], datetime],
        back_off: BackOff = BACK_OFF,
    ) -> None:
        self._mailbox = mailbox
        self._name = mailbox.name
        self._source = source
        self._database = database
        self._by = by
        self._lease = lease
        self._since = since
        self._max_bytes = max_bytes
        self._clock = clock
        self._back_off = back_off
        self._suspects: dict[str, int] = {}
        """Places of mails that failed → how often they failed alone."""
        self._failures = 0
        self._refused: FolderMissing | None = None
        """An error of this round that did not stop other folders."""
        self.holds = False
        """Whether this process holds the lease, as far as it knows; the heartbeat of ``run.py`` renews it."""

    def run(self, stop: threading.Event) -> None:
        """Fetch until ``stop`` is set."""
        while not stop.is_set():
            pause = self.step(stop)
            if pause:
                stop.wait(pause)
        self._source.close()

    def step(self, stop: threading.Event) -> float:
        """Run one round and wait for new mail; returns the seconds to pause."""
        try:
            if not self._acquire():
                return min(5.0, self._lease.total_seconds() / 4)
            self._round(stop)
            self._failures = 0
            if not stop.is_set():
                self._source.wait(self._mailbox.folders, self._mailbox.poll_seconds, stop)
            return 0
        except LostLease:
            _log.warning("another machine fetches now", mailbox=self._name)
            self._source.close()
            self.holds = False
            return self._lease.total_seconds() / 4
        except MailboxError as error:
            return self._failed(error)
        except Refused as error:  # a secret or the key file is missing
            return self._failed(SignInRefused(str(error), "correct the setting; it is retried automatically"))
        except Unavailable as error:
            _log.warning("the database cannot be used", mailbox=self._name, reason=str(error))
            return 2
        except Exception as error:  # an unexpected answer must not end the loop
            _log.error("unexpected error", mailbox=self._name, kind=type(error).__name__, where=where(error))
            return self._failed(MailboxError(f"unexpected {type(error).__name__}", "read the log, and report it"))

    def _acquire(self) -> bool:
        if not self.holds:
            now = self._clock()

            def ask(conn: Connection) -> bool:
                won = mailboxes.acquire(conn, self._name, self._by, now, self._lease)
                if won:
                    mailboxes.recall(conn, self._name, self._by)
                return won

            self.holds = self._database.transact(ask)
            if self.holds:
                _log.info("fetching", mailbox=self._name)
        return self.holds

    def _failed(self, error: MailboxError) -> float:
        self._source.close()
        self._failures += 1
        pause = self._back_off.seconds(self._failures, error)
        _log.warning(
            "a mailbox cannot be read",
            mailbox=self._name, cause=error.cause, next_step=error.next_step, again_in=round(pause, 1),
        )  # fmt: skip
        try:
            self._database.transact(
                lambda conn: mailboxes.failing(conn, self._name, self._by, error.cause, error.next_step, self._clock())
            )
        except LostLease:
            self.holds = False
        except Unavailable as away:
            _log.warning("the database cannot be used", mailbox=self._name, reason=str(away))
        return pause

    # ── a round ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _round(self, stop: threading.Event) -> None:
        """Process all folders completely. A folder that cannot be opened fails the round, but not the other folders."""
        self._source.open()
        self._refused = None
        for folder in self._mailbox.folders:
            try:
                self._new(folder, stop)
                self._again(folder)
                self._mark(folder)
            except FolderMissing as error:
                self._refused = error
        if self._refused is not None:
            raise self._refused
        if not stop.is_set():
            self._database.transact(lambda conn: mailboxes.succeeded(conn, self._name, self._by, self._clock()))

    def _new(self, folder: str, stop: threading.Event) -> None:
        kept = self._database.read(lambda conn: mailboxes.position(conn, self._name, folder))
        for page in self._source.pages(folder, kept, self._since):
            places = [one.place for one in page.found]
            met = self._database.read(partial(mailboxes.met, name=self._name, places=places))
            for batch in self._batches([one for one in page.found if one.place not in met]):
                if stop.is_set():
                    return
                self._take(folder, batch)
                self._mark(folder)
            self._database.transact(
                partial(mailboxes.keep_position, name=self._name, by=self._by, folder=folder, words=page.position)
            )

    def _batches(self, found: Sequence[Found]) -> Iterator[list[Found]]:
        """Yield batches within the limits; mails that failed before come alone."""
        batch: list[Found] = []
        size = 0
        for one in found:
            alone = one.place in self._suspects
            if batch and (alone or len(batch) >= self._source.batch or size + (one.size or 0) > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(one)
            size += one.size or 0
            if alone:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _take(self, folder: str, batch: Sequence[Found]) -> None:
        wanted = []
        for one in batch:
            if one.size is not None and one.size > self._max_bytes:
                self._too_big(folder, one, one.size)
            else:
                wanted.append(one)
        if not wanted:
            return
        try:
            contents = self._source.fetch(folder, wanted)
        except MailUnreadable as error:
            self._unreadable(folder, wanted, error)
            raise
        now = self._clock()
        fetched = []
        for one in wanted:
            content = contents.get(one.place)
            if content is None:
                self._set_aside(folder, one.place, "gone", None, "it left the folder before it was fetched", now)
            elif len(content) > self._max_bytes:
                self._too_big(folder, one, len(content))
            else:
                entry = new_entry(envelope(self._mailbox, content), content, now)
                fetched.append(Fetched(one.place, folder, one.arrived_at, entry))
        if fetched:
            mark = self._mailbox.after != After()
            new = self._database.transact(
                lambda conn: mailboxes.take(conn, self._name, self._by, fetched, mark=mark, now=now)
            )
            _log.info("mail fetched", mailbox=self._name, mails=len(fetched), new=new)
        for one in wanted:
            self._suspects.pop(one.place, None)

    def _unreadable(self, folder: str, batch: Sequence[Found], error: MailboxError) -> None:
        """Record which mails to fetch alone; set aside those that failed alone too often."""
        for one in batch:
            self._suspects[one.place] = self._suspects.get(one.place, 0) + (len(batch) == 1)
            if self._suspects[one.place] >= ALONE:
                del self._suspects[one.place]
                self._set_aside(folder, one.place, "failed", one.size, error.cause, self._clock() + RETRY[0])

    def _too_big(self, folder: str, one: Found, size: int) -> None:
        reason = f"it has {size} bytes, more than SODAN_MAX_MESSAGE_BYTES ({self._max_bytes})"
        self._set_aside(folder, one.place, "too_big", size, reason, self._clock())

    def _set_aside(
        self, folder: str, place: str, state: mailboxes.State, size: int | None, reason: str, due: datetime
    ) -> None:
        if state != "gone":
            _log.warning("a mail stays in its mailbox", mailbox=self._name, place=place, reason=reason)
        self._database.transact(
            lambda conn: mailboxes.set_aside(
                conn, self._name, self._by, place, folder, state, size=size, reason=reason, due_at=due
            )
        )

    def _again(self, folder: str) -> None:
        """Retry mails that were set aside and are due."""
        now = self._clock()
        due = self._database.read(lambda conn: mailboxes.to_retry(conn, self._name, folder, now, self._max_bytes))
        for place, attempts in due:
            wait = RETRY[min(attempts, len(RETRY) - 1)]
            found = self._source.find(folder, place)
            if found is None:
                self._set_aside(folder, place, "gone", None, "it left the folder before it was fetched", now)
                continue
            # counted before the attempt, so that the next round does not start with it again
            self._set_aside(folder, place, "failed", found.size, "it is being tried again", now + wait)
            self._take(folder, [found])

    # ── flag or move stored mails ────────────────────────────────────────────────────────────────────────────────────

    def _mark(self, folder: str) -> None:
        """Flag or move stored mails. If the server refuses, this is retried later and fails the round."""
        while True:
            now = self._clock()
            places = self._database.read(
                partial(mailboxes.unmarked, name=self._name, folder=folder, now=now, limit=MARKS)
            )
            if not places:
                return
            try:
                self._source.mark(folder, places)
            except FolderMissing as error:
                self._refused = error
                self._database.transact(partial(_mark_later, name=self._name, places=places, error=error, now=now))
                return
            self._database.transact(partial(mailboxes.marked, name=self._name, places=places))


def _mark_later(conn: Connection, name: str, places: Sequence[str], error: MailboxError, now: datetime) -> None:
    mailboxes.mark_later(conn, name, places, error.cause, now + RETRY[0])


def envelope(mailbox: Mailbox, content: bytes) -> Envelope:
    """Return the envelope that SMTP would have given: to the intake address, from the Return-Path (RFC 5321 §4.4)."""
    head = content[:100_000].partition(b"\r\n\r\n")[0].partition(b"\n\n")[0]
    path = message_from_bytes(head + b"\r\n\r\n").get("Return-Path", "")
    return Envelope(
        channel="mailbox",
        mail_from=parseaddr(str(path))[1][:320],
        rcpt_tos=(mailbox.address,),
        source=mailbox.name,
        authserv=mailbox.verdicts_of,
    )
