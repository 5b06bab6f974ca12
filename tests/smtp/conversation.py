"""An acceptor in a thread and a client that speaks to it line by line, both real."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from anyio.from_thread import start_blocking_portal

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
    with (
        start_blocking_portal(backend_options={"use_uvloop": True}) as portal,
        portal.wrap_async_context_manager(serving(chosen)) as listening,
    ):
        yield listening.lmtp or listening.smtp


class Client(Line):
    """A connection that was greeted."""

    def __init__(self, address: Listen) -> None:
        super().__init__(address.port)
        self.greeting = self.reply()
