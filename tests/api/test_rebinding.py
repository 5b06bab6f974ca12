"""Webhooks as a way into our own network (SSRF), tried with names that answer differently each time they are asked.

The resolver is the test's own, below everything that sends; what is connected to is seen below it too.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.webhook_delivery import send
from service.errors import Refused
from service.store.webhooks import LeasedWebhook
from tests.mailbox.provider import Answer, http_server

CERTIFICATES = Path(__file__).parents[1] / "smtp" / "certificates"
PUBLIC, PRIVATE, NAME = "93.184.215.14", "127.0.0.1", "mx.intake.example"
HOME = (ip_network("127.0.0.0/8"),)
EVENT = {"id": 7, "kind": "case.changed", "at": "2026-11-24T01:00:00Z", "case": "SD-1", "who": "", "data": {}}


class Deceived(asyncio.SelectorEventLoop):
    """A loop whose names mean what the test says, each time anew; beyond loopback nobody answers."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[Any] = []
        self.connected: list[tuple[str, int]] = []

    async def getaddrinfo(self, host: Any, port: Any, **kwargs: Any) -> Any:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found
        ]

    async def sock_connect(self, sock: Any, address: Any) -> None:
        self.connected.append(address[:2])
        if not address[0].startswith("127."):
            raise ConnectionRefusedError
        await super().sock_connect(sock, address)


@contextmanager
def deceived(*answers: tuple[str, ...]) -> Iterator[Deceived]:
    loop = Deceived(*answers)
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def told(loop: Deceived, url: str, allowed: Any = ()) -> None:
    hook = LeasedWebhook(1, url, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", (), 0)
    loop.run_until_complete(send(hook, EVENT, allowed, datetime.now(UTC)))


def test_a_name_that_is_public_when_asked_and_private_a_moment_later_leads_nowhere_private() -> None:
    with deceived((PUBLIC,), (PRIVATE,)) as loop:
        with pytest.raises(httpx.ConnectError):
            told(loop, f"https://{NAME}/in")
        assert loop.asked == [NAME]  # once: what was checked is what is connected to
        assert loop.connected == [(PUBLIC, 443)]
        with pytest.raises(Refused, match="private network"):
            told(loop, f"https://{NAME}/in")
        assert loop.connected == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    "answer",
    [(PUBLIC, PRIVATE), (PRIVATE, PUBLIC), (PUBLIC, "::ffff:127.0.0.1"), (PUBLIC, "::1"), ("169.254.169.254",), (),
     ("::7f00:1",), ("fec0::1",), ("64:ff9b:1::7f00:1",), ("fe80::1%lo",), ("2002:7f00:1::",), ("ff02::1",),
     ("10.1.2.3",), ("172.16.0.1",), ("192.168.1.1",), ("100.64.0.1",), ("0.0.0.0",), ("fc00::1",), ("224.0.0.1",),
     ("255.255.255.255",)],
)  # fmt: skip
def test_a_name_of_which_one_address_is_not_public_is_refused_before_any_connection(answer: tuple[str, ...]) -> None:
    with deceived(answer) as loop:
        with pytest.raises(Refused):
            told(loop, f"https://{NAME}/in")
        assert loop.connected == []


@contextmanager
def answering(status: int = 204, certificate: str = "") -> Iterator[tuple[int, list[Any], list[str | None]]]:
    """A server on loopback: its port, request lines and headers that it was sent, and the names asked for in TLS."""
    heard: list[Any] = []
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _, name, __: names.append(name)
    if certificate:
        context.load_cert_chain(CERTIFICATES / certificate)

    def answer(method: str, path: str, headers: Any, _body: bytes) -> Answer:
        heard.append((f"{method} {path}", [(name.lower(), value) for name, value in headers.items()]))
        return status, b"", {"Location": "http://10.0.0.1/"}

    with http_server(answer, context if certificate else None) as port:
        yield port, heard, names


def test_in_tls_the_name_stays_the_name_and_must_be_that_of_the_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although an address is connected to."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "first.pem"))
    with answering(certificate="first.pem") as (port, heard, names), deceived((PRIVATE,)) as loop:
        told(loop, f"https://{NAME}:{port}/in?x=1", HOME)
        assert (loop.asked, names, len(heard)) == ([NAME], [NAME], 1)
        [(request, headers)] = heard
        assert (request, dict(headers)["host"]) == ("POST /in?x=1", f"{NAME}:{port}")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            told(loop, f"https://hooks.example:{port}/in", HOME)
        assert len(heard) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_into_our_network_is_a_failure_and_not_followed(status: int) -> None:
    with answering(status) as (port, heard, _), deceived((PRIVATE,)) as loop:
        with pytest.raises(httpx.HTTPError, match=f"the response was {status}"):
            told(loop, f"http://{NAME}:{port}/in", HOME)
        assert (loop.connected, len(heard)) == ([(PRIVATE, port)], 1)


@pytest.mark.parametrize("evil", ["/in\r\nX-Evil: 1", "/in?a=\r\nX-Evil: 1", "/%0d%0aX-Evil:%201", ":80\r\nX-Evil: 1/"])
def test_what_is_sent_out_has_the_headers_that_we_write_and_no_others(evil: str) -> None:
    """Also where a URL got past the door, such as by a database that somebody edited."""
    with answering() as (port, heard, _), deceived((PRIVATE,)) as loop:
        try:
            told(loop, f"http://{NAME}:{port}{evil}" if evil[0] == "/" else f"http://{NAME}{evil}", HOME)
        except (Refused, ValueError, httpx.HTTPError, httpx.InvalidURL):
            assert not heard
    for _, headers in heard:
        names = [name for name, _ in headers]
        assert "x-evil" not in names
        assert sorted(set(names)) == sorted(names)
