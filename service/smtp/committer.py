"""Group commit: mails that arrive during a commit share the next one; a single mail does not wait.

One thread commits. Meanwhile mails queue up, and the next commit takes all of them, so a slower disk gives larger
groups. There is no timer.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from service import intake
from service.errors import Unavailable, where
from service.smtp.content import Content
from service.smtp.limits import BareNewlines
from service.store.database import Database
from service.store.spool import Envelope, NewEntry, new_entry

_log = structlog.get_logger("sodan.smtp")

GROUP_MAILS = 256
GROUP_BYTES = 32_000_000
BIG = 1_000_000
"""Bytes of a group above which idle connections are closed after the commit, to free their memory."""

_Reply = asyncio.Future[str]
"""The id of a mail once it is durable."""
_Waiting = tuple[Envelope, Content, datetime, _Reply]


class Committer:
    """Stores mails durably in groups. Call ``start`` before use, ``stop`` when no more will come."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], bare_newlines: BareNewlines = "normalise"
    ) -> None:
        self._database = database
        self._clock = clock
        self._bare_newlines = bare_newlines
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._commit_groups, name="committer")
        self._stopping = False

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def keep(self, envelope: Envelope, content: Content) -> str:
        """Return the mail's id once it is durable. Raises Unavailable if it is not."""
        future: _Reply = self._loop.create_future()
        self._queue.put((envelope, content, self._clock(), future))
        # cancelling this wait does not cancel the mail, which may be committed already
        return await future

    def stop(self) -> None:
        """Commit what is queued, then end the thread. Blocks."""
        self._queue.put(None)
        self._thread.join()

    def _commit_groups(self) -> None:
        following = self._queue.get()
        while following is not None:
            group, size = [following], following[1].size
            following = self._next()
            while following is not None and len(group) < GROUP_MAILS and size + following[1].size <= GROUP_BYTES:
                group.append(following)
                size += following[1].size
                following = self._next()
            # read and hashed in this thread, so that it does not block the event loop
            self._commit([entry for waiting in group for entry in self._read(waiting)])
            if size > BIG:
                self._database.forget_values()
            del group
            if following is None and not self._stopping:
                following = self._queue.get()

    def _next(self) -> _Waiting | None:
        """Return the next queued mail, or None if the queue is empty or the committer stops."""
        try:
            following = self._queue.get_nowait()
        except queue.Empty:
            return None
        self._stopping = following is None
        return following

    def _read(self, waiting: _Waiting) -> list[tuple[NewEntry, _Reply]]:
        """Return the mail as an entry; nothing if its file cannot be read, or its session closed it."""
        envelope, content, now, future = waiting
        try:
            return [(new_entry(envelope, content.read(self._bare_newlines), now), future)]
        except (OSError, ValueError) as error:
            self._failed([future], error)
            return []

    def _commit(self, group: Sequence[tuple[NewEntry, _Reply]]) -> None:
        if not group:
            return
        futures = [future for _, future in group]
        try:
            ids = intake.receive_entries(self._database, [entry for entry, _ in group])
        except Unavailable as error:
            _log.error("mail was not made durable", mails=len(group), reason=str(error), cause=repr(error.__cause__))
            self._answer(futures, [error] * len(futures))
        except Exception as error:
            if len(group) == 1:
                self._failed(futures, error)
            else:  # one of them cannot be stored: commit each alone, so that the others are not affected
                for single in group:
                    self._commit([single])
        else:
            self._answer(futures, ids)

    def _failed(self, futures: Sequence[_Reply], error: Exception) -> None:
        _log.error("mail was not made durable", mails=1, error=type(error).__name__, trace=where(error))
        self._answer(futures, [error])

    def _answer(self, futures: Sequence[_Reply], results: Sequence[str | Exception]) -> None:
        self._loop.call_soon_threadsafe(_set_results, futures, results)


def _set_results(futures: Sequence[_Reply], results: Sequence[str | Exception]) -> None:
    for future, result in zip(futures, results, strict=True):
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
