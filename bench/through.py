"""End to end: the realistic mix by SMTP into `sodan serve` until the API shows it, against stock discarding the same.

Then, at half the rate that was found, some mails are followed from their 250 to the moment the API shows them.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import uvloop

from bench.accept import STOCK
from bench.harness import Figure, children, databases, listening, serving
from bench.mix import Made, mails
from bench.smtp_load import Delivery
from tests.served import Served

TARGETS = {"sqlite": 0.6, "postgresql": 0.5}
FOLLOWED = 40
PATIENCE = 180.0
"""Seconds in which all that was sent must be seen."""


def delivery(made: Sequence[Made], rate: float | None = None) -> Delivery:
    """All these mails, at ``rate`` mails a second if one is given."""
    return Delivery([(one.message_id, one.content.replace(b"\r\n.", b"\r\n..") + b"\r\n") for one in made], rate=rate)


async def _followed(sodan: Served, made: Sequence[Made], sending: Delivery, pause: float) -> dict[str, float]:
    """Send all; the time when the API first shows each of ``made``, by the clock of the loop.

    One request at a time asks for those that were accepted and not seen yet, since many requests slow the worker.
    """
    loop = asyncio.get_running_loop()
    seen: dict[str, float] = {}
    until = loop.time() + PATIENCE
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{sodan.http}", timeout=60) as client:
        task = asyncio.create_task(sending.run(sodan.smtp))
        while len(seen) < len(made):
            for one in [one for one in made if one.message_id in sending.accepted and one.message_id not in seen]:
                answer = await client.get("/api/messages", params={"message_id": one.message_id})
                if not answer.raise_for_status().json()["items"]:
                    break  # the later ones are hardly there yet
                seen[one.message_id] = loop.time()
            if loop.time() > until or (task.done() and task.exception()):
                raise RuntimeError(f"{len(made) - len(seen)} mails were not seen")
            await asyncio.sleep(pause)
        await task
    return seen


def visible(sodan: Served, made: Sequence[Made]) -> float:
    """Send all at full speed; the seconds until the API shows the last hundred and a sample of the others."""

    async def run() -> float:
        began = asyncio.get_running_loop().time()
        asked = [*made[:-100:50], *made[-100:]]
        return max((await _followed(sodan, asked, delivery(made), 0.1)).values()) - began

    return uvloop.run(run())


def waits(sodan: Served, made: Sequence[Made], rate: float) -> list[float]:
    """Milliseconds from 250 to visible of some of these mails, sent at this rate."""
    sending = delivery(made, rate)
    seen = uvloop.run(_followed(sodan, made[:: max(1, len(made) // FOLLOWED)], sending, 0.01))
    return sorted(1000 * (at - sending.accepted[name]) for name, at in seen.items())


def _discarded(port: int, made: Sequence[Made]) -> float:
    """Mails a second that the stock server accepts, over a second and a half at least."""
    sent, began = 0, time.monotonic()
    while time.monotonic() - began < 1.5:
        uvloop.run(delivery(made).run(port))
        sent += len(made)
    return sent / (time.monotonic() - began)


def through(kind: str, seconds: float) -> list[Figure]:
    """Rate and delay on one database; in about so many seconds."""
    with listening(*STOCK) as stock, databases(kind) as create, serving(create("bench"), log_level="warning") as sodan:
        warm = list(mails(150, seed=1, prefix="warm"))
        rate = len(warm) / visible(sodan, warm)
        made = list(mails(max(100, round(rate * seconds * 0.4)), seed=2))
        before = _discarded(stock.port, made)
        rate = len(made) / visible(sodan, made)
        base = (before + _discarded(stock.port, made)) / 2
        half = list(mails(max(50, round(rate / 2 * seconds * 0.2)), seed=3))
        waited = waits(sodan, half, rate / 2)
    numbers = {"mails/s": rate, "base mails/s": base, "mails": len(made)}
    worst = {"p95": waited[int(len(waited) * 0.95)], "mails": len(half), "followed": len(waited)}
    return [
        Figure(f"visible in the API, {kind}", rate / base, "×", TARGETS[kind], detail=numbers),
        Figure(f"250 to visible at half load, {kind}", statistics.median(waited), "ms", 100, True, worst),
    ]


def measure(seconds: float) -> list[Figure]:
    """Both databases, each with half of the time."""
    return [figure for kind in TARGETS for figure in through(kind, seconds / 2)]


def measure_memory(seconds: float) -> list[Figure]:
    """Most resident memory of each process while wave after wave comes in, and its growth after the first waves."""
    with databases("sqlite") as create, serving(create("bench")) as sodan:
        rounds: list[dict[str, float]] = []
        until = time.monotonic() + seconds * 0.8
        while len(rounds) < 4 or time.monotonic() < until:
            visible(sodan, list(mails(200, seed=len(rounds), prefix="memory")))
            rounds.append({name: _memory(pid) for name, pid in children(sodan.process.pid)})
            rounds[-1]["supervisor"] = _memory(sodan.process.pid)
    figures = []
    for name in rounds[0]:
        most = max(found[name] for found in rounds)
        early = statistics.mean(found[name] for found in rounds[1 : 1 + len(rounds) // 2])
        late = statistics.mean(found[name] for found in rounds[-max(1, len(rounds) // 4) :])
        figures.append(Figure(f"most memory, {name}", most, "MB", 250, True, {"waves": len(rounds)}))
        figures.append(Figure(f"growth, {name}", late / early, detail={"early MB": early, "late MB": late}))
    return figures


def _memory(pid: int) -> float:
    """Resident megabytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
