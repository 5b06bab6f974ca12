"""Idle connections, endless headers and bodies without limit keep nobody from being answered over HTTP."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from service.api import connections
from tests.running import Running


def connect(service: Running) -> socket.socket:
    parts = urlsplit(service.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)


def until_closed(held: socket.socket) -> bytes:
    """What the other side said until it closed."""
    said = b""
    while True:
        try:
            more = held.recv(65_536)
        except ConnectionError:
            return said
        if not more:
            return said
        said += more


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(connections, "BODY_SECONDS", 0.5)


BEGINNINGS = [
    b"",
    b"G",
    b"GET / HTTP/1.1\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b",
    b"\r\n",
]


@pytest.mark.parametrize("sent", BEGINNINGS, ids=range(len(BEGINNINGS)))
@pytest.mark.usefixtures("hasty")
def test_a_connection_without_a_whole_request_is_closed(embedded: Running, sent: bytes) -> None:
    with connect(embedded) as held:
        held.sendall(sent)
        until_closed(held)


@pytest.mark.usefixtures("hasty")
def test_a_header_that_drips_is_closed(embedded: Running) -> None:
    with connect(embedded) as held:
        held.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ")
        ends = time.monotonic() + 60
        try:
            while time.monotonic() < ends:
                held.sendall(b"a")
                time.sleep(0.05)
        except OSError:
            return
    raise AssertionError("it was never closed")


@pytest.mark.usefixtures("hasty")
def test_a_connection_that_asked_once_is_closed_too(embedded: Running) -> None:
    with connect(embedded) as held:
        held.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert until_closed(held).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("held", [8, 30])
def test_idle_connections_make_room_for_those_that_ask(
    embedded: Running, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS", 8)
    with ExitStack() as stack:
        for _ in range(held):
            stack.enter_context(connect(embedded))
        for _ in range(3):
            assert embedded.client.get("/healthz").status_code == 200


def test_one_address_has_a_share(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PER_HOST", 5)
    embedded.client.close()
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(connect(embedded)).sendall(b"G")
        with connect(embedded) as more:
            until_closed(more)
