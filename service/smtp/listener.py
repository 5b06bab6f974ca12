"""Listens on one address: accepts or refuses connections, closes slow connections, and stops."""

import asyncio

from service.smtp.connection import Connection
from service.smtp.limits import Usage, network_of
from service.smtp.listener_state import ListenerState
from service.smtp.protocol import Lmtp, Protocol

CLOSING = "421 4.3.2 server is shutting down, please try again later"


class Listener(ListenerState):
    """All connections of one listening address."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._class = Lmtp if self.lmtp else Protocol
        self.commands = {name[5:]: getattr(self._class, name) for name in dir(self._class) if name[:5] == "smtp_"}
        del self.commands["EXPN"]  # the command of aiosmtpd would reveal which users exist
        self._is_stopping = False
        self._servers: list[asyncio.Server] = []
        self._connections: set[Connection] = set()
        self._usage = Usage()
        self._deadline_timer: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Start accepting connections. Raises OSError if the address is not available."""
        server = await self.loop.create_server(lambda: self._class(self), host, port, backlog=1024, reuse_address=True)
        self._servers.append(server)
        return server

    @property
    def connections(self) -> int:
        return len(self._connections)

    def add(self, connection: Connection) -> str | None:
        host = connection.host
        self._connections.add(connection)
        self._usage.add(host, 1)
        if self._deadline_timer is None:
            self._check_deadlines()
        if self._is_stopping:
            return CLOSING
        if not self.limits.admits(host):
            return f"554 {self.hostname} accepts no mail from your address"
        if self._usage.of_neighbourhood(host) > self.limits.connections_per_host:
            return "421 4.7.0 too many connections from your address, please try again later"
        if self.connections > self.limits.connections and not self._make_room(host):
            return "421 4.7.0 too many connections, please try again later"
        return None

    def _make_room(self, newcomer: str | None) -> bool:
        """Close the longest idle connection of the network with most connections; return False if there is none."""
        network = self._usage.largest_network(newcomer)
        closable = [
            connection
            for connection in self._connections
            if not connection.committing and not connection.closing and network_of(connection.host) == network
        ]
        if not closable:
            return False
        min(closable, key=lambda connection: connection.last_input_at).close(
            "421 4.7.0 connection was idle and is needed, please try again later"
        )
        return True

    def remove(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.discard(connection)
            self._usage.add(connection.host, -1)

    def _check_deadlines(self) -> None:
        now = self.loop.time()
        for connection in list(self._connections):
            connection.check_deadline(now)
        self._deadline_timer = (
            self.loop.call_later(min(1.0, self.limits.timeout / 4), self._check_deadlines)
            if self._connections
            else None
        )

    async def stop(self, grace: float) -> None:
        """Accept no new connections and close all others; a mail that is being committed gets its reply first.

        Connections that are open after ``grace`` seconds are aborted.
        """
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
