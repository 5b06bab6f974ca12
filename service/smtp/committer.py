"""Commits received mails in groups: one thread commits, and mails that arrive meanwhile share the next commit."""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from service import intake
from service.errors import Unavailable, where
from service.smtp.content import Content
from service.store.database import Database
from service.store.spool import Envelope, NewEntry, new_entry

_log = structlog.get_logger("sodan.smtp")

GROUP_MAILS = 256
GROUP_BYTES = 32_000_000
BIG = 1_000_000  # after a larger commit, idle database connections are closed to free their memory

_Reply = asyncio.Future[str]  # the future id of a mail, set once the mail is committed
_Waiting = tuple[Envelope, Content, datetime, _Reply]


class Committer:
    """Stores mails durably. Call ``start`` before the first mail, and ``stop`` after the last one."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._commit_groups, name="committer")
        self._stopping = False

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def store(self, envelope: Envelope, content: Content) -> str:
        """Store a mail and return its id once it is committed. Raises Unavailable if it cannot be stored."""
        future: _Reply = self._loop.create_future()
        self._queue.put((envelope, content, self._clock(), future))
        # if this task is cancelled, the mail may still be committed
        return await future

    def stop(self) -> None:
        """Commit the queued mails and end the thread. Blocks until then."""
        self._queue.put(None)
        self._thread.join()

    def _commit_groups(self) -> None:
        next_mail = self._queue.get()
        while next_mail is not None:
            group, size = [next_mail], next_mail[1].size
            next_mail = self._next_mail()
            while next_mail is not None and len(group) < GROUP_MAILS and size + next_mail[1].size <= GROUP_BYTES:
                group.append(next_mail)
                size += next_mail[1].size
                next_mail = self._next_mail()
            self._commit(self._entries(group))
            if size > BIG:
                self._database.forget_values()
            del group
            if next_mail is None and not self._stopping:
                next_mail = self._queue.get()

    def _next_mail(self) -> _Waiting | None:
        """Return the next queued mail; None if the queue is empty or ``stop`` was called."""
        try:
            next_mail = self._queue.get_nowait()
        except queue.Empty:
            return None
        self._stopping = next_mail is None
        return next_mail

    def _entries(self, group: Sequence[_Waiting]) -> list[tuple[NewEntry, _Reply]]:
        """Read and hash the mails, in this thread so that the event loop is not blocked."""
        entries = []
        for envelope, content, now, future in group:
            try:
                entries.append((new_entry(envelope, content.read(), now), future))
            except Exception as error:  # any error, even lack of memory: the thread must continue for the other mails
                self._deliver_error([future], error)
        return entries

    def _commit(self, entries: Sequence[tuple[NewEntry, _Reply]]) -> None:
        if not entries:
            return
        futures = [future for _, future in entries]
        try:
            ids = intake.receive_entries(self._database, [entry for entry, _ in entries])
        except Unavailable as error:
            _log.error("mail was not committed", mails=len(entries), reason=str(error), cause=repr(error.__cause__))
            self._deliver(futures, [error] * len(futures))
        except Exception as error:
            if len(entries) == 1:
                self._deliver_error(futures, error)
            else:  # perhaps only one mail cannot be stored: commit each mail alone
                for entry in entries:
                    self._commit([entry])
        else:
            self._deliver(futures, ids)

    def _deliver_error(self, futures: Sequence[_Reply], error: Exception) -> None:
        _log.error("mail was not committed", mails=1, error=type(error).__name__, trace=where(error))
        self._deliver(futures, [error])

    def _deliver(self, futures: Sequence[_Reply], results: Sequence[str | Exception]) -> None:
        self._loop.call_soon_threadsafe(_set_results, futures, results)


def _set_results(futures: Sequence[_Reply], results: Sequence[str | Exception]) -> None:
    for future, result in zip(futures, results, strict=True):
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
