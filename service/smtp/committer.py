"""Commits received mails in groups: mails that arrive during a commit share the next commit."""

import asyncio
import threading
from collections import deque
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
    """Stores mails durably in one thread. Call ``start`` in the event loop before the first mail."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._commit_groups, name="committer")

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def store(self, envelope: Envelope, content: Content) -> str:
        """Store a mail and return its id once it is committed. Raises Unavailable if it cannot be stored."""
        reply: _Reply = self._loop.create_future()
        with self._changed:
            self._waiting.append((envelope, content, self._clock(), reply))
            self._changed.notify()
        return await reply  # if this task is cancelled, the mail may still be committed

    def stop(self) -> None:
        """Commit the waiting mails and end the thread. Blocks until then."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join()

    def _commit_groups(self) -> None:
        while group := self._next_group():
            results = self._commit([mail[:3] for mail in group])
            self._loop.call_soon_threadsafe(_set_results, [mail[3] for mail in group], results)
            del group  # frees the memory of its mails

    def _next_group(self) -> list[_Waiting]:
        """Wait for mails, and return as many as fit into one commit; none if ``stop`` was called."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_stopping)
            group: list[_Waiting] = []
            size = 0
            while self._waiting and len(group) < GROUP_MAILS:
                size += self._waiting[0][1].size
                if group and size > GROUP_BYTES:
                    break
                group.append(self._waiting.popleft())
            return group

    def _commit(self, mails: Sequence[tuple[Envelope, Content, datetime]]) -> list[str | Exception]:
        """Commit mails and return the id or the error of each. Mails are read and hashed in the thread, too."""
        results: list[str | Exception | NewEntry] = []
        for envelope, content, now in mails:
            try:
                results.append(new_entry(envelope, content.read(), now))
            except Exception as error:  # any error, even lack of memory, must not affect the other mails
                results.append(_logged(error))
        entries = [one for one in results if isinstance(one, NewEntry)]
        stored = iter(self._store(entries))
        if sum(content.size for _, content, _ in mails) > BIG:
            self._database.forget_values()
        return [next(stored) if isinstance(one, NewEntry) else one for one in results]

    def _store(self, entries: Sequence[NewEntry]) -> Sequence[str | Exception]:
        try:
            return intake.receive_entries(self._database, entries) if entries else []
        except Unavailable as error:
            _log.error("mail was not committed", mails=len(entries), reason=str(error), cause=repr(error.__cause__))
            return [error] * len(entries)
        except Exception as error:
            if len(entries) == 1:
                return [_logged(error)]
            # perhaps only one mail cannot be stored: commit each mail alone
            return [result for entry in entries for result in self._store([entry])]


def _logged(error: Exception) -> Exception:
    _log.error("mail was not committed", mails=1, error=type(error).__name__, trace=where(error))
    return error


def _set_results(replies: Sequence[_Reply], results: Sequence[str | Exception]) -> None:
    for reply, result in zip(replies, results, strict=True):
        if isinstance(result, Exception) and not reply.done():
            reply.set_exception(result)
        elif not reply.done():
            reply.set_result(str(result))
