"""Accepting mail against stock aiosmtpd that discards it: mails a second, as ratios within one run.

    python -m bench --only accept durable

The servers are processes of their own: aiosmtpd's SMTP class with a handler that discards; our listener with the same
handler, or `sodan smtp` on SQLite and on a PostgreSQL that flushes. The load generator, one more process on the same
cores, sends to one of them at a time, in turns.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from bench.harness import INTAKE, Figure, Listening, databases, listening, opened, ratio
from bench.smtp_load import WARM_UP

ROUNDS = 3
LOADS = {
    "3 KB, connection reused": ("3000", "all", 2.0),
    "3 KB, a connection per mail": ("3000", "one", 1.8),
    "1 MB, connection reused": ("1000000", "all", 2.0),
}
"""What is sent, and the target: at least so many times the stock server's rate."""
LOAD = ("-m", "bench.smtp_load")
STOCK = (*LOAD, "stock")


@contextlib.contextmanager
def _durable(kind: str) -> Iterator[Listening]:
    """`sodan smtp`, on a database that flushes every commit, unlike those of the tests."""
    with databases(kind, "fsync = on", "max_wal_size = '4GB'") as create, opened(url := create("accept")):
        given = {"database_url": url, "smtp_listen": "127.0.0.1:0", "intake": INTAKE, "log_level": "error"}
        with listening("-m", "service", "smtp", **given) as ours:
            yield ours


def measure(seconds: float) -> list[Figure]:
    """Our protocol without keeping anything; in about so many seconds."""
    with listening(*STOCK) as stock, listening(*LOAD, "discarding") as ours:
        return _compare(stock, {"discarding": ours}, seconds, targets=False)


def measure_durable(seconds: float) -> list[Figure]:
    """Durable before the 250, on both databases."""
    with listening(*STOCK) as stock, _durable("sqlite") as sqlite, _durable("postgresql") as postgresql:
        return _compare(stock, {"sqlite": sqlite, "postgresql": postgresql}, seconds, targets=True)


def _compare(stock: Listening, ours: dict[str, Listening], seconds: float, *, targets: bool) -> list[Figure]:
    """The rate of each server and load against the stock server; they take turns within each round."""
    each = max(0.5, seconds / (ROUNDS * len(LOADS) * (1 + len(ours))) - WARM_UP - 1.2)  # a generator's start
    figures = []
    for load, (size, mails, target) in LOADS.items():
        rounds = [[_rate(one, size, mails, each) for one in (stock, *ours.values())] for _ in range(ROUNDS)]
        bases, *others = zip(*rounds, strict=True)
        for name, rates in zip(ours, others, strict=True):
            figures.append(ratio(f"{load}, {name}", rates, bases, target if targets else None, unit="mails/s"))
    return figures


def _rate(server: Listening, size: str, mails: str, seconds: float) -> float:
    command = [sys.executable, *LOAD, str(server.port), size, mails, str(seconds)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=7 * seconds + 60)
    return float(answer.stdout)
