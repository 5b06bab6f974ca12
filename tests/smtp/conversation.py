"""An acceptor in a thread and a client that speaks to it line by line, both real."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import uvloop

from service import settings
from service.settings import Listen, Settings
from service.smtp.server import serving
from tests.smtp.dialogues import Line


def set_up(url: str, **given: Any) -> Settings:
    return settings.load(
        _env_file=None,
        database_url=url,
        smtp_listen="127.0.0.1:0",
        intake="help@intake.example,@cases.example",
        hostname="mx.intake.example",
        **given,
    )


@contextlib.contextmanager
def acceptor(chosen: Settings) -> Iterator[Listen]:
    """An acceptor on a free port, stopped gracefully at the end."""
    started = threading.Event()
    state: dict[str, Any] = {}

    async def serve() -> None:
        state["loop"], state["stop"] = asyncio.get_running_loop(), asyncio.Event()
        async with serving(chosen) as listening:
            state["address"] = listening.lmtp or listening.smtp
            started.set()
            await state["stop"].wait()

    def run() -> None:
        try:
            uvloop.run(serve())
        except BaseException as error:
            state["error"] = error
            started.set()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(10)
    if "error" in state:
        thread.join()
        raise state["error"]
    try:
        yield state["address"]
    finally:
        state["loop"].call_soon_threadsafe(state["stop"].set)
        thread.join(30)
        assert not thread.is_alive()


class Client(Line):
    """A connection that was greeted."""

    def __init__(self, address: Listen) -> None:
        super().__init__(address.port)
        self.greeting = self.reply()
