"""The interface between a session and its listener, so that neither imports the other."""

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
    """What all sessions of one listener share."""

    loop: asyncio.AbstractEventLoop
    handler: Any
    hooks: dict[str, Callable[..., Any]]
    """Hooks of the handler, by command."""
    commands: dict[str, Callable[..., Any]]
    """Methods of the session class, by command."""
    budget: Budget
    """Limits the bytes of messages being received or waiting for their commit."""
    folder: Path | None
    """Folder for large messages until they are committed."""
    guesses: Rate
    """Failed logins by ``neighbourhood``."""
    hostname: str
    limits: Limits
    tls: ServerTls | None
    require_tls: bool
    passwords: Passwords | None
    require_login: bool

    def join(self, wire: Any) -> str | None:
        """Add a connection. Return the reply that refuses it, or None if it is accepted."""

    def leave(self, wire: Any) -> None:
        """Remove a connection; may be called twice."""
