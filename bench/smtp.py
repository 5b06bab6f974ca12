"""Compares sodan's SMTP with stock aiosmtpd that discards the mail. Each server runs in a process of its own.

    python -m bench --only accept through
    python -m bench.smtp        # the server that sodan is compared with; it prints its port

``accept`` measures how many mails per second `sodan smtp` accepts, durable before the 250, on SQLite and on a
PostgreSQL that flushes every commit. This process sends to one server at a time, in turns, on the same cores.

``through`` measures on `sodan serve`: the rate of mails of the mix until the API shows them; at half that rate, the
time from the 250 until the API shows a mail; and the resident memory of each process.
"""

import asyncio
import contextlib
import os
import random
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from email.message import EmailMessage
from itertools import cycle, takewhile
from pathlib import Path
from typing import Any

import httpx
import uvloop
from aiosmtpd.smtp import SMTP

from bench.harness import INTAKE, Figure, databases, listening, opened, ratio, serving
from bench.mix import POLICY, Made, mails
from tests.served import Served

CONNECTIONS = 32
ROUNDS = 3
LOADS = {
    "3 KB, connection reused": (3_000, True, 2.0),
    "3 KB, a connection per mail": (3_000, False, 1.8),
    "1 MB, connection reused": (1_000_000, True, 2.0),
}
"""Size of a mail in bytes, whether a connection is reused, and the target (a multiple of the stock server's rate)."""
LIMIT = 36_700_160
TARGETS = {"sqlite": 0.6, "postgresql": 0.5}
FOLLOWED = 40
PATIENCE = 180.0  # seconds after which the API must show all mails


class Sender:
    """Sends mails over several connections, without pipelining: one command, one reply.

    No line of a mail may begin with a dot. ``rate``: mails a second; as many as possible if none is given.
    """

    def __init__(self, made: Iterable[Made], *, reuse: bool = True, rate: float | None = None) -> None:
        self._mails, self._more, self._reuse = iter(made), True, reuse
        self._pause, self._due = 1 / rate if rate else 0.0, 0.0
        self.count = 0
        self.accepted: dict[str, float] = {}  # Message-ID → time of the last 250

    async def run(self, port: int) -> None:
        """Send all mails. Raises ExceptionGroup if one is refused."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(self._connect(port))

    async def _connect(self, port: int) -> None:
        while self._more:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.closing(writer):
                await self._dialog(reader, writer)

    async def _dialog(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(command: bytes) -> None:
            writer.write(command)
            while (line := await reader.readuntil(b"\n"))[3:4] == b"-":
                pass
            if line[:1] not in b"23":
                raise RuntimeError(f"refused: {line.decode().strip()}")

        await say(b"")
        await say(b"EHLO bench.example\r\n")
        for one in self._mails:
            if self._pause:
                self._due = max(self._due + self._pause, now := time.monotonic())
                await asyncio.sleep(self._due - now)
            await say(b"MAIL FROM:<aiko@example.org>\r\n")
            await say(f"RCPT TO:<{INTAKE}>\r\n".encode())
            await say(b"DATA\r\n")
            await say(one.content + b"\r\n.\r\n")
            self.accepted[one.message_id] = time.monotonic()
            self.count += 1
            if not self._reuse:
                break
        else:
            self._more = False
        await say(b"QUIT\r\n")


def rate_of(port: int, made: Sequence[Made], seconds: float, *, reuse: bool = True) -> float:
    """Send these mails again and again for so many seconds. Return the accepted mails per second."""
    began = time.monotonic()
    sender = Sender(takewhile(lambda _: time.monotonic() < began + seconds, cycle(made)), reuse=reuse)
    uvloop.run(sender.run(port))
    return sender.count / (time.monotonic() - began)


def mail_of(size: int) -> Made:
    """Return a mail of about ``size`` bytes: text if it is small, a picture if it is large."""
    message, line = EmailMessage(POLICY), "It does not connect since this morning, and the message is 0x80070035.\n"
    message["From"], message["To"], message["Subject"] = "Aiko <aiko@example.org>", INTAKE, "VPN"
    message["Message-ID"] = "<bench@example.org>"
    if size < 10_000:
        message.set_content(line * (size // len(line)), cte="8bit")
    else:
        message.set_content(random.Random(1).randbytes(size * 57 // 78), "image", "png")
    return Made("<bench@example.org>", message.as_bytes())


@contextlib.contextmanager
def _durable(kind: str) -> Iterator[int]:
    """Start `sodan smtp` on a database that flushes every commit, and yield its port."""
    with databases(kind, "fsync = on", "max_wal_size = '4GB'") as create, opened(url := create("accept")):
        given = {"database_url": url, "smtp_listen": "127.0.0.1:0", "intake": INTAKE, "log_level": "error"}
        with listening("-m", "service", "smtp", **given) as (_, port):
            yield port


def measure_accept(seconds: float) -> list[Figure]:
    """Compare the rate of each server and load with the stock server, in about so many seconds."""
    figures = []
    with contextlib.ExitStack() as stack:
        _, stock = stack.enter_context(listening("-m", "bench.smtp"))
        ours = {kind: stack.enter_context(_durable(kind)) for kind in TARGETS}
        each = max(0.5, seconds / (ROUNDS * len(LOADS) * (1 + len(ours))))
        for load, (size, reuse, target) in LOADS.items():
            made, ports = [mail_of(size)], (stock, *ours.values())
            rounds = [[rate_of(port, made, each, reuse=reuse) for port in ports] for _ in range(ROUNDS)]
            bases, *others = zip(*rounds, strict=True)
            for name, rates in zip(ours, others, strict=True):
                figures.append(ratio(f"{load}, {name}", rates, bases, target, unit="mails/s"))
    return figures


async def _followed(sodan: Served, names: Sequence[str], sender: Sender, pause: float) -> dict[str, float]:
    """Send all mails. Return when the API first showed each of ``names``.

    It sends one request at a time, because many requests slow down the worker.
    """
    seen: dict[str, float] = {}
    api = httpx.AsyncClient(base_url=f"http://127.0.0.1:{sodan.http}", timeout=60)

    async def shown(name: str) -> bool:
        answer = await api.get("/api/messages", params={"message_id": name})
        return bool(answer.raise_for_status().json()["items"])

    async with api, asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(sender.run(sodan.smtp))
        for name in names:
            while name not in seen:
                if name in sender.accepted and await shown(name):
                    seen[name] = time.monotonic()
                else:
                    await asyncio.sleep(pause)
    return seen


def visible(sodan: Served, made: Sequence[Made]) -> float:
    """Send all mails at full speed. Return the mails per second until the API shows the last hundred and a sample."""
    began, names = time.monotonic(), [one.message_id for one in made]
    seen = uvloop.run(_followed(sodan, [*names[:-100:50], *names[-100:]], Sender(made), 0.1))
    return len(made) / (max(seen.values()) - began)


def through(kind: str, seconds: float) -> list[Figure]:
    """Measure rate, delay and memory on one database, in about so many seconds."""
    with (
        listening("-m", "bench.smtp") as (_, stock),
        databases(kind) as create,
        serving(create("bench")) as sodan,
    ):
        rate = visible(sodan, list(mails(150, seed=1)))
        made = list(mails(max(100, round(rate * seconds * 0.4)), seed=2))
        before = rate_of(stock, made, 1.5)
        rate = visible(sodan, made)
        base = (before + rate_of(stock, made, 1.5)) / 2
        half = list(mails(max(50, round(rate / 2 * seconds * 0.2)), seed=3))
        sender, names = Sender(half, rate=rate / 2), [one.message_id for one in half]
        seen = uvloop.run(_followed(sodan, names[:: max(1, len(half) // FOLLOWED)], sender, 0.01))
        pids = {"supervisor": sodan.process.pid} | sodan.children()
        pages = {name: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for name, pid in pids.items()}
        megabytes = {name: count * os.sysconf("SC_PAGE_SIZE") / 1e6 for name, count in pages.items()}
        memory = [Figure(f"memory, {name}, {kind}", its, "MB", 250, True) for name, its in megabytes.items()]
    waited = sorted(1000 * (at - sender.accepted[name]) for name, at in seen.items())
    numbers = {"mails/s": rate, "base mails/s": base, "mails": len(made)}
    worst = {"p95": waited[int(len(waited) * 0.95)], "mails": len(half), "followed": len(waited)}
    return [
        Figure(f"visible in the API, {kind}", rate / base, "×", TARGETS[kind], detail=numbers),
        Figure(f"250 to visible at half load, {kind}", statistics.median(waited), "ms", 100, True, worst),
        *memory,
    ]


def measure_through(seconds: float) -> list[Figure]:
    """Measure both databases, each for half of the time."""
    return [figure for kind in TARGETS for figure in through(kind, seconds / 2)]


class Discard:
    """A handler of aiosmtpd that discards the mail."""

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:
        return "250 2.0.0 OK"


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    given: dict[str, Any] = {"data_size_limit": LIMIT, "enable_SMTPUTF8": True, "hostname": "stock.example"}
    server = await loop.create_server(lambda: SMTP(Discard(), loop=loop, **given), "127.0.0.1", 0, backlog=1024)
    print(f"SMTP on 127.0.0.1:{server.sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
