"""Limits per HTTP client: number of connections, and time to send a request.

uvicorn has no time limit for the header of a request, and no limit per address.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.api.problems import problem

REQUEST_SECONDS = 10.0
"""Time limit for a request line and header, from the start of the connection or from the previous response."""
CONNECTIONS = 900
PER_HOST = 256
"""Maximum number of connections per address; a proxy passes on the connections of many people."""


class LimitedHttpProtocol(H11Protocol):
    """HTTP/1.1 with these limits.

    Every error is sent as problem+json, even if the request could not be parsed.
    """

    _hosts: ClassVar[WeakKeyDictionary[Any, Counter[str]]] = WeakKeyDictionary()
    """For each server: number of connections per address."""
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
        self.loop.call_later(REQUEST_SECONDS, self._look)

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
    def _at_work(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _look(self) -> None:
        """Close the connection if no request was completed in time."""
        if self.transport is None or self.transport.is_closing():
            return
        left = REQUEST_SECONDS if self._at_work else self._idle_since + REQUEST_SECONDS - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self.loop.call_later(left, self._look)

    def _make_room(self, hosts: Counter[str]) -> bool:
        """Close one idle connection; return whether there was one.

        It is the one that was idle longest, preferably of the address with the most connections.
        """
        host = max(hosts, key=lambda name: hosts[name])
        others = (one for one in self.connections if isinstance(one, LimitedHttpProtocol) and one is not self)
        idle = [one for one in others if not one._at_work]
        longest = min(idle, key=lambda one: (one._host != host, one._idle_since), default=None)
        if longest is None:
            return False
        longest.transport.close()
        return True

    def send_400_response(self, msg: str) -> None:
        """Reject a request that cannot be parsed, such as an unencoded ``?q=返金``: URLs are ASCII (RFC 3986 §2)."""
        detail = "not valid HTTP (RFC 9112); percent-encode everything but ASCII in a URL: ?q=%E8%BF%94%E9%87%91"
        answer = problem(400, detail)
        headers = [*answer.raw_headers, (b"connection", b"close")]
        head = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
        for event in (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
