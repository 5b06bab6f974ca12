"""Durable accept against stock aiosmtpd that throws mail away: mails a second, as ratios within one run.

Three servers stand side by side, each a process of its own: aiosmtpd's SMTP class on its own loop with a handler that
discards; `sodan smtp` on SQLite; `sodan smtp` on a PostgreSQL that flushes. A load generator, one more process on the
same cores, sends to one of them at a time, in turns; what counts is the median of the rounds' ratios.
"""

from __future__ import annotations

import contextlib
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence

from bench.figure import Outcome, figure, median_ratio, outcome
from bench.smtp_load import LOADS, WARM_UP
from bench.stores import INTAKE, databases
from service.store.database import Database
from service.store.migrate import migrate
from tests.served import environment


@contextlib.contextmanager
def _running(command: list[str], **settings: str) -> Iterator[int]:
    """A server process; yields its port."""
    process = subprocess.Popen(
        [sys.executable, *command], env=environment(**settings), stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if " on 127.0.0.1:" in line:
                yield int(line.rpartition("127.0.0.1:")[2].split()[0].strip(","))
                return
        raise SystemExit(f"{command} did not start")
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()


@contextlib.contextmanager
def stock() -> Iterator[int]:
    """The stock server, discarding; yields its port."""
    with _running(["-m", "bench.smtp_load", "stock"]) as port:
        yield port


@contextlib.contextmanager
def _sodan(kind: str) -> Iterator[int]:
    """`sodan smtp`, on a database that flushes every commit, unlike those of the tests."""
    with databases(kind, "fsync = on", "max_wal_size = '4GB'") as create:
        url = create("accept")
        database = Database(url)
        migrate(database)
        database.close()
        given = {"database_url": url, "smtp_listen": "127.0.0.1:0", "intake": INTAKE, "log_level": "error"}
        with _running(["-m", "service", "smtp"], **given) as port:
            yield port


@contextlib.contextmanager
def _servers(kinds: Sequence[str]) -> Iterator[dict[str, int]]:
    """The stock server and those of ``kinds``; their ports by name."""
    with contextlib.ExitStack() as stack:
        ports = {"stock": stack.enter_context(stock())}
        for kind in kinds:
            server = _running(["-m", "bench.smtp_load", "discarding"]) if kind == "discarding" else _sodan(kind)
            ports[kind] = stack.enter_context(server)
        yield ports


def measure(seconds: float, kinds: Sequence[str] = ("discarding",)) -> Outcome:
    """Our protocol without keeping anything, against stock; in about so many seconds."""
    rounds = 3
    spent = 1.2 + WARM_UP  # a generator's start and warm-up
    each = max(0.5, seconds / (rounds * len(LOADS) * (1 + len(kinds))) - spent)
    with _servers(kinds) as ports:
        rates = _measure(ports, each, rounds)
    figures = []
    for load in LOADS:
        base = rates[load.name]["stock"]
        for name, of in rates[load.name].items():
            if name == "stock":
                continue
            figures.append(
                figure(
                    f"{load.name}, {name}",
                    median_ratio(of, base),
                    against="stock, discarding",
                    promised=None if name == "discarding" else load.promised,
                    detail={"rate": statistics.median(of), "base": statistics.median(base)},
                )
            )
    return outcome(figures)


def measure_durable(seconds: float) -> Outcome:
    """Durable before the 250, on both databases, against stock that discards."""
    return measure(seconds, ("sqlite", "postgresql"))


def _measure(ports: dict[str, int], seconds: float, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Rates by load and server, one a round; the servers take turns within each round."""
    rates: dict[str, dict[str, list[float]]] = {load.name: {name: [] for name in ports} for load in LOADS}
    for index, load in enumerate(LOADS):
        for _ in range(rounds):
            for name, port in ports.items():
                command = [sys.executable, "-m", "bench.smtp_load", str(port), str(index), str(seconds)]
                answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=7 * seconds + 30)
                rates[load.name][name].append(float(answer.stdout))
    return rates
