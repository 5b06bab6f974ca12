"""Refuses mail temporarily (452) if the disk is nearly full or too many mails are waiting."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import structlog

from service.errors import Unavailable
from service.store import spool
from service.store.database import Database
from service.store.transient_errors import disk_full_reason

_log = structlog.get_logger("sodan.smtp")

CHECK_SECONDS = 2.0


@dataclass
class Backpressure:
    """Checks every few seconds whether mail can be accepted. If not, ``refusal`` is the reply to MAIL."""

    database: Database
    min_free_bytes: int
    max_waiting: int
    refusal: str | None = None
    stopped: asyncio.Event = field(default_factory=asyncio.Event)  # set this event to end ``watch``

    async def watch(self) -> None:
        """Check repeatedly until ``stopped`` is set. A check that is running then is completed."""
        while not self.stopped.is_set():
            reason = await asyncio.to_thread(self._refusal_reason)
            refusal = f"452 4.3.1 {reason}, please try again later" if reason else None
            if refusal != self.refusal:
                _log.warning("no mail is accepted for now" if refusal else "mail is accepted again", reason=refusal)
            self.refusal = refusal
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopped.wait(), CHECK_SECONDS)

    def _refusal_reason(self) -> str | None:
        full = disk_full_reason(self.database.folder, self.min_free_bytes)
        if full is not None or not self.max_waiting:
            return full
        try:
            too_many = self.database.read(lambda conn: spool.more_waiting_than(conn, self.max_waiting))
        except Unavailable:
            return None
        return "too many mails are waiting" if too_many else None
