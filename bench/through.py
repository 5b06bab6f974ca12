"""End to end: the realistic mix by SMTP into `sodan serve` until the API shows it, against stock discarding the same.

The stock server gets the very same mails from the same sender over as many connections, before and after ours. Then,
at half the rate that was found, some mails are followed from their 250 to the moment the API shows them.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import uvloop

from bench.accept import stock
from bench.figure import Outcome, figure, outcome
from bench.mix import Made, mails
from bench.smtp_load import CONNECTIONS, LOADS, Sender
from bench.stores import DOMAIN, INTAKE, databases
from tests.served import Served

PROMISED = {"sqlite": 0.6, "postgresql": 0.5}
FOLLOWED = 40
PATIENCE = 180.0
"""Seconds in which all that was sent must be seen."""


class Post:
    """Mails on their way: ``waiting`` are sent as connections come free, up to ``allowed`` at any time."""

    def __init__(self, made: Sequence[Made], allowed: float = math.inf) -> None:
        self.waiting = deque((one.message_id, one.content.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n") for one in made)
        self.allowed = allowed
        self.idle: list[MixSender] = []
        self.state: dict[str, Any] = {"sent": 0, "over": True, "refused": "", "content": b""}
        self.taken_at: dict[str, float] = {}
        self.total = len(self.waiting)

    async def deliver(self, port: int, rate: float | None = None) -> float:
        """Send all, at ``rate`` mails a second if one is given; returns the seconds it took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(min(CONNECTIONS, self.total)):
            await loop.create_connection(lambda: MixSender(self), "127.0.0.1", port)
        while len(self.taken_at) < self.total and not self.state["refused"]:
            if rate is not None:
                self.allowed = (loop.time() - began) * rate - (self.total - len(self.waiting))
                while self.idle and self.waiting and self.allowed >= 1:
                    self.idle.pop().begin()
            await asyncio.sleep(0.002)
        if self.state["refused"]:
            raise RuntimeError(f"refused: {self.state['refused']}")
        took = max(self.taken_at.values()) - began
        for sender in self.idle:
            sender.close()
        return took


class MixSender(Sender):
    """A connection that takes its mails from the common post."""

    def __init__(self, post: Post) -> None:
        super().__init__(LOADS[0], post.state)
        self._post = post
        self._message_id = ""

    def next_mail(self) -> bytes | None:
        if not self._post.waiting or self._post.allowed < 1:
            self._post.idle.append(self)
            return None
        self._post.allowed -= 1
        self._message_id, content = self._post.waiting.popleft()
        return content

    def taken(self) -> None:
        self._post.taken_at[self._message_id] = asyncio.get_running_loop().time()

    def close(self) -> None:
        self._transport.close()


async def seen(client: httpx.AsyncClient, message_id: str, pause: float = 0.01) -> float:
    """Wait until the API shows this mail; returns the time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while not (await client.get("/api/messages", params={"message_id": message_id})).raise_for_status().json()["items"]:
        if loop.time() > until:
            raise RuntimeError(f"{message_id} was not seen within {PATIENCE:.0f} s")
        await asyncio.sleep(pause)
    return loop.time()


async def visible(sodan: Served, made: Sequence[Made]) -> float:
    """Send all at full speed; the seconds until the API shows them all (the last hundred, and a sample of the rest)."""
    loop = asyncio.get_running_loop()
    async with client_of(sodan) as client:
        began = loop.time()
        await Post(made).deliver(sodan.smtp)
        ended = began
        for one in [*made[-1:], *made[-100:-1], *made[:-100:50]]:
            ended = await seen(client, one.message_id, 0.05)
        return ended - began


async def waits(sodan: Served, made: Sequence[Made], rate: float) -> list[float]:
    """Milliseconds from 250 to visible while all are sent at this rate, of ``FOLLOWED`` mails spread over them.

    One request at a time asks for those that were taken and not seen yet: many that ask at once take the worker's time.
    """
    post = Post(made, allowed=0)
    followed = {one.message_id: None for one in made[:: max(1, len(made) // FOLLOWED)]}
    waited: list[float] = []
    loop = asyncio.get_running_loop()
    until = loop.time() + len(made) / rate + PATIENCE
    async with client_of(sodan) as client:
        sending = asyncio.create_task(post.deliver(sodan.smtp, rate))
        while followed:
            for message_id in [one for one in followed if one in post.taken_at]:
                asked = await client.get("/api/messages", params={"message_id": message_id})
                if asked.raise_for_status().json()["items"]:
                    waited.append((loop.time() - post.taken_at[message_id]) * 1000)
                    del followed[message_id]
            if loop.time() > until or (sending.done() and sending.exception()):
                raise RuntimeError(f"not all were sent and seen: {len(followed)} are missing")
            await asyncio.sleep(0.01)
        await sending
    return waited


def _discarded(port: int, made: Sequence[Made]) -> float:
    """The stock server's mails a second over this mix, sent again and again for a second and a half."""
    sent, took, began = 0, 0.0, time.monotonic()
    while time.monotonic() - began < 1.5:
        took += uvloop.run(Post(made).deliver(port))
        sent += len(made)
    return sent / took


@contextlib.contextmanager
def serving(kind: str) -> Iterator[Served]:
    """`sodan serve` on an empty database."""
    with databases(kind) as create, tempfile.TemporaryDirectory() as folder:
        given = {"database_url": create("bench"), "intake": INTAKE, "organisation": DOMAIN, "http_rate": "1000000"}
        served = Served(Path(folder), **given, log_level="warning")
        try:
            yield served
        finally:
            served.process.terminate()
            served.process.wait(60)


def client_of(sodan: Served) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{sodan.http}", timeout=60)


def through(kind: str, seconds: float) -> Outcome:
    """Throughput and waiting time on one database; in about so many seconds."""
    with stock() as port, serving(kind) as sodan:
        warm = list(mails(150, seed=1, prefix="warm"))
        rate = len(warm) / uvloop.run(visible(sodan, warm))
        made = list(mails(max(100, round(rate * seconds * 0.4)), seed=2))
        before = _discarded(port, made)
        rate = len(made) / uvloop.run(visible(sodan, made))
        base = (before + _discarded(port, made)) / 2
        half = list(mails(max(50, round(rate / 2 * seconds * 0.2)), seed=3))
        waited = uvloop.run(waits(sodan, half, rate / 2))
    detail = {"rate": rate, "base": base, "mails": len(made)}
    median = statistics.median(waited)
    worst = {"p95": sorted(waited)[int(len(waited) * 0.95)], "mails": len(half), "followed": len(waited)}
    against = "stock discarding the same mix"
    return outcome(
        [
            figure(f"visible in the API, {kind}", rate / base, against=against, promised=PROMISED[kind], detail=detail),
            figure(f"250 to visible at half load, {kind}", median, "ms", promised=100, at_most=True, detail=worst),
        ]
    )


def measure(seconds: float) -> Outcome:
    """Both databases, each with half of the time."""
    both = [through(kind, seconds / 2) for kind in PROMISED]
    return outcome([one for found in both for one in found["figures"]])


def measure_memory(seconds: float) -> Outcome:
    """Resident memory of each process while wave after wave comes in and is asked for; in about so many seconds."""
    with serving("sqlite") as sodan:
        rounds: list[dict[str, float]] = []
        until = time.monotonic() + seconds * 0.8
        while len(rounds) < 4 or time.monotonic() < until:
            uvloop.run(visible(sodan, list(mails(200, seed=len(rounds), prefix="memory"))))
            rounds.append(memory(sodan))
    figures = []
    for name in rounds[0]:
        peak = max(found[name] for found in rounds)
        figures.append(
            figure(f"most memory, {name}", peak, "MB", promised=250, at_most=True, detail={"waves": len(rounds)})
        )
        early = statistics.mean(found[name] for found in rounds[1 : 1 + len(rounds) // 2])
        late = statistics.mean(found[name] for found in rounds[-max(1, len(rounds) // 4) :])
        figures.append(
            figure(
                f"grown, {name}", late / early, against="its first waves", detail={"early_mb": early, "late_mb": late}
            )
        )
    return outcome(figures)


def memory(sodan: Served) -> dict[str, float]:
    """Resident megabytes of each process."""
    page = os.sysconf("SC_PAGE_SIZE") / 1e6
    processes = {"supervisor": sodan.process.pid, **sodan.children()}
    return {name: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page for name, pid in processes.items()}
