"""Sends the same mail over and over by SMTP, and the servers it is compared with; each is a process of its own.

    python -m bench.smtp_load stock|discarding      # serve, and say on which port
    python -m bench.smtp_load PORT LOAD SECONDS     # send the load with this number, print mails a second

It speaks plainly: no pipelining, one command, one reply.
"""

from __future__ import annotations

import asyncio
import base64
import random
import sys
import time
from dataclasses import dataclass
from typing import Any

import uvloop

CONNECTIONS = 32
WARM_UP = 0.4


@dataclass(frozen=True)
class Load:
    """What is sent, and what was promised: at least so many times the stock server's rate."""

    name: str
    size: int
    keep: bool
    promised: float


LOADS = (
    Load("3 KB, connection kept", 3_000, True, 2.0),
    Load("3 KB, one mail a connection", 3_000, False, 1.8),
    Load("1 MB, connection kept", 1_000_000, True, 2.0),
)


def content(size: int) -> bytes:
    """A mail of about ``size`` bytes as it goes over the wire: text where small, an attachment in base64 where big."""
    head = (
        "From: Aiko <aiko@example.org>\r\nTo: help@intake.example\r\nSubject: VPN\r\nMIME-Version: 1.0\r\n"
        "Message-ID: <bench@example.org>\r\nContent-Type: "
    )
    if size < 10_000:
        line = "It does not connect since this morning, and the message is 0x80070035.\r\n"
        text = f"{head}text/plain; charset=utf-8\r\n\r\n" + line * ((size - len(head)) // len(line))
    else:
        data = base64.encodebytes(random.Random(1).randbytes(size * 57 // 78)).decode().replace("\n", "\r\n")
        text = f"{head}image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n{data}"
    return text.encode() + b".\r\n"


# ── the load generator ──


class Sender(asyncio.Protocol):
    """One connection that sends mail after mail until it is told to stop."""

    def __init__(self, load: Load, state: dict[str, Any]) -> None:
        self._load = load
        self._state = state
        self._content: bytes = b""
        self._step = 0
        self._reply = b""

    def next_mail(self) -> bytes | None:
        """What to send next; None: nothing now, and whoever has more calls ``begin``."""
        content: bytes = self._state["content"]
        return content

    def taken(self) -> None:
        """The mail was answered with 250."""
        self._state["sent"] += 1

    def begin(self) -> None:
        """Send the next mail, if there is one."""
        content = self.next_mail()
        if content is not None:
            self._content = content
            self._step = 2
            self._transport.write(b"MAIL FROM:<aiko@example.org>\r\n")

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reply += data
        if not self._reply.endswith(b"\n"):
            return
        last = self._reply[self._reply.rfind(b"\n", 0, -1) + 1 :]
        if last[3:4] != b" ":
            return
        self._reply = b""
        if last[:1] not in b"23":
            self._state["refused"] = last.decode().strip()
            self._transport.close()
            return
        step, self._step = self._step, self._step + 1
        if step == 0:
            self._transport.write(b"EHLO bench.example\r\n")
        elif step == 1:
            self.begin()
        elif step == 2:
            self._transport.write(b"RCPT TO:<help@intake.example>\r\n")
        elif step == 3:
            self._transport.write(b"DATA\r\n")
        elif step == 4:
            self._transport.write(self._content)
        elif step == 5:
            self.taken()
            if self._load.keep:
                self.begin()
            else:
                self._transport.write(b"QUIT\r\n")
        else:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._load.keep and not self._state["over"]:
            self._state["connect"]()


async def _send(port: int, load: Load, seconds: float) -> tuple[float, str]:
    loop = asyncio.get_running_loop()
    state: dict[str, Any] = {"sent": 0, "over": False, "refused": "", "content": content(load.size)}
    connecting: set[asyncio.Task[Any]] = set()

    def connect() -> None:
        task = loop.create_task(loop.create_connection(lambda: Sender(load, state), "127.0.0.1", port))
        connecting.add(task)
        task.add_done_callback(connecting.discard)

    state["connect"] = connect
    for _ in range(CONNECTIONS):
        connect()
    await asyncio.sleep(WARM_UP)
    before, began = state["sent"], time.perf_counter()
    await asyncio.sleep(seconds)
    # big mails come in waves of one a connection: two waves at least, where the machine is not far too busy for that
    for _ in range(50):
        if state["sent"] - before >= 2 * CONNECTIONS:
            break
        await asyncio.sleep(seconds / 10)
    rate = (state["sent"] - before) / (time.perf_counter() - began)
    state["over"] = True
    return rate, state["refused"]


def _generate(port: int, index: int, seconds: float) -> None:
    rate, refused = uvloop.run(_send(port, LOADS[index], seconds))
    if refused:
        sys.exit(f"refused: {refused}")
    print(rate)


# ── the servers ──


class Discard:
    """A handler that forgets what it gets."""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if hasattr(envelope, "received"):
            envelope.received.read()  # as aiosmtpd does before it calls the handler
        return "250 2.0.0 OK"


def _discarding() -> None:
    """Our own protocol with the handler of the stock server: what accepting costs without keeping."""
    from service.smtp.limits import Limits  # not imported by the load generator, whose start takes time of the run
    from service.smtp.listener import Listener

    async def serve() -> None:
        listener = Listener(Discard(), hostname="ours.example", limits=Limits(message_bytes=36_700_160))
        server = await listener.listen("127.0.0.1", 0)
        print(f"SMTP on 127.0.0.1:{server.sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)
        await asyncio.Event().wait()

    uvloop.run(serve())


def _stock() -> None:
    """aiosmtpd as it is, on its own loop."""
    from aiosmtpd.smtp import SMTP

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        limit = 36_700_160
        server = await loop.create_server(
            lambda: SMTP(Discard(), data_size_limit=limit, enable_SMTPUTF8=True, hostname="stock.example", loop=loop),
            "127.0.0.1",
            0,
            backlog=1024,
        )
        print(f"SMTP on 127.0.0.1:{server.sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["stock"]:
            _stock()
        case ["discarding"]:
            _discarding()
        case [port, index, seconds]:
            _generate(int(port), int(index), float(seconds))
