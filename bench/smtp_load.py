"""Sends mail by SMTP, and the servers that sodan is compared with; each is a process of its own.

python -m bench.smtp_load stock|discarding      # serve, and say on which port
python -m bench.smtp_load PORT LOAD SECONDS     # send the load with this number, print mails a second
"""

from __future__ import annotations

import asyncio
import base64
import random
import sys
import time
from collections.abc import Generator, Iterable
from itertools import repeat
from typing import Any, NamedTuple

import uvloop

CONNECTIONS = 32
WARM_UP = 0.4
LIMIT = 36_700_160


class Load(NamedTuple):
    """What is sent, and the target: at least so many times the stock server's rate."""

    name: str
    size: int
    reuse: bool
    target: float


LOADS = (
    Load("3 KB, connection reused", 3_000, True, 2.0),
    Load("3 KB, a connection per mail", 3_000, False, 1.8),
    Load("1 MB, connection reused", 1_000_000, True, 2.0),
)


def content(size: int) -> bytes:
    """A mail of about ``size`` bytes: text if it is small, an attachment in base64 if it is big."""
    head = (
        "From: Aiko <aiko@example.org>\r\nTo: help@intake.example\r\nSubject: VPN\r\nMIME-Version: 1.0\r\n"
        "Message-ID: <bench@example.org>\r\nContent-Type: "
    )
    if size < 10_000:
        line = "It does not connect since this morning, and the message is 0x80070035.\r\n"
        return (f"{head}text/plain; charset=utf-8\r\n\r\n" + line * ((size - len(head)) // len(line))).encode()
    data = base64.encodebytes(random.Random(1).randbytes(size * 57 // 78)).decode().replace("\n", "\r\n")
    return f"{head}image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n{data}".encode()


class Delivery:
    """Sends mails (name and content) over several connections, without pipelining: one command, one reply."""

    def __init__(self, mails: Iterable[tuple[str, bytes]], *, reuse: bool = True, rate: float | None = None) -> None:
        self._waiting = iter(mails)
        self._pause = 1 / rate if rate else 0.0
        self._due = 0.0
        self._more = True
        self.reuse = reuse
        self.accepted: dict[str, float] = {}
        """Time of the 250 of each mail, by the clock of the loop."""
        self.count = 0

    async def run(self, port: int) -> None:
        """Send all mails. Raises RuntimeError if one is refused."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(self._connect(port))

    async def _connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        while self._more:
            _, sender = await loop.create_connection(lambda: Sender(self), "127.0.0.1", port)
            await sender.closed

    def next_mail(self, now: float) -> tuple[str, bytes, float] | None:
        """A mail with the seconds to wait before it is sent; None after the last."""
        one = next(self._waiting, None)
        if one is None:
            self._more = False
            return None
        self._due = max(self._due + self._pause, now)
        return (*one, self._due - now)


class Sender(asyncio.Protocol):
    """One connection."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._loop = asyncio.get_running_loop()
        self._reply = b""
        self.closed = self._loop.create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._dialog = self._talk(transport)
        next(self._dialog)

    def data_received(self, data: bytes) -> None:
        self._reply += data
        last = self._reply[self._reply.rfind(b"\n", 0, -1) + 1 :]
        if not last.endswith(b"\n") or last[3:4] != b" ":
            return
        self._reply = b""
        if last[:1] not in b"23":
            self.closed.set_exception(RuntimeError(f"refused: {last.decode().strip()}"))
            self._transport.close()
        else:
            next(self._dialog, None)

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_exception(RuntimeError("the server closed the connection"))

    def _talk(self, transport: Any) -> Generator[None, None, None]:
        """The dialog: each ``yield`` waits for a reply, or for the time of the next mail."""
        delivery = self._delivery
        yield
        transport.write(b"EHLO bench.example\r\n")
        yield
        while (one := delivery.next_mail(self._loop.time())) is not None:
            name, raw, wait = one
            if wait > 0:
                self._loop.call_later(wait, next, self._dialog, None)
                yield
            transport.write(b"MAIL FROM:<aiko@example.org>\r\n")
            yield
            transport.write(b"RCPT TO:<help@intake.example>\r\n")
            yield
            transport.write(b"DATA\r\n")
            yield
            transport.write(raw + b".\r\n")
            yield
            delivery.accepted[name] = self._loop.time()
            delivery.count += 1
            if not delivery.reuse:
                break
        transport.write(b"QUIT\r\n")
        yield
        self.closed.set_result(None)
        transport.close()


async def _rate(port: int, load: Load, seconds: float) -> float:
    """Mails a second while the same mail is sent over and over."""
    delivery = Delivery(repeat(("", content(load.size))), reuse=load.reuse)
    sending = asyncio.create_task(delivery.run(port))
    await asyncio.sleep(WARM_UP)
    before, began = delivery.count, time.perf_counter()
    await asyncio.sleep(seconds)
    # big mails come in waves of one a connection: two waves at least, where the machine is not far too busy for that
    for _ in range(50):
        if sending.done() or delivery.count - before >= 2 * CONNECTIONS:
            break
        await asyncio.sleep(seconds / 10)
    rate = (delivery.count - before) / (time.perf_counter() - began)
    if sending.done():
        await sending  # raises
    sending.cancel()
    return rate


class Discard:
    """A handler that forgets what it gets."""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if hasattr(envelope, "received"):
            envelope.received.read()  # as aiosmtpd does before it calls the handler
        return "250 2.0.0 OK"


async def _serve_discarding() -> None:
    """Our own protocol with the handler of the stock server: what accepting costs without keeping."""
    from service.smtp.limits import Limits  # not imported by the load generator, whose start takes time of the run
    from service.smtp.listener import Listener

    listener = Listener(Discard(), hostname="ours.example", limits=Limits(message_bytes=LIMIT))
    await _announce(await listener.listen("127.0.0.1", 0))


async def _serve_stock() -> None:
    """aiosmtpd as it is."""
    from aiosmtpd.smtp import SMTP

    loop = asyncio.get_running_loop()
    given: dict[str, Any] = {"data_size_limit": LIMIT, "enable_SMTPUTF8": True, "hostname": "stock.example"}
    await _announce(await loop.create_server(lambda: SMTP(Discard(), loop=loop, **given), "127.0.0.1", 0, backlog=1024))


async def _announce(server: asyncio.Server) -> None:
    print(f"SMTP on 127.0.0.1:{server.sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["stock"]:
            asyncio.run(_serve_stock())  # on its own loop
        case ["discarding"]:
            uvloop.run(_serve_discarding())
        case [port, index, seconds]:
            print(uvloop.run(_rate(int(port), LOADS[int(index)], float(seconds))))
