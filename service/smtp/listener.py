"""All connections of one listening address: admission, timeouts and shutdown.

    listener = Listener(handler, hostname="mx.example", limits=Limits(), tls=ServerTls(certificate, key))
    server = await listener.listen("127.0.0.1", 8025)
    …
    await listener.stop(grace=20)

Shared state makes a connection cheap: aiosmtpd's class inspects itself and its handler for every connection, and sets
a timer for every command.
"""

from __future__ import annotations

import asyncio

from service.smtp.limits import Usage, network_of
from service.smtp.protocol import Lmtp, Protocol
from service.smtp.terms import Terms
from service.smtp.wire import Wire

CLOSING = "421 4.3.2 server is shutting down, please try again later"


class Listener(Terms):
    """The sessions of one listening address."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._class = Lmtp if self.lmtp else Protocol
        self.commands = {name[5:]: getattr(self._class, name) for name in dir(self._class) if name[:5] == "smtp_"}
        del self.commands["EXPN"]  # aiosmtpd has it, and it would reveal which users exist
        self._stopping = False
        self._servers: list[asyncio.Server] = []
        self._wires: set[Wire] = set()
        self._usage = Usage()
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Start accepting connections. Raises OSError if the address is not available."""
        server = await self.loop.create_server(lambda: self._class(self), host, port, backlog=1024, reuse_address=True)
        self._servers.append(server)
        return server

    @property
    def connections(self) -> int:
        return len(self._wires)

    def join(self, wire: Wire) -> str | None:
        host = wire.host
        self._wires.add(wire)
        self._usage.add(host, 1)
        if self._sweeper is None:
            self._sweep()
        if self._stopping:
            return CLOSING
        if not self.limits.admits(host):
            return f"554 {self.hostname} accepts no mail from your address"
        if self._usage.near(host) > self.limits.connections_per_host:
            return "421 4.7.0 too many connections from your address, please try again later"
        if self.connections > self.limits.connections and not self._make_room(host):
            return "421 4.7.0 too many connections, please try again later"
        return None

    def _make_room(self, newcomer: str | None) -> bool:
        """Close the longest idle session of the network that must make room. Return whether one was closed."""
        network = self._usage.to_cut(newcomer)
        idle = [
            one for one in self._wires if not one.committing and not one.hung_up and network_of(one.host) == network
        ]
        if not idle:
            return False
        min(idle, key=lambda wire: wire.quiet_since).hang_up(
            "421 4.7.0 connection was idle and is needed, please try again later"
        )
        return True

    def leave(self, wire: Wire) -> None:
        if wire in self._wires:
            self._wires.discard(wire)
            self._usage.add(wire.host, -1)

    def _sweep(self) -> None:
        now = self.loop.time()
        for wire in list(self._wires):
            wire.sweep(now)
        self._sweeper = self.loop.call_later(min(1.0, self.limits.timeout / 4), self._sweep) if self._wires else None

    async def stop(self, grace: float) -> None:
        """Accept no more connections and close all: those with a pending commit after its reply, others at once.

        Connections still open after ``grace`` seconds are aborted.
        """
        self._stopping = True
        for server in self._servers:
            server.close()
        end = self.loop.time() + grace
        while self._wires and self.loop.time() < end:
            for wire in list(self._wires):
                if not wire.committing:
                    wire.hang_up(CLOSING)
            await asyncio.sleep(0.01)
        for wire in list(self._wires):
            if wire.transport is not None:
                wire.transport.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
