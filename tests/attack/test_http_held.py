"""Limits of HTTP: idle connections, endless headers and endless bodies do not keep others from being answered."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from service.api import bodies, events, serving
from tests.running import Running
from tests.served import wait_until

LIMIT = bodies.BODY_BYTES
BEGINNING = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b"
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
CLOSING = REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
LISTEN = REQUEST.replace(b"/healthz", b"/api/events")
BODY_BEGINNING = (
    b"POST /api/webhooks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
)
JSON = {"Content-Type": "application/json"}


def connect(service: Running) -> socket.socket:
    parts = urlsplit(service.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)


def until_closed(connection: socket.socket) -> bytes:
    """Return what the server sends until it closes the connection."""
    answer = b""
    with suppress(ConnectionError):
        while more := connection.recv(65_536):
            answer += more
    return answer


@pytest.fixture
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.5)


@pytest.mark.parametrize("sent", [*(BEGINNING[:size] for size in (0, 1, 16, 33, 40)), b"\r\n", REQUEST])
@pytest.mark.usefixtures("short_times")
def test_a_connection_without_a_further_request_is_closed(empty: Running, sent: bytes) -> None:
    with connect(empty) as connection:
        connection.sendall(sent)
        assert until_closed(connection).startswith(b"HTTP/1.1 200") or sent != REQUEST


@pytest.mark.usefixtures("short_times")
def test_a_slow_header_is_cut_off(empty: Running) -> None:
    with connect(empty) as connection, pytest.raises(OSError, match=r"reset|Broken pipe"):
        send_slowly(connection)


def send_slowly(connection: socket.socket) -> None:
    connection.sendall(BEGINNING)
    for _ in range(1200):
        connection.sendall(b"a")
        time.sleep(0.05)


@pytest.mark.usefixtures("short_times")
def test_a_slow_body_gets_408_or_is_cut_off(empty: Running) -> None:
    with connect(empty) as connection:
        connection.sendall(BODY_BEGINNING)
        answer = until_closed(connection)
    assert b" 408 " in answer.partition(b"\r\n")[0] or answer == b""


def test_idle_connections_are_closed_for_new_ones(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CONNECTIONS", 8)
    with ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(connect(embedded))
        for _ in range(3):
            assert embedded.client.get("/healthz").status_code == 200


def test_the_connections_of_one_address_are_limited(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PER_HOST", 5)
    embedded.client.close()
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(connect(embedded)).sendall(b"G")
        with connect(embedded) as more:
            until_closed(more)


def test_closed_connections_do_not_count(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PER_HOST", 5)
    for _ in range(40):
        with connect(embedded) as connection:
            connection.sendall(CLOSING)
            assert until_closed(connection).startswith(b"HTTP/1.1 200")


def chunks(size: int) -> Iterator[bytes]:
    yield b'{"url": "'
    for _ in range(size // 50_000):
        yield b"x" * 50_000
    yield b'"}'


WRITING = (
    "POST /api/webhooks", "PATCH /api/cases/SD-1", "POST /api/cases/SD-1/merge", "POST /api/spool/x/retry",
    "POST /login", "PUT /api/nowhere",
)  # fmt: skip


@pytest.mark.parametrize("request_line", WRITING)
@pytest.mark.parametrize("declared", [True, False], ids=["length", "chunked"])
def test_a_body_over_the_limit_is_refused(empty: Running, request_line: str, declared: bool) -> None:
    method, path = request_line.split()
    body = json.dumps({"url": "x" * (LIMIT + 10)}).encode() if declared else chunks(LIMIT * 3)
    with suppress(OSError, httpx.WriteError, httpx.ReadError):  # the server closes before it has read everything
        answer = empty.client.request(method, path, content=body, headers=JSON)
        assert answer.status_code in (401, 403, 404, 405, 413)
        if answer.status_code == 413:
            assert answer.headers["content-type"] == "application/problem+json"
            assert str(LIMIT) in answer.json()["detail"]


def test_a_body_of_the_maximum_size_is_read(embedded: Running) -> None:
    body = json.dumps({"url": "https://hooks.example/", "kinds": []}).encode().ljust(LIMIT)
    assert embedded.client.post("/api/webhooks", content=body, headers=JSON).status_code == 201


def test_listeners_that_connect_at_once_are_limited(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_LISTENERS", 4)
    ready = threading.Barrier(16)

    def listen(_: int) -> bytes:
        with connect(embedded) as connection:
            ready.wait(30)
            connection.sendall(LISTEN)
            answer = connection.recv(12)
            ready.wait(60)
            return answer

    with ThreadPoolExecutor(16) as listeners:
        answers = sorted(listeners.map(listen, range(16)))
    assert answers == [b"HTTP/1.1 200"] * 4 + [b"HTTP/1.1 503"] * 12


def test_listeners_that_left_do_not_count(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_LISTENERS", 2)

    def is_admitted() -> bool:
        with connect(embedded) as connection:
            connection.sendall(LISTEN)
            return connection.recv(12) == b"HTTP/1.1 200"

    for _ in range(6):
        wait_until(is_admitted)
