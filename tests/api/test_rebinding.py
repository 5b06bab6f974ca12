"""Webhooks do not reach private networks (SSRF), even if a name resolves to another address at each lookup.

The tests replace name resolution, and record the addresses to which the sender connects.
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
EVENT = {"id": 7, "kind": "case.changed", "at": "2026-11-24T01:00:00Z", "case": "SD-1", "who": "", "data": {}}


class Resolver(asyncio.SelectorEventLoop):
    """An event loop that resolves names to ``answers``, one after another, and connects only to loopback."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        super().__init__()
        self.answers = list(answers)
        self.lookups: list[Any] = []
        self.connected: list[tuple[str, int]] = []

    async def getaddrinfo(self, host: Any, port: Any, **kwargs: Any) -> Any:
        self.lookups.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found
        ]

    async def sock_connect(self, sock: Any, address: Any) -> None:
        self.connected.append(address[:2])
        if not address[0].startswith("127."):
            raise ConnectionRefusedError
        await super().sock_connect(sock, address)

    def deliver(self, url: str, allowed: Any = ()) -> None:
        """Send an event to a webhook with this URL."""
        hook = LeasedWebhook(1, url, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", (), 0)
        self.run_until_complete(send(hook, EVENT, allowed, datetime.now(UTC)))


@contextmanager
def resolving(*answers: tuple[str, ...]) -> Iterator[Resolver]:
    loop = Resolver(*answers)
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_the_sender_connects_to_the_address_that_it_checked() -> None:
    with resolving((PUBLIC,), (PRIVATE,)) as loop:
        with pytest.raises(httpx.ConnectError):
            loop.deliver(f"https://{NAME}/in")
        assert (loop.lookups, loop.connected) == ([NAME], [(PUBLIC, 443)])
        with pytest.raises(Refused, match="private network"):
            loop.deliver(f"https://{NAME}/in")
        assert loop.connected == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    "addresses",
    [(PUBLIC, PRIVATE), (PRIVATE, PUBLIC), (PUBLIC, "::ffff:127.0.0.1"), (PUBLIC, "::1"), ("169.254.169.254",), (),
     ("::7f00:1",), ("fec0::1",), ("64:ff9b:1::7f00:1",), ("fe80::1%lo",), ("2002:7f00:1::",), ("ff02::1",),
     ("10.1.2.3",), ("172.16.0.1",), ("192.168.1.1",), ("100.64.0.1",), ("0.0.0.0",), ("fc00::1",), ("224.0.0.1",),
     ("255.255.255.255",)],
)  # fmt: skip
def test_a_name_with_an_address_that_is_not_public_is_refused(addresses: tuple[str, ...]) -> None:
    with resolving(addresses) as loop:
        with pytest.raises(Refused):
            loop.deliver(f"https://{NAME}/in")
        assert loop.connected == []


def test_tls_checks_the_certificate_of_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the sender connects to an address."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "first.pem"))
    requests: list[Any] = []
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _, name, __: names.append(name)
    context.load_cert_chain(CERTIFICATES / "first.pem")

    def answer(method: str, path: str, headers: Any, _body: bytes) -> Answer:
        requests.append((method, path, headers["host"]))
        return 204, b"", {}

    allowed = (ip_network("127.0.0.0/8"),)
    with http_server(answer, context) as port, resolving((PRIVATE,)) as loop:
        loop.deliver(f"https://{NAME}:{port}/in?x=1", allowed)
        assert (loop.lookups, names) == ([NAME], [NAME])
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            loop.deliver(f"https://hooks.example:{port}/in", allowed)
        assert requests == [("POST", "/in?x=1", f"{NAME}:{port}")]
