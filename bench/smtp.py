"""Compares sodan's SMTP with stock aiosmtpd that discards the mail. Each server runs in a process of its own.

    python -m bench --only accept through

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
import tempfile
import time
from base64 import encodebytes
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, takewhile
from pathlib import Path

import httpx
import uvloop

from bench.harness import COMPANY, INTAKE, Figure, empty, listening, ratio, url_of
from bench.mix import Made, mails
from tests.served import Served, ending

CONNECTIONS = 32
ROUNDS = 3
LOADS = {
    "3 KB, connection reused": (3_000, True, 2.0),
    "3 KB, a connection per mail": (3_000, False, 1.8),
    "1 MB, connection reused": (1_000_000, True, 2.0),
}
"""Size of a mail in bytes, whether a connection is reused, and the target (a multiple of the stock server's rate)."""
STOCK = ("aiosmtpd", "-n", "-u", "-c", "aiosmtpd.handlers.Sink", "-s", "36700160", "-l", "{at}")
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
    """Return a mail of about ``size`` bytes: text if it is small, random bytes in base64 if it is large."""
    line = b"It does not connect since this morning, and the message is 0x80070035.\n"
    body = line * (size // len(line)) if size < 10_000 else encodebytes(random.Random(1).randbytes(size * 57 // 78))
    head = f"From: Aiko <aiko@example.org>\nTo: {INTAKE}\nSubject: VPN\nMessage-ID: <bench@example.org>\n\n"
    return Made("<bench@example.org>", (head.encode() + body).replace(b"\n", b"\r\n"))


@contextlib.contextmanager
def _durable(kind: str) -> Iterator[int]:
    """Start `sodan smtp` on a database that flushes every commit, and yield its port."""
    with empty(kind, "fsync = on", "max_wal_size = '4GB'") as database:
        given = {"database_url": url_of(database), "intake": INTAKE, "log_level": "error"}
        with listening("service", "smtp", smtp_listen="{at}", **given) as (_, port):
            yield port


def measure_accept(seconds: float) -> list[Figure]:
    """Compare the rate of each server and load with the stock server, in about so many seconds."""
    figures = []
    with listening(*STOCK) as (_, stock), contextlib.ExitStack() as stack:
        ports = [stock, *(stack.enter_context(_durable(kind)) for kind in TARGETS)]
        each = max(0.5, seconds / (ROUNDS * len(LOADS) * len(ports)))
        for load, (size, reuse, target) in LOADS.items():
            made = [mail_of(size)]
            rounds = [[rate_of(port, made, each, reuse=reuse) for port in ports] for _ in range(ROUNDS)]
            bases, *others = zip(*rounds, strict=True)
            for kind, rates in zip(TARGETS, others, strict=True):
                figures.append(ratio(f"{load}, {kind}", rates, bases, target, unit="mails/s"))
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


@contextlib.contextmanager
def _serving(kind: str) -> Iterator[Served]:
    """Start `sodan serve` on an empty database."""
    with empty(kind) as database, tempfile.TemporaryDirectory() as folder:
        given = COMPANY | {"database_url": url_of(database), "http_rate": "1000000", "log_level": "error"}
        served = Served(Path(folder), **given)
        with ending(served.process):
            yield served


def through(kind: str, seconds: float) -> list[Figure]:
    """Measure rate, delay and memory on one database, in about so many seconds."""
    with listening(*STOCK) as (_, stock), _serving(kind) as sodan:
        rate = visible(sodan, list(mails(150, seed=1)))
        made = list(mails(max(100, round(rate * seconds * 0.4)), seed=2))
        before = rate_of(stock, made, 1.5)
        rate = visible(sodan, made)
        base = (before + rate_of(stock, made, 1.5)) / 2
        half = list(mails(max(50, round(rate / 2 * seconds * 0.2)), seed=3))
        sender, names = Sender(half, rate=rate / 2), [one.message_id for one in half]
        seen = uvloop.run(_followed(sodan, names[:: max(1, len(half) // FOLLOWED)], sender, 0.01))
        pids = {"supervisor": sodan.process.pid} | sodan.children()
        memory = {name: _megabytes(pid) for name, pid in pids.items()}
    waited = sorted(1000 * (at - sender.accepted[name]) for name, at in seen.items())
    numbers = {"mails/s": rate, "base mails/s": base, "mails": len(made)}
    worst = {"p95": waited[int(len(waited) * 0.95)], "mails": len(half), "followed": len(waited)}
    return [
        Figure(f"visible in the API, {kind}", rate / base, "×", TARGETS[kind], detail=numbers),
        Figure(f"250 to visible at half load, {kind}", statistics.median(waited), "ms", 100, True, worst),
        *(Figure(f"memory, {name}, {kind}", its, "MB", 250, True) for name, its in memory.items()),
    ]


def _megabytes(pid: int) -> float:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure_through(seconds: float) -> list[Figure]:
    """Measure both databases, each for half of the time."""
    return [figure for kind in TARGETS for figure in through(kind, seconds / 2)]
