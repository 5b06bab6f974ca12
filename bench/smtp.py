"""Mail by SMTP, against stock aiosmtpd that discards it: ratios within one run, each server in a process of its own.

    python -m bench --only accept durable through memory

``accept`` and ``durable`` are accepted mails a second: of our listener with the handler of the stock server; of
`sodan smtp` on SQLite and on a PostgreSQL that flushes. This process, on the same cores, sends to one of them at a
time, in turns. ``through`` is mails of the mix a second until the API of `sodan serve` shows them; then, at half that
rate, milliseconds from the 250 of some mails to that moment. ``memory`` is resident megabytes while mail comes in.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import uvloop

from bench.harness import INTAKE, Figure, Listening, children, databases, listening, opened, ratio, serving
from bench.mix import Made, mails
from bench.smtp_load import WARM_UP, Delivery, content, rate_of
from tests.served import Served

ROUNDS = 3
LOADS = {
    "3 KB, connection reused": (3_000, True, 2.0),
    "3 KB, a connection per mail": (3_000, False, 1.8),
    "1 MB, connection reused": (1_000_000, True, 2.0),
}
"""Bytes of a mail, whether a connection is reused, and the target: at least so many times the stock server's rate."""
STOCK = ("-m", "bench.smtp_load", "stock")
DISCARDING = ("-m", "bench.smtp_load", "discarding")
TARGETS = {"sqlite": 0.6, "postgresql": 0.5}
FOLLOWED = 40
PATIENCE = 180.0
"""Seconds in which all that was sent must be seen."""


@contextlib.contextmanager
def _durable(kind: str) -> Iterator[Listening]:
    """`sodan smtp`, on a database that flushes every commit, unlike those of the tests."""
    with databases(kind, "fsync = on", "max_wal_size = '4GB'") as create, opened(url := create("accept")):
        given = {"database_url": url, "smtp_listen": "127.0.0.1:0", "intake": INTAKE, "log_level": "error"}
        with listening("-m", "service", "smtp", **given) as ours:
            yield ours


def measure_accept(seconds: float) -> list[Figure]:
    """Our protocol without keeping anything; in about so many seconds."""
    with listening(*STOCK) as stock, listening(*DISCARDING) as ours:
        return _compare(stock, {"discarding": ours}, seconds, targets=False)


def measure_durable(seconds: float) -> list[Figure]:
    """Durable before the 250, on both databases."""
    with listening(*STOCK) as stock, _durable("sqlite") as sqlite, _durable("postgresql") as postgresql:
        return _compare(stock, {"sqlite": sqlite, "postgresql": postgresql}, seconds, targets=True)


def _compare(stock: Listening, ours: dict[str, Listening], seconds: float, *, targets: bool) -> list[Figure]:
    """The rate of each server and load against the stock server; they take turns within each round."""
    each = max(0.5, seconds / (ROUNDS * len(LOADS) * (1 + len(ours))) - WARM_UP)
    figures = []
    for load, (size, reuse, target) in LOADS.items():
        mail, servers = content(size), (stock, *ours.values())
        rounds = [[uvloop.run(rate_of(one.port, mail, reuse, each)) for one in servers] for _ in range(ROUNDS)]
        bases, *others = zip(*rounds, strict=True)
        for name, rates in zip(ours, others, strict=True):
            figures.append(ratio(f"{load}, {name}", rates, bases, target if targets else None, unit="mails/s"))
    return figures


def delivery(made: Sequence[Made], rate: float | None = None) -> Delivery:
    """All these mails, at ``rate`` mails a second if one is given."""
    return Delivery([(one.message_id, one.content.replace(b"\r\n.", b"\r\n..") + b"\r\n") for one in made], rate=rate)


async def _followed(sodan: Served, made: Sequence[Made], sending: Delivery, pause: float) -> dict[str, float]:
    """Send all; the time when the API first shows each of ``made``.

    One request at a time asks for the next of them, since many requests slow the worker.
    """
    seen: dict[str, float] = {}
    api = httpx.AsyncClient(base_url=f"http://127.0.0.1:{sodan.http}", timeout=60)

    async def shown(name: str) -> bool:
        answer = await api.get("/api/messages", params={"message_id": name})
        return bool(answer.raise_for_status().json()["items"])

    async with api, asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(sending.run(sodan.smtp))
        for name in [one.message_id for one in made]:
            while name not in seen:
                if name in sending.accepted and await shown(name):
                    seen[name] = time.monotonic()
                else:
                    await asyncio.sleep(pause)
    return seen


def visible(sodan: Served, made: Sequence[Made]) -> float:
    """Send all at full speed; mails a second until the API shows the last hundred and a sample of the others."""
    began = time.monotonic()
    seen = uvloop.run(_followed(sodan, [*made[:-100:50], *made[-100:]], delivery(made), 0.1))
    return len(made) / (max(seen.values()) - began)


def discarded(port: int, made: Sequence[Made]) -> float:
    """Mails a second that the stock server accepts, over a second and a half at least."""
    sent, began = 0, time.monotonic()
    while time.monotonic() - began < 1.5:
        uvloop.run(delivery(made).run(port))
        sent += len(made)
    return sent / (time.monotonic() - began)


def through(kind: str, seconds: float) -> list[Figure]:
    """Rate and delay on one database; in about so many seconds."""
    with listening(*STOCK) as stock, databases(kind) as create, serving(create("bench"), log_level="warning") as sodan:
        rate = visible(sodan, list(mails(150, seed=1, prefix="warm")))
        made = list(mails(max(100, round(rate * seconds * 0.4)), seed=2))
        before = discarded(stock.port, made)
        rate = visible(sodan, made)
        base = (before + discarded(stock.port, made)) / 2
        half = list(mails(max(50, round(rate / 2 * seconds * 0.2)), seed=3))
        sending = delivery(half, rate / 2)
        seen = uvloop.run(_followed(sodan, half[:: max(1, len(half) // FOLLOWED)], sending, 0.01))
    waited = sorted(1000 * (at - sending.accepted[name]) for name, at in seen.items())
    numbers = {"mails/s": rate, "base mails/s": base, "mails": len(made)}
    worst = {"p95": waited[int(len(waited) * 0.95)], "mails": len(half), "followed": len(waited)}
    return [
        Figure(f"visible in the API, {kind}", rate / base, "×", TARGETS[kind], detail=numbers),
        Figure(f"250 to visible at half load, {kind}", statistics.median(waited), "ms", 100, True, worst),
    ]


def measure_through(seconds: float) -> list[Figure]:
    """Both databases, each with half of the time."""
    return [figure for kind in TARGETS for figure in through(kind, seconds / 2)]


def measure_memory(seconds: float) -> list[Figure]:
    """Most resident memory of each process while wave after wave comes in, and its growth after the first waves."""
    rounds: list[dict[str, float]] = []
    with databases("sqlite") as create, serving(create("bench")) as sodan:
        until = time.monotonic() + seconds * 0.8
        while len(rounds) < 4 or time.monotonic() < until:
            visible(sodan, list(mails(200, seed=len(rounds), prefix="memory")))
            pids = [*children(sodan.process.pid), ("supervisor", sodan.process.pid)]
            rounds.append({name: _memory(pid) for name, pid in pids})
    figures = []
    for name in rounds[0]:
        found = [one[name] for one in rounds]
        early = statistics.mean(found[1 : 1 + len(found) // 2])
        late = statistics.mean(found[-max(1, len(found) // 4) :])
        figures.append(Figure(f"most memory, {name}", max(found), "MB", 250, True, {"waves": len(found)}))
        figures.append(Figure(f"growth, {name}", late / early, detail={"early MB": early, "late MB": late}))
    return figures


def _memory(pid: int) -> float:
    """Resident megabytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
