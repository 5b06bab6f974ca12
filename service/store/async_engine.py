"""asyncpg under SQLAlchemy's greenlets, in an event-loop thread of its own that ends with all that it opened.

``close`` gives running work a moment to finish, then cancels it with an error. No call waits for a loop that has ended,
and no connection is left to the garbage collector, which cannot close it properly.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any, TypeVar

import msgspec
import uvloop
from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.errors import Unavailable
from service.store.tables import to_json

T = TypeVar("T")

FINISH_SECONDS = 5.0
"""How long who is at work may go on once it is closed, and how long the goodbyes to the server may take."""


class Gone(Exception):
    """It was closed before this began: nothing was asked of the database."""


class AsyncEngineThread:
    """An engine that threads share. Connects when it is used."""

    def __init__(self, url: URL, busy_seconds: float) -> None:
        self._engine = _engine(url, busy_seconds)
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()
        event.listen(self._engine.sync_engine, "connect", self._made)
        self._door = threading.Lock()
        self._closing = False
        self._end = asyncio.Event()
        self._loop = uvloop.new_event_loop()  # here, so that whoever opens it is told where no descriptor is left
        self._thread = threading.Thread(target=self._run, name="postgresql", daemon=True)
        self._thread.start()

    def run(self, fn: Callable[[Connection], T], *, write: bool, alone: bool) -> T:
        """Run ``fn`` on a connection. Raises Gone, Unavailable where it was broken off, or what it does.

        RuntimeError within a ``fn``: that would wait for itself.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("the database is asked within a transaction: use the connection that is given there")
        with self._door:
            if self._closing:
                raise Gone
            future = asyncio.run_coroutine_threadsafe(self._within(fn, write, alone), self._loop)
        try:
            return future.result()
        except CancelledError as error:
            raise Unavailable("the database was closed") from error

    def close(self, *, wait: bool = True) -> None:
        """Let who is at work finish, break off who does not, close every connection, end the thread."""
        with self._door:
            if not self._closing:
                self._closing = True
                self._loop.call_soon_threadsafe(self._end.set)
        if wait:
            self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())  # cancels what is left at its end, and waits for that

    async def _live(self) -> None:
        await self._end.wait()
        at_work = asyncio.all_tasks() - {asyncio.current_task()}
        if at_work:
            _, late = await asyncio.wait(at_work, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=FINISH_SECONDS)
        with contextlib.suppress(Exception):  # a server that is away says no goodbye
            await asyncio.wait_for(self._engine.dispose(), FINISH_SECONDS)
        for connection in list(self._open):
            if not connection.is_closed():
                connection.terminate()
        await asyncio.sleep(0)  # the turn of the loop in which sockets close

    async def _within(self, fn: Callable[[Connection], T], write: bool, alone: bool) -> T:
        async with self._engine.connect() as connection:
            if alone:
                connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
            if not write:
                connection = await connection.execution_options(postgresql_readonly=True)
            return await connection.run_sync(fn)

    def _made(self, connection: Any, _record: Any) -> None:
        self._open.add(connection.driver_connection)


def _engine(url: URL, busy_seconds: float) -> AsyncEngine:
    return create_async_engine(
        url,
        hide_parameters=True,
        json_serializer=to_json,
        json_deserializer=msgspec.json.decode,
        pool_size=4,
        max_overflow=12,
        pool_timeout=busy_seconds,
        connect_args={
            "timeout": 10,
            "command_timeout": 60,
            "server_settings": {
                "application_name": "sodan",
                # a host that died in the middle of a transaction holds no lock for longer than this
                "idle_in_transaction_session_timeout": "30s",
                "tcp_keepalives_idle": "20",
                "tcp_keepalives_interval": "5",
                "tcp_keepalives_count": "3",
            },
        },
    )
