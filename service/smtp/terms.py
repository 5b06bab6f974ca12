"""The interface between a conversation and its listener, so that neither imports the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from service.smtp.budget import Budget
from service.smtp.limits import Limits
from service.smtp.loops import Rate
from service.smtp.passwords import Passwords
from service.smtp.tls import ServerTls


class Terms(Protocol):
    """The same for all conversations of one listener."""

    loop: asyncio.AbstractEventLoop
    handler: Any
    hooks: dict[str, Callable[..., Any]]
    """Of the handler, by command."""
    commands: dict[str, Callable[..., Any]]
    """Methods of the conversation's class, by name."""
    budget: Budget
    """Of the bytes of contents that are being read, or wait for their promise."""
    folder: Path | None
    """Where big contents are kept meanwhile."""
    guesses: Rate
    """Failed logins by neighbourhood."""
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
