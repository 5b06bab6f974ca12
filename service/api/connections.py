"""Limits the number of HTTP connections of an address, and the time to send a request. uvicorn has no such limits."""

import asyncio
from collections import Counter
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.api.problems import problem

REQUEST_SECONDS = 10.0
"""Time limit for a request line and headers, from the start of the connection or the end of the previous response."""
CONNECTIONS = 900
PER_HOST = 256
"""Maximum number of connections from one address. It is high, since a proxy forwards those of many people."""


class LimitedHttpProtocol(H11Protocol):
    """HTTP/1.1 with these limits. A request that cannot be parsed is answered by problem+json too."""

    _hosts: ClassVar[WeakKeyDictionary[Any, Counter[str]]] = WeakKeyDictionary()
    """Server → address → number of connections."""
    _idle_since = 0.0
    _counted = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        hosts = self._hosts.setdefault(self.config, Counter())
        hosts[self._host] += 1
        self._counted = True
        if hosts[self._host] > PER_HOST or (len(self.connections) > CONNECTIONS and not self._make_room(hosts)):
            transport.close()
            return
        self.loop.call_later(REQUEST_SECONDS, self._close_if_late)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        hosts = self._hosts.get(self.config)
        if hosts is not None and self._counted:
            self._counted = False
            hosts[self._host] -= 1
            if not hosts[self._host]:
                del hosts[self._host]

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
        """Close an idle connection, and return whether there was one.

        If possible, it is a connection of the address with the most connections; of these, the one idle for longest.
        """
        host = max(hosts, key=lambda name: hosts[name])
        others = (other for other in self.connections if isinstance(other, LimitedHttpProtocol) and other is not self)
        idle = [other for other in others if not other._is_busy]
        longest = min(idle, key=lambda other: (other._host != host, other._idle_since), default=None)
        if longest is None:
            return False
        longest.transport.close()
        return True

    def send_400_response(self, msg: str) -> None:
        """Reject a request that cannot be parsed, for example because of ``?q=返金``: URLs are ASCII (RFC 3986 §2)."""
        detail = "not valid HTTP (RFC 9112); percent-encode everything but ASCII in a URL: ?q=%E8%BF%94%E9%87%91"
        answer = problem(400, detail)
        headers = [*answer.raw_headers, (b"connection", b"close")]
        head = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
        for event in (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
