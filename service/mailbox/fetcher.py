"""Fetches mail from one mailbox in a loop. It lists new mail, stores it durably, then flags or moves it.

One transaction stores a mail and records that it was fetched, so that it is stored once. If a batch fails, its mails
are fetched one by one. A mail that fails three times alone is set aside and retried at growing intervals.
"""

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
from service.mailbox.settings import After, Mailbox
from service.mailbox.source import FolderMissing, ListedMail, MailboxError, MailUnreadable, SignInRefused, Source, now
from service.settings import Settings
from service.store import mailboxes
from service.store.database import Database
from service.store.mailboxes import Fetched
from service.store.spool import Envelope, LostLease, new_entry

_log = structlog.get_logger("sodan.mailbox")
T = TypeVar("T")

BATCH_BYTES = 8_000_000  # maximum bytes of a batch; a larger mail is fetched alone
MAX_FAILURES_ALONE = 3  # a mail that failed alone this many times is set aside
RETRY = (timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
"""Delays before the retries of a mail that was set aside; further retries have the last delay."""
MARK_MAILS = 100  # number of mails that are flagged or moved at a time
FIRST_PAUSE = 1.0  # seconds until a failed mailbox is tried again, doubled after each further failure
LONGEST_PAUSE = 60.0
LONGEST_PAUSE_REFUSED = 300.0  # the same after a refused sign-in, because too many of these lock an account


@dataclass
class Fetcher:
    """Fetches mail from one mailbox. ``by``: the name of this process in leases."""

    mailbox: Mailbox
    source: Source
    database: Database
    settings: Settings
    by: str
    holds_lease: bool = False  # whether this process acquired the lease of the mailbox; ``run.py`` renews the lease
    _failures: int = 0
    _folder_error: FolderMissing | None = None  # raised at the end of a round
    _failures_alone: dict[str, int] = field(default_factory=dict)
    """Place of a mail that failed → how often it failed alone."""

    @property
    def name(self) -> str:
        return self.mailbox.name

    def run(self, stop: threading.Event) -> None:
        """Fetch until ``stop`` is set."""
        while not stop.is_set():
            pause = self.step(stop)
            if pause:
                stop.wait(pause)
        self.source.close()

    def step(self, stop: threading.Event) -> float:
        """Process the mailbox once and wait for new mail. Return the seconds to pause before the next step."""
        try:
            if not self._acquire():
                return min(5.0, self.settings.lease_seconds / 4)
            self._round(stop)
            self._failures = 0
            if not stop.is_set():
                self.source.wait(self.mailbox.folders, self.mailbox.poll_seconds, stop)
            return 0
        except LostLease:
            _log.warning("another machine fetches now", mailbox=self.name)
            self.source.close()
            self.holds_lease = False
            return self.settings.lease_seconds / 4
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
        lease = timedelta(seconds=self.settings.lease_seconds)
        if not self.holds_lease and self._write(mailboxes.acquire, now(), lease):
            self.holds_lease = True
            _log.info("fetching", mailbox=self.name)
        return self.holds_lease

    def _failed(self, error: MailboxError) -> float:
        self.source.close()
        self._failures += 1
        longest = LONGEST_PAUSE_REFUSED if isinstance(error, SignInRefused) else LONGEST_PAUSE
        pause = max(min(FIRST_PAUSE * 2.0 ** min(self._failures - 1, 20), longest), error.retry_after or 0)
        _log.warning(
            "a mailbox cannot be read",
            mailbox=self.name, cause=error.cause, next_step=error.next_step, again_in=round(pause, 1),
        )  # fmt: skip
        try:
            self._write(mailboxes.record_failure, error.cause, error.next_step, now())
        except LostLease:
            self.holds_lease = False
        except Unavailable as away:
            _log.warning("the database cannot be used", mailbox=self.name, reason=str(away))
        return pause

    def _read(self, query: Callable[..., T], *arguments: Any) -> T:
        return self.database.read(lambda conn: query(conn, self.name, *arguments))

    def _write(self, change: Callable[..., T], *arguments: Any, **keywords: Any) -> T:
        """Make a change in the database for which the lease is needed. Raises LostLease."""
        return self.database.transact(lambda conn: change(conn, self.name, self.by, *arguments, **keywords))

    # ── a round ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _round(self, stop: threading.Event) -> None:
        """Process all folders. An error of one folder is raised after the others are processed."""
        self.source.open()
        self._folder_error = None
        for folder in self.mailbox.folders:
            try:
                self._fetch_new(folder, stop)
                self._retry(folder)
                self._mark(folder)
            except FolderMissing as error:
                self._folder_error = error
        if self._folder_error is not None:
            raise self._folder_error
        if not stop.is_set():
            self._write(mailboxes.record_success, now())

    def _fetch_new(self, folder: str, stop: threading.Event) -> None:
        since = self.mailbox.since_moment(self.settings)
        for page in self.source.pages(folder, self._read(mailboxes.position, folder), since):
            known = self._read(mailboxes.recorded_places, [mail.place for mail in page.mails])
            for batch in self._batches([mail for mail in page.mails if mail.place not in known]):
                if stop.is_set():
                    return
                self._fetch_and_store(folder, batch)
                self._mark(folder)
            self._write(mailboxes.save_position, folder, page.position)

    def _batches(self, mails: Sequence[ListedMail]) -> Iterator[list[ListedMail]]:
        """Yield the mails in batches within the limits. A mail that failed before is a separate batch."""
        batch: list[ListedMail] = []
        for mail in mails:
            size = sum(other.size or 0 for other in (*batch, mail))
            alone = any(other.place in self._failures_alone for other in (*batch, mail))
            if batch and (alone or len(batch) >= self.source.batch or size > BATCH_BYTES):
                yield batch
                batch = []
            batch.append(mail)
        if batch:
            yield batch

    def _fetch_and_store(self, folder: str, batch: Sequence[ListedMail]) -> None:
        wanted = [mail for mail in batch if not self._is_too_large(folder, mail, mail.size or 0)]
        try:
            contents = self.source.fetch(folder, wanted) if wanted else {}
        except MailUnreadable as error:
            self._count_failures(folder, wanted, error)
            raise
        fetched_at, mark = now(), self.mailbox.after != After()
        fetched_mails = []
        for mail in wanted:
            content = contents.get(mail.place)
            if content is None:
                self._set_aside_gone(folder, mail.place)
            elif not self._is_too_large(folder, mail, len(content)):
                entry = new_entry(envelope(self.mailbox, content), content, fetched_at)
                fetched_mails.append(Fetched(mail.place, folder, mail.arrived_at, entry))
        if fetched_mails:
            new_count = self._write(mailboxes.store_new, fetched_mails, mark=mark, now=fetched_at)
            _log.info("mail fetched", mailbox=self.name, mails=len(fetched_mails), new=new_count)
        for mail in wanted:
            self._failures_alone.pop(mail.place, None)

    def _count_failures(self, folder: str, batch: Sequence[ListedMail], error: MailboxError) -> None:
        """Count the failure of a batch; its mails are then fetched alone. Set aside a mail that failed too often."""
        for mail in batch:
            self._failures_alone[mail.place] = self._failures_alone.get(mail.place, 0) + (len(batch) == 1)
            if self._failures_alone[mail.place] >= MAX_FAILURES_ALONE:
                del self._failures_alone[mail.place]
                self._set_aside(folder, mail.place, "failed", mail.size, error.cause, now() + RETRY[0])

    def _is_too_large(self, folder: str, mail: ListedMail, size: int) -> bool:
        """Return whether a mail exceeds the size limit; if so, set it aside."""
        most = self.settings.max_message_bytes
        if size > most:
            reason = f"it has {size} bytes, more than SODAN_MAX_MESSAGE_BYTES ({most})"
            self._set_aside(folder, mail.place, "too_big", size, reason, now())
        return size > most

    def _set_aside(
        self, folder: str, place: str, state: mailboxes.State, size: int | None, reason: str, due: datetime
    ) -> None:
        _log.warning("a mail stays in its mailbox", mailbox=self.name, place=place, reason=reason)
        self._write(mailboxes.record_not_fetched, place, folder, state, size=size, reason=reason, due_at=due)

    def _set_aside_gone(self, folder: str, place: str) -> None:
        reason = "the mail left the folder before sodan fetched it"
        self._write(mailboxes.record_not_fetched, place, folder, "gone", size=None, reason=reason, due_at=now())

    def _retry(self, folder: str) -> None:
        """Retry mails that were set aside and are due."""
        most = self.settings.max_message_bytes
        for place, attempts in self._read(mailboxes.places_to_retry, folder, now(), most):
            mail = self.source.find(folder, place)
            if mail is None:
                self._set_aside_gone(folder, place)
                continue
            # count the attempt before it begins, so that the next round does not begin with the same mail
            due = now() + RETRY[min(attempts, len(RETRY) - 1)]
            self._set_aside(folder, place, "failed", mail.size, "sodan tries again", due)
            self._fetch_and_store(folder, [mail])

    # ── flag or move stored mails ────────────────────────────────────────────────────────────────────────────────────

    def _mark(self, folder: str) -> None:
        """Flag or move the stored mails of a folder. If the server refuses, this is retried later."""
        while places := self._read(mailboxes.places_to_mark, folder, now(), MARK_MAILS):
            try:
                self.source.mark(folder, places)
            except FolderMissing as error:
                self._folder_error = error
                record = partial(mailboxes.record_marking, name=self.name, places=places)
                reason = f"{error.cause}; {error.next_step}"
                self.database.transact(partial(record, reason=reason, due_at=now() + RETRY[0]))
                return
            self.database.transact(partial(mailboxes.record_marking, name=self.name, places=places, state="done"))


def envelope(mailbox: Mailbox, content: bytes) -> Envelope:
    """Return the envelope of a fetched mail. Recipient: the mailbox; sender: from Return-Path (RFC 5321 §4.4).

    Without Return-Path, the sender is the address in Sender or From. It is not left empty, because an empty sender
    (``<>``) marks a delivery report.
    """
    header = message_from_bytes(content[:100_000].partition(b"\r\n\r\n")[0].partition(b"\n\n")[0] + b"\r\n\r\n")
    sender = next((header[name] for name in ("Return-Path", "Sender", "From") if name in header), "")
    return Envelope(
        channel="mailbox",
        mail_from=parseaddr(str(sender))[1][:320],
        rcpt_tos=(mailbox.address,),
        source=mailbox.name,
        authserv=mailbox.trusted_authserv,
    )
