"""Idle connections, endless headers and bodies without limit keep nobody from being answered over HTTP."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest

from service.api import bodies, events, serving
from tests.running import Running
from tests.served import wait_until

LIMIT = bodies.BODY_BYTES


def connect(service: Running) -> socket.socket:
    parts = urlsplit(service.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)


def until_closed(held: socket.socket) -> bytes:
    """What the other side said until it closed."""
    said = b""
    with suppress(ConnectionError):
        while more := held.recv(65_536):
            said += more
    return said


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.5)


BEGINNING = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b"
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LISTEN = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("sent", [*(BEGINNING[:size] for size in (0, 1, 16, 33, 40)), b"\r\n", REQUEST])
@pytest.mark.usefixtures("hasty")
def test_a_connection_without_a_whole_request_or_after_one_is_closed(empty: Running, sent: bytes) -> None:
    with connect(empty) as held:
        held.sendall(sent)
        assert until_closed(held).startswith(b"HTTP/1.1 200") or sent != REQUEST


@pytest.mark.usefixtures("hasty")
def test_a_header_that_drips_is_closed(empty: Running) -> None:
    with connect(empty) as held, pytest.raises(OSError, match=r"reset|Broken pipe"):
        drip(held)


def drip(held: socket.socket) -> None:
    held.sendall(BEGINNING)
    for _ in range(1200):
        held.sendall(b"a")
        time.sleep(0.05)


def test_idle_connections_make_room_for_those_that_ask(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CONNECTIONS", 8)
    with ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(connect(embedded))
        for _ in range(3):
            assert embedded.client.get("/healthz").status_code == 200


def test_one_address_has_a_share(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PER_HOST", 5)
    embedded.client.close()
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(connect(embedded)).sendall(b"G")
        with connect(embedded) as more:
            until_closed(more)


def test_connections_that_went_are_not_counted(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PER_HOST", 5)
    for _ in range(40):
        with connect(embedded) as held:
            held.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert until_closed(held).startswith(b"HTTP/1.1 200")


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
def test_a_body_over_the_limit_is_not_read(empty: Running, request_line: str, declared: bool) -> None:
    method, path = request_line.split()
    body = json.dumps({"url": "x" * (LIMIT + 10)}).encode() if declared else chunks(LIMIT * 3)
    try:
        answer = empty.client.request(method, path, content=body, headers={"Content-Type": "application/json"})
    except OSError:
        return  # closed on unread bytes
    except Exception as error:
        assert "Write" in type(error).__name__ or "Read" in type(error).__name__  # noqa: PT017
        return
    assert answer.status_code in (401, 403, 404, 405, 413)
    if answer.status_code == 413:
        assert answer.headers["content-type"] == "application/problem+json"
        assert str(LIMIT) in answer.json()["detail"]


def test_a_body_of_the_limit_is_read(embedded: Running) -> None:
    body = json.dumps({"url": "https://hooks.example/", "kinds": []}).encode()
    body += b" " * (LIMIT - len(body))
    headers = {"Content-Type": "application/json"}
    assert embedded.client.post("/api/webhooks", content=body, headers=headers).status_code == 201


@pytest.mark.usefixtures("hasty")
def test_a_body_that_drips_gets_408_or_is_closed(empty: Running) -> None:
    with connect(empty) as held:
        held.sendall(
            b"POST /api/webhooks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        said = until_closed(held)
    assert b" 408 " in said.partition(b"\r\n")[0] or said == b""


def test_the_limit_of_listeners_holds_for_those_that_come_at_once(
    embedded: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_LISTENERS", 4)
    ready = threading.Barrier(16)

    def listen(_: int) -> bytes:
        with connect(embedded) as held:
            ready.wait(30)
            held.sendall(LISTEN)
            answer = held.recv(12)
            ready.wait(60)
            return answer

    with ThreadPoolExecutor(16) as listeners:
        answers = sorted(listeners.map(listen, range(16)))
    assert answers == [b"HTTP/1.1 200"] * 4 + [b"HTTP/1.1 503"] * 12


def test_listeners_that_went_give_their_place_back(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_LISTENERS", 2)

    def is_heard() -> bool:
        with connect(embedded) as held:
            held.sendall(LISTEN)
            return held.recv(12) == b"HTTP/1.1 200"

    for _ in range(6):
        wait_until(is_heard)
