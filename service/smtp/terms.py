"""What all sessions of one listener share; a session needs to know no more of its listener."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.rate import Rate
from service.smtp.limits import FAILED_LOGINS, Budget, Limits
from service.smtp.passwords import Passwords
from service.smtp.tls import ServerTls


@dataclass(eq=False)
class Terms:
    """What is offered to clients, and the limits they share. Create it within the running loop.

    ``handler`` has aiosmtpd's hooks for MAIL, RCPT and DATA (at least DATA); ``envelope.received`` is the ``Content``.
    """

    handler: Any
    hostname: str
    limits: Limits = field(default_factory=Limits)
    tls: ServerTls | None = None
    require_tls: bool = False
    passwords: Passwords | None = None
    require_login: bool = False
    lmtp: bool = False
    folder: Path | None = None
    """Folder for large messages until they are committed."""
    budget: Budget = field(default_factory=Budget)
    guesses: Rate = field(default_factory=lambda: Rate(FAILED_LOGINS))
    """Failed logins by ``neighbourhood``."""
    commands: dict[str, Callable[..., Any]] = field(default_factory=dict)
    """Methods of the session class, by command."""

    def __post_init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.hooks = {name[7:]: getattr(self.handler, name) for name in dir(self.handler) if name[:7] == "handle_"}

    def join(self, wire: Any) -> str | None:
        """Add a connection. Return the reply that refuses it, or None if it is accepted."""

    def leave(self, wire: Any) -> None:
        """Remove a connection; may be called twice."""
