"""Listens on one address, accepts or refuses connections, and closes slow ones."""

import asyncio
import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.errors import Refused
from service.rate import Rate
from service.settings import Listen, Settings
from service.smtp.addresses import Intake
from service.smtp.backpressure import Backpressure
from service.smtp.committer import Committer
from service.smtp.limits import Budget, Rates, Usage, admits, network_of
from service.smtp.passwords import Passwords
from service.smtp.tls import ServerTls

CLOSING = "421 4.3.2 server is shutting down, please try again later"


@dataclass(eq=False)
class Listener:
    """All connections of one listening address, with their settings. Create it in a running event loop."""

    session_class: type[Any]  # ``protocol.Protocol`` or ``protocol.Lmtp``
    settings: Settings
    intake: Intake
    committer: Committer
    backpressure: Backpressure
    rates: Rates
    tls: ServerTls | None
    passwords: Passwords | None
    folder: Path | None  # folder for the files of large messages until they are committed
    budget: Budget
    failed_logins_of: Rate  # by ``neighbourhood``

    def __post_init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        # command → method; looked up once, because aiosmtpd's look-up for each connection is slow
        self.commands: dict[str, Callable[..., Any]] = {
            name[5:]: getattr(self.session_class, name) for name in dir(self.session_class) if name[:5] == "smtp_"
        }
        del self.commands["EXPN"]  # the command of aiosmtpd would reveal which users exist
        self._is_stopping = False
        self._servers: list[asyncio.Server] = []
        self._connections: set[Any] = set()
        self._usage = Usage()
        self._deadline_timer: asyncio.TimerHandle | None = None

    async def listen(self, name: str, listen: Listen) -> Listen:
        """Start accepting connections; return the address. Raises Refused. ``name``: the variable of the setting."""
        try:
            server = await self.loop.create_server(
                lambda: self.session_class(self), listen.host, listen.port, backlog=1024, reuse_address=True
            )
        except OSError as error:
            used = "another process uses this address; stop it, or set another port"
            why = used if error.errno == errno.EADDRINUSE else error.strerror or error
            raise Refused(f"{name}: cannot listen on {listen}: {why}") from error
        self._servers.append(server)
        return Listen(*server.sockets[0].getsockname()[:2])

    def add(self, connection: Any) -> str | None:
        """Add a connection. Return None, or the reply that refuses the connection."""
        host = connection.host
        self._connections.add(connection)
        self._usage.add(host, 1)
        if self._deadline_timer is None:
            self._check_deadlines()
        if self._is_stopping:
            return CLOSING
        if not admits(self.settings.smtp_networks, host):
            return f"554 {self.settings.hostname} accepts no mail from your address"
        if self._usage.of_neighbourhood(host) > self.settings.smtp_max_connections_per_host:
            return "421 4.7.0 too many connections from your address, please try again later"
        if len(self._connections) > self.settings.smtp_max_connections and not self._make_room(host):
            return "421 4.7.0 too many connections, please try again later"
        return None

    def _make_room(self, newcomer: str | None) -> bool:
        """Close the longest idle connection of the network with most connections. Returns False if there is none."""
        network = self._usage.largest_network(newcomer)
        closable = [one for one in self._connections if not one.committing and not one.closing]
        candidates = [one for one in closable if network_of(one.host) == network]
        if candidates:
            longest_idle = min(candidates, key=lambda one: one.last_input_at)
            longest_idle.close("421 4.7.0 connection was idle and is needed, please try again later")
        return bool(candidates)

    def remove(self, connection: Any) -> None:
        """Remove a connection. May be called twice."""
        if connection in self._connections:
            self._connections.discard(connection)
            self._usage.add(connection.host, -1)

    def _check_deadlines(self) -> None:
        now = self.loop.time()
        for connection in list(self._connections):
            connection.check_deadline(now)
        self._deadline_timer = None
        if self._connections:
            seconds = min(1.0, self.settings.smtp_timeout / 4)
            self._deadline_timer = self.loop.call_later(seconds, self._check_deadlines)

    async def stop(self, grace: float) -> None:
        """Stop listening and close all connections. Wait up to ``grace`` seconds for mails that are being committed."""
        self._is_stopping = True
        for server in self._servers:
            server.close()
        end = self.loop.time() + grace
        while self._connections and self.loop.time() < end:
            for connection in list(self._connections):
                if not connection.committing:
                    connection.close(CLOSING)
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            if connection.transport is not None:
                connection.transport.abort()
        if self._deadline_timer is not None:
            self._deadline_timer.cancel()
