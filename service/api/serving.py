"""Serves the application with uvicorn, with limits per address and for slow requests."""

import asyncio
import errno
import socket
from collections import Counter
from datetime import datetime

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.api.problems import problem
from service.errors import Refused
from service.process import announce, report
from service.settings import Listen
from service.store import tokens
from service.store.database import Database

REQUEST_SECONDS = 10.0
"""Time limit for a request line and headers, from the start of the connection or the end of the previous response."""
CONNECTIONS = 900
PER_HOST = 256
"""Maximum number of connections from one address. It is high, since a proxy forwards those of many people."""


class Server(uvicorn.Server):
    """A uvicorn server that reports to the watchdog that its event loop runs."""

    async def on_tick(self, counter: int) -> bool:
        report()
        return await super().on_tick(counter)


def must_be_safe(listen: Listen, database: Database, now: datetime) -> None:
    """Raise Refused if the network can reach the server, but no token protects it."""
    if not listen.loopback and not database.read(lambda conn: tokens.any_valid(conn, now)):
        raise Refused(
            f"SODAN_HTTP_LISTEN: {listen} can be reached from the network, but there is no token: "
            "create one first with `sodan token create NAME --scope admin`"
        )


def bind(listen: Listen) -> socket.socket:
    """Return the listening socket. Raises Refused if the address of SODAN_HTTP_LISTEN cannot be used."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((listen.host, listen.port))
    except OSError as error:
        listening.close()
        used = "another process uses this address; stop it, or set another port"
        why = used if error.errno == errno.EADDRINUSE else error.strerror or error
        raise Refused(f"SODAN_HTTP_LISTEN: cannot listen on {listen}: {why}") from None
    listening.set_inheritable(True)
    return listening


def serve(app: FastAPI, listening: socket.socket, *, stop_seconds: float) -> None:
    """Serve the application until the process gets SIGTERM or SIGINT. Open event streams are closed first."""
    host, port = listening.getsockname()[:2]
    announce(f"HTTP on http://{Listen(str(host), int(port))}")
    config = uvicorn.Config(
        app,
        http=LimitedHttpProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, int(min(stop_seconds, 5))),
        h11_max_incomplete_event_size=64 * 1024,
        limit_concurrency=1000,  # second limit; LimitedHttpProtocol refuses connections before uvicorn reaches it
    )
    Server(config).run(sockets=[listening])


class LimitedHttpProtocol(H11Protocol):
    """HTTP/1.1 with limits for connections and slow requests. A malformed request gets problem+json."""

    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        hosts = Counter(other._host for other in self.connections if isinstance(other, LimitedHttpProtocol))
        if hosts[self._host] > PER_HOST or (len(self.connections) > CONNECTIONS and not self._make_room(hosts)):
            transport.close()
            return
        self.loop.call_later(REQUEST_SECONDS, self._close_if_late)

    def on_response_complete(self) -> None:
        self._idle_since = self.loop.time()
        super().on_response_complete()

    @property
    def _host(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _close_if_late(self) -> None:
        """Close the connection if the client sent no request in time; otherwise check again later."""
        if self.transport is None or self.transport.is_closing():
            return
        seconds = REQUEST_SECONDS if self._is_busy else self._idle_since + REQUEST_SECONDS - self.loop.time()
        if seconds <= 0:
            self.transport.close()
        else:
            self.loop.call_later(seconds, self._close_if_late)

    def _make_room(self, hosts: Counter[str]) -> bool:
        """Close the longest idle connection, first of the address with the most connections.

        Returns False if no connection is idle.
        """
        [(host, _)] = hosts.most_common(1)
        others = (other for other in self.connections if isinstance(other, LimitedHttpProtocol) and other is not self)
        idle = [other for other in others if not other._is_busy]
        longest = min(idle, key=lambda other: (other._host != host, other._idle_since), default=None)
        if longest is None:
            return False
        longest.transport.close()
        return True

    def send_400_response(self, msg: str) -> None:
        """Reject a request that cannot be parsed, such as ``?q=返金``. URLs are ASCII (RFC 3986 §2)."""
        detail = "not valid HTTP (RFC 9112); percent-encode everything but ASCII in a URL: ?q=%E8%BF%94%E9%87%91"
        answer = problem(400, detail)
        headers = [*answer.raw_headers, (b"connection", b"close")]
        head = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
        for event in (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
