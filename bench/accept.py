"""Accepting mail against stock aiosmtpd that discards it: mails a second, as ratios within one run.

The servers are processes of their own: aiosmtpd's SMTP class with a handler that discards; our listener with the same
handler, or `sodan smtp` on SQLite and on a PostgreSQL that flushes. The load generator, one more process on the same
cores, sends to one of them at a time, in turns.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from bench.harness import INTAKE, Figure, Listening, databases, listening, opened, ratio
from bench.smtp_load import LOADS, WARM_UP

ROUNDS = 3
STOCK = ("-m", "bench.smtp_load", "stock")
DISCARDING = ("-m", "bench.smtp_load", "discarding")


@contextlib.contextmanager
def _durable(kind: str) -> Iterator[Listening]:
    """`sodan smtp`, on a database that flushes every commit, unlike those of the tests."""
    with databases(kind, "fsync = on", "max_wal_size = '4GB'") as create:
        url = create("accept")
        with opened(url):
            pass
        given = {"database_url": url, "smtp_listen": "127.0.0.1:0", "intake": INTAKE, "log_level": "error"}
        with listening("-m", "service", "smtp", **given) as ours:
            yield ours


def measure(seconds: float) -> list[Figure]:
    """Our protocol without keeping anything; in about so many seconds."""
    with listening(*STOCK) as stock, listening(*DISCARDING) as ours:
        return _compare({"stock": stock, "discarding": ours}, seconds, targets=False)


def measure_durable(seconds: float) -> list[Figure]:
    """Durable before the 250, on both databases."""
    with listening(*STOCK) as stock, _durable("sqlite") as sqlite, _durable("postgresql") as postgresql:
        return _compare({"stock": stock, "sqlite": sqlite, "postgresql": postgresql}, seconds, targets=True)


def _compare(servers: Mapping[str, Listening], seconds: float, *, targets: bool) -> list[Figure]:
    """The rate of each server and load against the first server; they take turns within each round."""
    spent = 1.2 + WARM_UP  # a generator's start and warm-up
    each = max(0.5, seconds / (ROUNDS * len(LOADS) * len(servers)) - spent)
    figures = []
    for index, load in enumerate(LOADS):
        rounds = [[_rate(one.port, index, each) for one in servers.values()] for _ in range(ROUNDS)]
        stock, *others = zip(*rounds, strict=True)
        figure = partial(ratio, bases=stock, target=load.target if targets else None, unit="mails/s")
        names = list(servers)[1:]
        figures += [figure(f"{load.name}, {name}", rates) for name, rates in zip(names, others, strict=True)]
    return figures


def _rate(port: int, index: int, seconds: float) -> float:
    command: Sequence[str] = [sys.executable, "-m", "bench.smtp_load", str(port), str(index), str(seconds)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=7 * seconds + 60)
    return float(answer.stdout)
