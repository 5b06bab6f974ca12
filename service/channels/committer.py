"""Group commit: many mails that wait for their promise share one commit; a lone mail waits for nobody.

One thread commits. While it does, mails queue up; when it is done it takes all that queued: the slower the disk, the
larger the groups. Nothing waits for a clock.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from service import intake
from service.errors import Unavailable, where
from service.store.database import Database
from service.store.spool import Envelope, NewEntry, new_entry

_log = structlog.get_logger("sodan.smtp")

GROUP_MAILS = 256
GROUP_BYTES = 32_000_000


_Waiting = tuple[Envelope, bytes, datetime, asyncio.Future[str]]


class Committer:
    """Makes mails durable in groups. ``start`` before use, ``stop`` when no more will come."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._commit_groups, name="committer")
        self.waiting = 0
        """Mails whose promise is not given yet."""

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def keep(self, envelope: Envelope, content: bytes) -> str:
        """Returns the mail's id once it is durable. Raises Unavailable: then it is not, and was not promised."""
        future: asyncio.Future[str] = self._loop.create_future()
        self.waiting += 1
        try:
            self._queue.put((envelope, content, self._clock(), future))
            # who stops waiting does not stop the mail: it may have been committed already
            return await future
        finally:
            self.waiting -= 1

    def stop(self) -> None:
        """Commit what is queued, then end. Blocks."""
        self._queue.put(None)
        self._thread.join()

    def _commit_groups(self) -> None:
        more = True
        while more:
            first = self._queue.get()
            if first is None:
                return
            group = [first]
            size = len(first[1])
            while len(group) < GROUP_MAILS and size < GROUP_BYTES:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    more = False
                    break
                group.append(following)
                size += len(following[1])
            # hashing is done here, where it holds up no conversation
            self._commit([(new_entry(envelope, content, now), future) for envelope, content, now, future in group])

    def _commit(self, group: list[tuple[NewEntry, asyncio.Future[str]]]) -> None:
        results: list[tuple[asyncio.Future[str], str | BaseException]]
        try:
            ids = intake.receive_entries(self._database, [entry for entry, _ in group])
            results = [(future, id) for (_, future), id in zip(group, ids, strict=True)]
        except Unavailable as error:
            _log.error("mail was not made durable", mails=len(group), reason=str(error), cause=repr(error.__cause__))
            results = [(future, error) for _, future in group]
        except Exception as error:
            if len(group) > 1:
                # one of them cannot be stored: find out which, the others must not suffer
                for single in group:
                    self._commit([single])
                return
            _log.error("mail was not made durable", mails=1, error=type(error).__name__, trace=where(error))
            results = [(group[0][1], error)]
        self._loop.call_soon_threadsafe(_answer, results)


def _answer(results: list[tuple[asyncio.Future[str], str | BaseException]]) -> None:
    for future, result in results:
        if future.done():
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
