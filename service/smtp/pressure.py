"""Refuses mail temporarily (452) while the disk is nearly full or too many mails are waiting."""

import asyncio
import contextlib

import structlog

from service.errors import Unavailable
from service.store import spool
from service.store.database import Database
from service.store.trouble import disk_full_reason

_log = structlog.get_logger("sodan.smtp")

CHECK_SECONDS = 2.0


class Pressure:
    """Checks every few seconds whether mail can be accepted; if not, ``refusal`` is the reply to MAIL."""

    def __init__(self, database: Database, *, min_free_bytes: int, max_waiting: int) -> None:
        self.refusal: str | None = None
        self._database = database
        self._min_free_bytes = min_free_bytes
        self._max_waiting = max_waiting
        self.stopped = asyncio.Event()  # set this event to end ``watch``

    async def watch(self) -> None:
        """Check repeatedly until ``stopped`` is set. A running check is completed."""
        while not self.stopped.is_set():
            reason = await asyncio.to_thread(self._refusal_reason)
            refusal = f"452 4.3.1 {reason}, please try again later" if reason else None
            if refusal != self.refusal:
                _log.warning("no mail is taken for now" if refusal else "mail is taken again", reason=refusal)
            self.refusal = refusal
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopped.wait(), CHECK_SECONDS)

    def _refusal_reason(self) -> str | None:
        full = disk_full_reason(self._database.folder, self._min_free_bytes)
        if full is not None or not self._max_waiting:
            return full
        try:
            too_many = self._database.read(lambda conn: spool.more_waiting_than(conn, self._max_waiting))
        except Unavailable:
            return None
        return "too many mails are waiting" if too_many else None
