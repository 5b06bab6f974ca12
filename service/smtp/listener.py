"""All connections of one listening address: admission, shared state, timeouts and shutdown.

    listener = Listener(handler, hostname="mx.example", limits=Limits(), tls=ServerTls(certificate, key))
    server = await listener.listen("127.0.0.1", 8025)
    …
    await listener.stop(grace=20)

``handler`` has aiosmtpd's hooks for MAIL, RCPT and DATA (at least DATA). Its optional ``refuse_connection(peer)`` may
refuse a client with a reply. Shared state makes a connection cheap: aiosmtpd's class inspects itself and its handler
for every connection, and sets a timer for every command.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.smtp.budget import Budget
from service.smtp.limits import FAILED_LOGINS, Limits, neighbourhood, network_of
from service.smtp.lmtp import Lmtp
from service.smtp.loops import Rate
from service.smtp.passwords import Passwords
from service.smtp.protocol import Protocol
from service.smtp.tls import ServerTls
from service.smtp.wire import Wire

CLOSING = "421 4.3.2 server is shutting down, please try again later"


class Listener:
    """What the sessions of one listening address share. Create it within the running loop."""

    def __init__(
        self,
        handler: Any,
        *,
        hostname: str,
        limits: Limits | None = None,
        tls: ServerTls | None = None,
        require_tls: bool = False,
        passwords: Passwords | None = None,
        require_login: bool = False,
        lmtp: bool = False,
        budget: Budget | None = None,
        guesses: Rate | None = None,
        folder: Path | None = None,
    ) -> None:
        """``budget`` and ``guesses`` are shared by the listeners of a process; ``folder`` is for large messages."""
        self.loop = asyncio.get_running_loop()
        self.handler = handler
        self.hostname = hostname
        self.limits = limits or Limits()
        self.tls = tls
        self.require_tls = require_tls
        self.passwords = passwords
        self.require_login = require_login
        self.stopping = False
        self.budget = budget or Budget(self.limits.at_once_bytes, self.loop.time)
        self.guesses = guesses or Rate(FAILED_LOGINS, self.loop.time)
        self.folder = folder
        self.hooks: dict[str, Callable[..., Any]] = {
            name.removeprefix("handle_"): getattr(handler, name) for name in dir(handler) if name.startswith("handle_")
        }
        self._refuse: Callable[[str | None], str | None] = getattr(handler, "refuse_connection", lambda _: None)
        self._class = Lmtp if lmtp else Protocol
        self.commands: dict[str, Callable[..., Any]] = {
            name.removeprefix("smtp_"): getattr(self._class, name)
            for name in dir(self._class)
            if name.startswith("smtp_")
        }
        self._servers: list[asyncio.Server] = []
        self._wires: set[Wire] = set()
        self._by_host: Counter[str] = Counter()
        self._by_network: Counter[str] = Counter()
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Start accepting connections. Raises OSError if the address is not available."""
        server = await self.loop.create_server(self, host, port, backlog=1024, reuse_address=True)
        self._servers.append(server)
        return server

    def __call__(self) -> Protocol:
        """Return a protocol for a new connection."""
        return self._class(self)

    @property
    def connections(self) -> int:
        return len(self._wires)

    # ── connections ──

    def join(self, wire: Wire) -> str | None:
        host = wire.host
        near = neighbourhood(host)
        self._wires.add(wire)
        self._by_host[near] += 1
        self._by_network[network_of(host)] += 1
        if self._sweeper is None:
            self._sweep()
        if self.stopping:
            return CLOSING
        if not self.limits.admits(host):
            return f"554 {self.hostname} accepts no mail from your address"
        if self._by_host[near] > self.limits.connections_per_host:
            return "421 4.7.0 too many connections from your address, please try again later"
        if len(self._wires) > self.limits.connections and not self._make_room(network_of(host)):
            return "421 4.7.0 too many connections, please try again later"
        return self._refuse(host)

    def _make_room(self, newcomer: str) -> bool:
        """Close the longest idle session of the network with most connections, unless that is the newcomer's network.

        Returns whether one was closed.
        """
        network, most = max(self._by_network.items(), key=lambda item: item[1])
        if network == newcomer or most <= self._by_network[newcomer]:
            return False
        idle = [
            wire
            for wire in self._wires
            if not wire.committing and not wire.hung_up and network_of(wire.host) == network
        ]
        if not idle:
            return False
        min(idle, key=lambda wire: wire.quiet_since).hang_up(
            "421 4.7.0 connection was idle and is needed, please try again later"
        )
        return True

    def leave(self, wire: Wire) -> None:
        if wire not in self._wires:
            return
        self._wires.discard(wire)
        near = neighbourhood(wire.host)
        self._by_host[near] -= 1
        if not self._by_host[near]:
            del self._by_host[near]
        network = network_of(wire.host)
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]

    def _sweep(self) -> None:
        now = self.loop.time()
        for wire in list(self._wires):
            wire.sweep(now)
        self._sweeper = self.loop.call_later(min(1.0, self.limits.timeout / 4), self._sweep) if self._wires else None

    async def stop(self, grace: float) -> None:
        """Accept no more connections and close all: those with a pending commit after its reply, others at once.

        Connections still open after ``grace`` seconds are aborted.
        """
        self.stopping = True
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
