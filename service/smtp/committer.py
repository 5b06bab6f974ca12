"""Commits received mails in groups: mails that arrive during a commit share the next commit."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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

_Waiting = tuple[Envelope, Content, datetime, "asyncio.Future[str]"]


class Committer:
    """Stores mails durably. All methods must be called in the same event loop."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, "committer")
        self._task: asyncio.Task[None] | None = None

    async def store(self, envelope: Envelope, content: Content) -> str:
        """Store a mail and return its id once it is committed. Raises Unavailable if it cannot be stored."""
        reply: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append((envelope, content, self._clock(), reply))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._commit_groups())
        return await reply  # if this task is cancelled, the mail may still be committed

    async def stop(self) -> None:
        """Commit the waiting mails and end the thread."""
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def _commit_groups(self) -> None:
        while self._waiting:
            group = self._next_group()
            mails = [mail[:3] for mail in group]
            results = await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, mails)
            for (*_, reply), result in zip(group, results, strict=True):
                if isinstance(result, Exception) and not reply.done():
                    reply.set_exception(result)
                elif not reply.done():
                    reply.set_result(str(result))

    def _next_group(self) -> list[_Waiting]:
        group = [self._waiting.popleft()]
        size = group[0][1].size
        while self._waiting and len(group) < GROUP_MAILS and size + self._waiting[0][1].size <= GROUP_BYTES:
            group.append(self._waiting.popleft())
            size += group[-1][1].size
        return group

    def _commit(self, mails: Sequence[tuple[Envelope, Content, datetime]]) -> list[str | Exception]:
        """Commit mails and return the id or the error of each. Runs in the thread, also to read and hash the mails."""
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
