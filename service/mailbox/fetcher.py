"""The loop of one mailbox: find new mail, fetch it, store it durably, and only then flag or move it.

A mail and the record of it are stored in one transaction, so a mail is stored once, even after a crash. If the server
fails on a mail, that mail is fetched alone, up to three times, then set aside and retried at growing intervals. It does
not block other mail.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes
from email.utils import parseaddr
from functools import partial
from typing import Any, TypeVar

import structlog

from service.errors import Refused, Unavailable, where
from service.mailbox.file import After, Mailbox
from service.mailbox.source import FolderMissing, Found, MailboxError, MailUnreadable, SignInRefused, Source
from service.store import mailboxes
from service.store.database import Connection, Database
from service.store.mailboxes import Fetched
from service.store.spool import Envelope, LostLease, new_entry

_log = structlog.get_logger("sodan.mailbox")
T = TypeVar("T")

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


@dataclass
class Fetcher:
    """Fetches from one mailbox. ``by`` names this process in the lease."""

    mailbox: Mailbox
    source: Source
    database: Database
    by: str
    lease: timedelta
    since: datetime | None
    max_bytes: int
    clock: Callable[[], datetime]
    back_off: BackOff = BACK_OFF
    holds: bool = False
    """Whether this process holds the lease, as far as it knows; the heartbeat of ``run.py`` renews it."""
    _failures: int = 0
    _refused: FolderMissing | None = None
    """An error of this round that did not stop other folders."""
    _suspects: dict[str, int] = field(default_factory=dict)
    """Places of mails that failed → how often they failed alone."""

    def __post_init__(self) -> None:
        self.name = self.mailbox.name

    def run(self, stop: threading.Event) -> None:
        """Fetch until ``stop`` is set."""
        while not stop.is_set():
            pause = self.step(stop)
            if pause:
                stop.wait(pause)
        self.source.close()

    def step(self, stop: threading.Event) -> float:
        """Run one round and wait for new mail; returns the seconds to pause."""
        try:
            if not self._acquire():
                return min(5.0, self.lease.total_seconds() / 4)
            self._round(stop)
            self._failures = 0
            if not stop.is_set():
                self.source.wait(self.mailbox.folders, self.mailbox.poll_seconds, stop)
            return 0
        except LostLease:
            _log.warning("another machine fetches now", mailbox=self.name)
            self.source.close()
            self.holds = False
            return self.lease.total_seconds() / 4
        except MailboxError as error:
            return self._failed(error)
        except Refused as error:  # a secret or the key file is missing
            return self._failed(SignInRefused(str(error), "correct the setting; sodan retries automatically"))
        except Unavailable as error:
            _log.warning("the database cannot be used", mailbox=self.name, reason=str(error))
            return 2
        except Exception as error:  # an unexpected answer must not end the loop
            _log.error("unexpected error", mailbox=self.name, kind=type(error).__name__, where=where(error))
            return self._failed(MailboxError(f"unexpected {type(error).__name__}", "read the log, and report it"))

    def _acquire(self) -> bool:
        if not self.holds:
            self.holds = self._write(_acquire, self.clock(), self.lease)
            if self.holds:
                _log.info("fetching", mailbox=self.name)
        return self.holds

    def _failed(self, error: MailboxError) -> float:
        self.source.close()
        self._failures += 1
        pause = self.back_off.seconds(self._failures, error)
        _log.warning(
            "a mailbox cannot be read",
            mailbox=self.name, cause=error.cause, next_step=error.next_step, again_in=round(pause, 1),
        )  # fmt: skip
        try:
            self._write(mailboxes.failing, error.cause, error.next_step, self.clock())
        except LostLease:
            self.holds = False
        except Unavailable as away:
            _log.warning("the database cannot be used", mailbox=self.name, reason=str(away))
        return pause

    def _read(self, query: Callable[..., T], *given: Any) -> T:
        return self.database.read(lambda conn: query(conn, self.name, *given))

    def _write(self, change: Callable[..., T], *given: Any, **named: Any) -> T:
        """Make a change as the holder of the lease. Raises LostLease."""
        return self.database.transact(lambda conn: change(conn, self.name, self.by, *given, **named))

    # ── a round ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _round(self, stop: threading.Event) -> None:
        """Process all folders completely. A folder that cannot be opened fails the round, but not the other folders."""
        self.source.open()
        self._refused = None
        for folder in self.mailbox.folders:
            try:
                self._new(folder, stop)
                self._again(folder)
                self._mark(folder)
            except FolderMissing as error:
                self._refused = error
        if self._refused is not None:
            raise self._refused
        if not stop.is_set():
            self._write(mailboxes.succeeded, self.clock())

    def _new(self, folder: str, stop: threading.Event) -> None:
        for page in self.source.pages(folder, self._read(mailboxes.position, folder), self.since):
            met = self._read(mailboxes.met, [one.place for one in page.found])
            for batch in self._batches([one for one in page.found if one.place not in met]):
                if stop.is_set():
                    return
                self._take(folder, batch)
                self._mark(folder)
            self._write(mailboxes.keep_position, folder, page.position)

    def _batches(self, found: Sequence[Found]) -> Iterator[list[Found]]:
        """Yield batches within the limits; mails that failed before come alone."""
        batch: list[Found] = []
        for one in found:
            size = sum(other.size or 0 for other in (*batch, one))
            alone = any(other.place in self._suspects for other in (*batch, one))
            if batch and (alone or len(batch) >= self.source.batch or size > BATCH_BYTES):
                yield batch
                batch = []
            batch.append(one)
        if batch:
            yield batch

    def _take(self, folder: str, batch: Sequence[Found]) -> None:
        wanted = [one for one in batch if not self._is_too_big(folder, one, one.size or 0)]
        if not wanted:
            return
        try:
            contents = self.source.fetch(folder, wanted)
        except MailUnreadable as error:
            self._unreadable(folder, wanted, error)
            raise
        now = self.clock()
        fetched = []
        for one in wanted:
            content = contents.get(one.place)
            if content is None:
                self._gone(folder, one.place)
            elif not self._is_too_big(folder, one, len(content)):
                entry = new_entry(envelope(self.mailbox, content), content, now)
                fetched.append(Fetched(one.place, folder, one.arrived_at, entry))
        if fetched:
            new = self._write(mailboxes.take, fetched, mark=self.mailbox.after != After(), now=now)
            _log.info("mail fetched", mailbox=self.name, mails=len(fetched), new=new)
        for one in wanted:
            self._suspects.pop(one.place, None)

    def _unreadable(self, folder: str, batch: Sequence[Found], error: MailboxError) -> None:
        """Record which mails to fetch alone; set aside those that failed alone too often."""
        for one in batch:
            self._suspects[one.place] = self._suspects.get(one.place, 0) + (len(batch) == 1)
            if self._suspects[one.place] >= ALONE:
                del self._suspects[one.place]
                self._set_aside(folder, one.place, "failed", one.size, error.cause, self.clock() + RETRY[0])

    def _is_too_big(self, folder: str, one: Found, size: int) -> bool:
        """Whether a mail is over the limit; it is then set aside."""
        if size > self.max_bytes:
            reason = f"it has {size} bytes, more than SODAN_MAX_MESSAGE_BYTES ({self.max_bytes})"
            self._set_aside(folder, one.place, "too_big", size, reason, self.clock())
        return size > self.max_bytes

    def _gone(self, folder: str, place: str) -> None:
        self._set_aside(folder, place, "gone", None, "it left the folder before it was fetched", self.clock())

    def _set_aside(
        self, folder: str, place: str, state: mailboxes.State, size: int | None, reason: str, due: datetime
    ) -> None:
        if state != "gone":
            _log.warning("a mail stays in its mailbox", mailbox=self.name, place=place, reason=reason)
        self._write(mailboxes.set_aside, place, folder, state, size=size, reason=reason, due_at=due)

    def _again(self, folder: str) -> None:
        """Retry mails that were set aside and are due."""
        now = self.clock()
        for place, attempts in self._read(mailboxes.to_retry, folder, now, self.max_bytes):
            found = self.source.find(folder, place)
            if found is None:
                self._gone(folder, place)
                continue
            # counted before the attempt, so that the next round does not start with it again
            due = now + RETRY[min(attempts, len(RETRY) - 1)]
            self._set_aside(folder, place, "failed", found.size, "it is being tried again", due)
            self._take(folder, [found])

    # ── flag or move stored mails ────────────────────────────────────────────────────────────────────────────────────

    def _mark(self, folder: str) -> None:
        """Flag or move stored mails. If the server refuses, this is retried later and fails the round."""
        now = self.clock()
        while places := self._read(mailboxes.unmarked, folder, now, MARKS):
            try:
                self.source.mark(folder, places)
            except FolderMissing as error:
                self._refused = error
                self.database.transact(partial(_mark_later, name=self.name, places=places, error=error, now=now))
                return
            self.database.transact(partial(mailboxes.marked, name=self.name, places=places))


def _acquire(conn: Connection, name: str, by: str, now: datetime, lease: timedelta) -> bool:
    won = mailboxes.acquire(conn, name, by, now, lease)
    if won:
        mailboxes.recall(conn, name, by)
    return won


def _mark_later(conn: Connection, name: str, places: Sequence[str], error: MailboxError, now: datetime) -> None:
    mailboxes.mark_later(conn, name, places, error.cause, now + RETRY[0])


def envelope(mailbox: Mailbox, content: bytes) -> Envelope:
    """The envelope of a fetched mail: the recipient is the mailbox, the sender the Return-Path (RFC 5321 §4.4)."""
    head = content[:100_000].partition(b"\r\n\r\n")[0].partition(b"\n\n")[0]
    path = message_from_bytes(head + b"\r\n\r\n").get("Return-Path", "")
    return Envelope(
        channel="mailbox",
        mail_from=parseaddr(str(path))[1][:320],
        rcpt_tos=(mailbox.address,),
        source=mailbox.name,
        authserv=mailbox.verdicts_of,
    )
