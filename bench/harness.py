"""What benchmarks share: figures, CPU times, empty databases, and processes of sodan."""

import contextlib
import email
import email.policy
import json
import logging
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import structlog
import yaml

from service import settings
from service.intake import AppContext
from service.store.database import WORKER_CACHE_MB, Database
from service.store.migrate import migrate
from service.worker import Worker
from tests.postgres import Postgres
from tests.served import Served, ending, environment

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "mailrules" / "corpus"
INTAKE, DOMAIN, TEAM = "help@intake.example", "corp.example", "desk.corp.example"
COMPANY = {"intake": INTAKE, "organisation": DOMAIN, "team": f"@{TEAM}"}
"""The settings of the company whose mails the benchmarks use."""
T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """A measured value. ``×`` is a ratio to a baseline of the same run, comparable between machines."""

    what: str
    value: float
    unit: str = "×"
    target: float | None = None
    at_most: bool = False  # the target is an upper bound
    detail: dict[str, float] = field(default_factory=dict)  # the absolute numbers behind it

    @property
    def met(self) -> bool:
        return self.target is None or (self.value <= self.target if self.at_most else self.value >= self.target)

    def line(self) -> str:
        """Return the figure as a line of the table."""
        target = "" if self.target is None else f"{'≤' if self.at_most else '≥'} {self.target:.4g}"
        value = f"{self.value:.2f} {self.unit}"
        numbers = ", ".join(f"{name} {number:,.4g}" for name, number in self.detail.items())
        return f"  {self.what:<44} {value:>12} {target + ('' if self.met else ' (!)'):<12} {numbers}".rstrip()


def ratio(
    what: str,
    values: Sequence[float],
    bases: Sequence[float],
    target: float | None = None,
    *,
    unit: str = "ms",
    at_most: bool = False,
    **detail: float,
) -> Figure:
    """The median over the rounds of value to base, each measured beside the other. ``unit``: of these."""
    found = statistics.median(value / max(base, 1e-9) for value, base in zip(values, bases, strict=True))
    numbers = {unit: statistics.median(values), f"base {unit}": statistics.median(bases)}
    return Figure(what, found, "×", target, at_most, numbers | detail)


def show(figures: Sequence[Figure]) -> int:
    """Print the figures of one benchmark; an exit status: 1 if a target was missed."""
    print("\n".join(figure.line() for figure in figures))
    return 0 if all(figure.met for figure in figures) else 1


def cpu_of(call: Callable[[], object]) -> float:
    """CPU milliseconds of one call in this process."""
    began = time.process_time()
    call()
    return (time.process_time() - began) * 1000


def in_turns(calls: Sequence[Callable[[int], T]], rounds: int) -> list[list[T]]:
    """What each call returns in each round, given its number. Which is first changes from round to round."""
    found: list[list[T]] = [[] for _ in calls]
    for turn in range(rounds):
        for call, its in [*zip(calls, found, strict=True)][:: 1 if turn % 2 else -1]:
            its.append(call(turn))
    return found


def standard_library(raw: bytes) -> None:
    """Parse a mail as a program does that uses only the standard library: the baseline of CPU figures."""
    with contextlib.suppress(Exception):  # it raises on many real mails; its time counts all the same
        body = email.message_from_bytes(raw, policy=email.policy.default).get_body(("plain", "html"))
        if body is not None:
            body.get_content()


def cpu_of_processes(*pids: int) -> float:
    """Seconds of CPU that these processes have used."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def databases(kind: str, *conf: str) -> Iterator[Callable[[str], str]]:
    """A function that creates an empty database with a name and returns its URL; all are removed at the end.

    ``kind`` is ``sqlite``, or ``postgresql``: a server of its own, with these lines in its configuration.
    """
    with tempfile.TemporaryDirectory(prefix="sodan-bench-") as folder:
        if kind == "sqlite":
            yield lambda name: f"sqlite:///{folder}/{name}.db"
            return
        Path(folder).chmod(0o755)  # the server may run as another user
        server = Postgres(Path(folder) / "server", settings="\n".join(conf))
        server.start()
        try:
            yield server.create
        finally:
            server.stop()


@contextlib.contextmanager
def opened(url: str) -> Iterator[Database]:
    """A database with all tables, with the page cache of a worker."""
    with contextlib.closing(Database(url, WORKER_CACHE_MB)) as database:
        migrate(database)
        yield database


@contextlib.contextmanager
def empty(kind: str) -> Iterator[Database]:
    """One empty database with all tables."""
    with databases(kind) as create, opened(create("bench")) as database:
        yield database


def context(**given: str) -> AppContext:
    """The rules with the settings of the company, or those given."""
    return AppContext.of(settings.load(_env_file=None, **COMPANY | given))


def worker(database: Database, ours: AppContext, clock: Callable[[], datetime], batch: int = 16) -> Worker:
    """A worker in this process that logs only errors."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return Worker(database, ours, by="bench", batch=batch, lease=timedelta(seconds=600), clock=clock)


def table(name: str) -> Any:
    """Texts of generated mail: ``bench/data/NAME.yaml``."""
    return yaml.safe_load((ROOT / "bench" / "data" / f"{name}.yaml").read_text(encoding="utf-8"))


def corpus(writer: str) -> list[dict[str, Any]]:
    """The labelled mails of one writer."""
    return [json.loads(line) for line in (CORPUS / f"{writer}.jsonl").read_text(encoding="utf-8").splitlines()]


@contextlib.contextmanager
def listening(*command: str, **given: str) -> Iterator[tuple[int, int]]:
    """A Python process that prints to standard error where it listens: its id and port; ``given``: its settings."""
    process = subprocess.Popen([sys.executable, *command], env=environment(**given), stderr=subprocess.PIPE, text=True)
    with ending(process):
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r" on .*127\.0\.0\.1:(\d+)", line):
                yield process.pid, int(found[1])
                return
        raise RuntimeError(f"{command} did not start")


@contextlib.contextmanager
def serving(url: str, **given: str) -> Iterator[Served]:
    """`sodan serve` on this database, with ports of its own."""
    with tempfile.TemporaryDirectory() as folder:
        served = Served(
            Path(folder), database_url=url, **COMPANY | {"http_rate": "1000000", "log_level": "error"} | given
        )
        with ending(served.process):
            yield served
