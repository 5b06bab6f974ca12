"""Runs asyncpg, under SQLAlchemy's greenlets, in an event-loop thread that closes every connection it opened.

``close`` lets running transactions finish for a moment, then cancels them with an error. No call waits for a loop that
has ended. No connection is left to the garbage collector, which cannot close it properly.
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
"""Seconds that running transactions may take after ``close``, and seconds for closing the connections."""


class Gone(Exception):
    """The engine was closed before this call began; the database did not receive it."""


class AsyncEngineThread:
    """An engine that several threads share. It connects on first use."""

    def __init__(self, url: URL, busy_seconds: float) -> None:
        self._engine = _engine(url, busy_seconds)
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()
        event.listen(self._engine.sync_engine, "connect", lambda made, _: self._open.add(made.driver_connection))
        self._door = threading.Lock()
        self._closing = False
        self._end = asyncio.Event()
        self._loop = uvloop.new_event_loop()  # created here, so that the caller sees the error if no descriptor is left
        self._thread = threading.Thread(target=self._run, name="postgresql", daemon=True)
        self._thread.start()

    def run(self, fn: Callable[[Connection], T], *, write: bool, alone: bool) -> T:
        """Run ``fn`` on a connection; raises what ``fn`` raises.

        Raises Gone, Unavailable if it was cancelled by ``close``, and RuntimeError if called from within an ``fn``,
        which would wait for itself.
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
        """Let running transactions finish, cancel the late ones, close every connection and end the thread."""
        with self._door:
            if not self._closing:
                self._closing = True
                self._loop.call_soon_threadsafe(self._end.set)
        if wait:
            self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())  # the runner cancels the remaining tasks and waits for them

    async def _live(self) -> None:
        await self._end.wait()
        at_work = asyncio.all_tasks() - {asyncio.current_task()}
        if at_work:
            _, late = await asyncio.wait(at_work, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=FINISH_SECONDS)
        with contextlib.suppress(Exception):  # an unreachable server does not answer the closing messages
            await asyncio.wait_for(self._engine.dispose(), FINISH_SECONDS)
        for connection in list(self._open):
            if not connection.is_closed():
                connection.terminate()
        await asyncio.sleep(0)  # one iteration of the loop, in which the sockets close

    async def _within(self, fn: Callable[[Connection], T], write: bool, alone: bool) -> T:
        async with self._engine.connect() as connection:
            if alone:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
            if not write:
                await connection.execution_options(postgresql_readonly=True)
            return await connection.run_sync(fn)


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
                # if a host dies in the middle of a transaction, its locks are released after this time
                "idle_in_transaction_session_timeout": "30s",
                "tcp_keepalives_idle": "20",
                "tcp_keepalives_interval": "5",
                "tcp_keepalives_count": "3",
            },
        },
    )
