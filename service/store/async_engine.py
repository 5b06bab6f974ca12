"""Runs asyncpg in an event loop in a separate thread, for callers in other threads.

``close`` gives running transactions a few seconds to finish, then cancels them with an error. It closes every
connection, since the garbage collector cannot close one properly.
"""

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

FINISH_SECONDS = 5.0  # time that ``close`` gives running transactions to finish, and the connections to close


class EngineClosed(Exception):
    """The engine was closed before the call began. The database did not receive it."""


class AsyncEngineThread:
    """An engine for PostgreSQL that several threads share. It connects on first use."""

    def __init__(self, url: URL, busy_seconds: float) -> None:
        self._engine = _engine(url, busy_seconds)
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        event.listen(self._engine.sync_engine, "connect", lambda new, _: self._connections.add(new.driver_connection))
        self._close_lock = threading.Lock()
        self._closing = False
        self._end = asyncio.Event()
        self._loop = uvloop.new_event_loop()  # created here, so that the caller gets the error if no descriptor is left
        self._thread = threading.Thread(target=self._run, name="postgresql", daemon=True)
        self._thread.start()

    def run(self, fn: Callable[[Connection], T], *, write: bool, alone: bool) -> T:
        """Run ``fn`` with a connection; ``alone``: without a transaction.

        Raises EngineClosed, Unavailable, RuntimeError.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("a query inside a transaction must use the connection of this transaction")
        with self._close_lock:
            if self._closing:
                raise EngineClosed
            future = asyncio.run_coroutine_threadsafe(self._within(fn, write, alone), self._loop)
        try:
            return future.result()
        except CancelledError as error:
            raise Unavailable("the database was closed") from error

    def close(self, *, wait: bool = True) -> None:
        """Finish or cancel transactions, close all connections and end the thread. ``wait``: return only then."""
        with self._close_lock:
            if not self._closing:
                self._closing = True
                self._loop.call_soon_threadsafe(self._end.set)
        if wait:
            self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._run_until_closed())  # the runner cancels the remaining tasks and waits for their end

    async def _run_until_closed(self) -> None:
        await self._end.wait()
        running = asyncio.all_tasks() - {asyncio.current_task()}
        if running:
            _, late = await asyncio.wait(running, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=FINISH_SECONDS)
        with contextlib.suppress(Exception):  # an unreachable server does not answer the closing messages
            await asyncio.wait_for(self._engine.dispose(), FINISH_SECONDS)
        for connection in list(self._connections):
            if not connection.is_closed():
                connection.terminate()
        await asyncio.sleep(0)  # one iteration of the loop, in which the sockets close

    async def _within(self, fn: Callable[[Connection], T], write: bool, alone: bool) -> T:
        async with self._engine.connect() as connection:
            if alone:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
            if not write:
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
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
