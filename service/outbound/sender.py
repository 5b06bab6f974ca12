"""Sends outbox entries that are due, and records the result."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from service.errors import GaveUp, Unavailable, where
from service.intake import AppContext, rejudge
from service.lease_holders import process_name
from service.outbound import compose, notify
from service.outbound.acknowledge import OutboundConfig
from service.outbound.smarthost import SECONDS, NotSent, Smarthost, send_mail
from service.store import cases, outbox, sent_questions
from service.store.database import Connection, Database
from service.store.outbox import LeasedEntry

log = structlog.get_logger("sodan.sender")

LEASE = timedelta(minutes=5)  # longer than the longest time for sending, so that no second sender claims the same entry
MAX_COMBINED = 20  # maximum number of notifications that are combined into one message


@dataclass
class Sender:
    """Claims entries of the outbox, sends them by SMTP or Apprise, and records the result."""

    database: Database
    context: AppContext
    outbound: OutboundConfig
    clock: Callable[[], datetime]
    smarthost: Smarthost | None = None
    targets: Mapping[str, str] = field(default_factory=dict)  # as in Notifier
    seconds: float = SECONDS  # time limit for the reply of the smart host to a command
    by: str = field(default_factory=process_name)  # the name of this process in leases
    _unrecorded: list[Callable[..., None]] = field(default_factory=list)
    """Functions that write the results of steps. It is empty unless the database was unavailable after a step."""

    def step(self) -> bool:
        """Send the entry that is due first; return False if none is due. Raises Unavailable."""
        self._write_results()
        now = self.clock()
        if not self.database.read(lambda conn: outbox.anything_due(conn, now)):
            return False
        entries = self.database.transact(lambda conn: outbox.claim(conn, self.by, now, LEASE, MAX_COMBINED))
        if entries:
            self._send(entries)
        return bool(entries)

    def _send(self, entries: list[LeasedEntry]) -> None:
        first = entries[0]
        try:
            reply = asyncio.run(self._transmit(entries))
        except NotSent as error:
            log.warning("not sent", outbox=first.id, kind=first.kind, attempt=first.attempts, permanent=error.permanent)
            self._record_failure(entries, str(error), permanent=error.permanent)
        except Exception as error:  # such as a host name that no DNS query can contain
            log.error("not sent", outbox=first.id, kind=first.kind, error=type(error).__name__, trace=where(error))
            self._record_failure(entries, f"{type(error).__name__}: {error}", permanent=False)
        else:
            log.info("sent", outbox=first.id, kind=first.kind, entries=len(entries))
            self._record(entries, partial(outbox.sent, reply=reply[:300]), succeeded=True)

    def _record_failure(self, entries: list[LeasedEntry], why: str, *, permanent: bool) -> None:
        self._record(entries, partial(outbox.not_sent, why=why[:300], permanent=permanent), succeeded=False)

    def _record(self, entries: list[LeasedEntry], outcome: Callable[..., object], *, succeeded: bool) -> None:
        """Record the results by ``outcome``, a function of the outbox. Judge the cases in which questions were sent."""
        now = self.clock()

        def write(conn: Connection, *, judge: bool) -> None:
            for entry in entries:
                recorded = outcome(conn, entry.id, self.by, now=now)
                asked_now = recorded and succeeded and entry.kind in sent_questions.KINDS
                if judge and asked_now and entry.case_id is not None:
                    rejudge(conn, [cases.survivor(conn, entry.case_id)], self.context, now=now)

        self._unrecorded.append(write)
        self._write_results()

    def _write_results(self) -> None:
        """Write all results.

        If a case cannot be judged, the other results are still written, so that no mail is sent again.
        """
        while self._unrecorded:
            write = self._unrecorded[0]
            try:
                self.database.transact(partial(write, judge=True))
            except Exception as error:
                if isinstance(error, Unavailable) and not isinstance(error, GaveUp):
                    raise
                log.error("a case was not judged after a mail", error=type(error).__name__, trace=where(error))
                self.database.transact(partial(write, judge=False))
            del self._unrecorded[0]

    async def _transmit(self, entries: list[LeasedEntry]) -> str:
        """Send the entries and return the reply of the server. Raises NotSent."""
        first = entries[0]
        if first.channel == "notify":
            if first.recipient not in self.targets:
                raise NotSent("SODAN_NOTIFY no longer contains this target", permanent=True)
            return await notify.send(entries, self.targets[first.recipient])
        outbound, hostname = self.outbound, self.outbound.settings.hostname
        if self.smarthost is None or not outbound.can_send:
            raise NotSent("SODAN_SMARTHOST and SODAN_FROM are not set; both are needed to send mail", permanent=False)
        # servers send delivery reports to this address
        envelope_from = outbound.reply_to if first.case_id is None else outbound.reply_address(first.case_id)
        return await send_mail(
            compose.message(first, outbound.sender, hostname, self.clock()),
            self.smarthost,
            to=first.recipient,
            envelope_from=envelope_from,
            hostname=hostname,
            seconds=self.seconds,
        )
