"""What a conversation asks of the listener it belongs to, so that neither needs to import the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from service.channels.limits import Limits
from service.channels.passwords import Passwords
from service.channels.tls import ServerTls


class Terms(Protocol):
    """The same for all conversations of one listener."""

    loop: asyncio.AbstractEventLoop
    handler: Any
    hooks: dict[str, Callable[..., Any]]
    """Of the handler, by command."""
    commands: dict[str, Callable[..., Any]]
    """Methods of the conversation's class, by name."""
    at_once: int
    """Bytes of contents that are being read, or wait for their promise."""
    hostname: str
    limits: Limits
    tls: ServerTls | None
    require_tls: bool
    passwords: Passwords | None
    require_login: bool

    def join(self, wire: Any) -> str | None:
        """Count a connection in. Returns a reply to greet it with instead, where it is not welcome."""

    def leave(self, wire: Any) -> None:
        """It is gone; may be said twice."""
