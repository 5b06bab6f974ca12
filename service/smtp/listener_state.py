"""The part of a listener that its connections use."""

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
class ListenerState:
    """Configuration and counters for all connections of a listener. Create it in a running event loop.

    Commands are looked up once, because aiosmtpd's look-up for each connection is slow. ``handler`` has the methods of
    ``server.SmtpHandler``.
    """

    handler: Any
    hostname: str
    limits: Limits = field(default_factory=Limits)
    tls: ServerTls | None = None
    require_tls: bool = False
    passwords: Passwords | None = None
    require_login: bool = False
    lmtp: bool = False
    folder: Path | None = None  # folder for the files of large messages until they are committed
    budget: Budget = field(default_factory=Budget)
    failed_logins_of: Rate = field(default_factory=lambda: Rate(FAILED_LOGINS))
    """Rate of failed logins by ``neighbourhood``."""
    commands: dict[str, Callable[..., Any]] = field(default_factory=dict)  # command → method of the session class

    def __post_init__(self) -> None:
        self.loop = asyncio.get_running_loop()

    def add(self, connection: Any) -> str | None:
        """Add a connection. Return None, or the reply that refuses the connection."""

    def remove(self, connection: Any) -> None:
        """Remove a connection. May be called twice."""
