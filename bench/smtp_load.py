"""Sends mail by SMTP, and the servers that sodan is compared with.

python -m bench.smtp_load stock|discarding      # serve in this process, and say on which port
"""

from __future__ import annotations

import asyncio
import base64
import random
import sys
import time
from collections.abc import Generator, Iterable
from functools import partial
from itertools import repeat
from typing import Any

import uvloop
from aiosmtpd.smtp import SMTP

from service.smtp.limits import Limits
from service.smtp.listener import Listener

CONNECTIONS = 32
WARM_UP = 0.4
LIMIT = 36_700_160


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
        self._mails, self._more, self._reuse = iter(mails), True, reuse
        self._pause, self._due = 1 / rate if rate else 0.0, 0.0
        self.count = 0
        self.accepted: dict[str, float] = {}
        """Time of the 250 of each mail."""

    async def run(self, port: int) -> None:
        """Send all mails. Raises ExceptionGroup if one is refused."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(self._connect(port))

    async def _connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        while self._more:
            closed = loop.create_future()
            one = partial(Connection, self._dialog(), closed)
            transport, _ = await loop.create_connection(one, "127.0.0.1", port)
            try:
                if error := await closed:
                    raise error
            finally:
                transport.abort()

    def _dialog(self) -> Generator[bytes | float, None, None]:
        """What one connection sends, each after a reply; or the seconds until it goes on."""
        yield b"EHLO bench.example\r\n"
        for name, raw in self._mails:
            now = time.monotonic()
            self._due = max(self._due + self._pause, now)
            if self._due > now:
                yield self._due - now
            yield b"MAIL FROM:<aiko@example.org>\r\n"
            yield b"RCPT TO:<help@intake.example>\r\n"
            yield b"DATA\r\n"
            yield raw + b".\r\n"
            self.accepted[name] = time.monotonic()
            self.count += 1
            if not self._reuse:
                break
        else:
            self._more = False
        yield b"QUIT\r\n"


class Connection(asyncio.Protocol):
    """Leads one dialog."""

    def __init__(self, dialog: Generator[bytes | float, None, None], closed: asyncio.Future[Exception | None]) -> None:
        self._dialog, self._closed, self._reply = dialog, closed, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reply += data
        last = self._reply[self._reply.rfind(b"\n", 0, -1) + 1 :]
        if last.endswith(b"\n") and last[3:4] == b" ":
            self._reply = b""
            if last[:1] in b"23":
                self._go_on()
            else:
                self._end(RuntimeError(f"refused: {last.decode().strip()}"))

    def connection_lost(self, error: Exception | None) -> None:
        self._end(error or RuntimeError("the server closed the connection"))

    def _go_on(self) -> None:
        step = next(self._dialog, None)
        if step is None:
            self._end()
        elif isinstance(step, bytes):
            self._transport.write(step)
        else:
            asyncio.get_running_loop().call_later(step, self._go_on)

    def _end(self, error: Exception | None = None) -> None:
        if not self._closed.done():
            self._closed.set_result(error)


async def rate_of(port: int, mail: bytes, reuse: bool, seconds: float) -> float:
    """Mails a second while the same mail is sent over and over, all or one by each connection."""
    delivery = Delivery(repeat(("", mail)), reuse=reuse)
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


async def _serve(name: str) -> None:
    """``stock``: aiosmtpd as it is. ``discarding``: our own protocol with the same handler, so nothing is kept."""
    loop = asyncio.get_running_loop()
    if name == "stock":
        given: dict[str, Any] = {"data_size_limit": LIMIT, "enable_SMTPUTF8": True, "hostname": "stock.example"}
        server = await loop.create_server(lambda: SMTP(Discard(), loop=loop, **given), "127.0.0.1", 0, backlog=1024)
    else:
        listener = Listener(Discard(), hostname="ours.example", limits=Limits(message_bytes=LIMIT))
        server = await listener.listen("127.0.0.1", 0)
    print(f"SMTP on 127.0.0.1:{server.sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    (asyncio if sys.argv[1] == "stock" else uvloop).run(_serve(sys.argv[1]))  # stock: on its own loop
