"""The sender: claims due outbox entries, sends them, and records the result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from service.outbound import compose, notify
from service.outbound.notify import Target
from service.outbound.smarthost import SECONDS, Login, NotSent, Smarthost, hand_over
from service.store import outbox
from service.store.database import Connection, Database
from service.store.outbox import Claimed

log = structlog.get_logger("sodan.sender")

LEASE = timedelta(minutes=5)
"""Longer than sending can take, so that no second sender claims the same entry."""
TOGETHER = 20
"""Maximum number of notifications to one target in one message."""


@dataclass
class Sender:
    """Sends the entries one by one. ``by`` names this process in leases."""

    database: Database
    by: str
    clock: Callable[[], datetime]
    sender: str
    envelope_from: Callable[[Claimed], str]
    hostname: str
    smarthost: Smarthost | None = None
    login: Login = field(default_factory=Login)
    targets: tuple[Target, ...] = ()
    seconds: float = SECONDS
    """Time limit for the reply of the smart host to a command."""
    after_sent: Callable[[Connection, Claimed, datetime], None] = lambda _conn, _entry, _now: None
    """Called in the transaction that records an entry as sent."""

    def step(self) -> bool:
        """Send the entry that is due first; return False if there is none. Raises Unavailable."""
        now = self.clock()
        if not self.database.read(lambda conn: outbox.anything_due(conn, now)):
            return False
        claimed = self.database.transact(lambda conn: outbox.claim(conn, self.by, now, LEASE))
        if claimed is None:
            return False
        together = [claimed]
        if claimed.channel == "notify":
            together += self.database.transact(
                lambda conn: outbox.claim_beside(conn, claimed, self.by, now, LEASE, TOGETHER)
            )
        self._send(together)
        return True

    def _send(self, entries: list[Claimed]) -> None:
        first = entries[0]
        try:
            reply = asyncio.run(self._hand_over(entries))
        except NotSent as error:
            why, permanent = str(error)[:300], error.permanent
            log.warning("not sent", outbox=first.id, kind=first.kind, attempt=first.attempts, permanent=permanent)
            self._record(entries, partial(outbox.not_sent, why=why, permanent=permanent))
        else:
            log.info("sent", outbox=first.id, kind=first.kind, entries=len(entries))
            self._record(entries, partial(outbox.sent, reply=reply[:300]), self.after_sent)

    def _record(
        self,
        entries: list[Claimed],
        outcome: Callable[..., bool],
        then: Callable[[Connection, Claimed, datetime], None] | None = None,
    ) -> None:
        now = self.clock()

        def write(conn: Connection) -> None:
            for one in entries:
                if outcome(conn, one.id, self.by, now=now) and then is not None:
                    then(conn, one, now)

        self.database.transact(write)

    async def _hand_over(self, entries: list[Claimed]) -> str:
        first = entries[0]
        if first.channel == "notify":
            target = next((one for one in self.targets if one.name == first.recipient), None)
            if target is None:
                raise NotSent("SODAN_NOTIFY no longer contains this target", permanent=True)
            return await notify.send(entries, target)
        if self.smarthost is None or not self.sender:
            raise NotSent("SODAN_SMARTHOST and SODAN_FROM are not set; both are needed to send mail", permanent=False)
        mail = compose.message(first, self.sender, self.hostname, self.clock())
        return await hand_over(
            mail,
            to=first.recipient,
            envelope_from=self.envelope_from(first),
            smarthost=self.smarthost,
            login=self.login,
            hostname=self.hostname,
            seconds=self.seconds,
        )
