"""Shared by the benchmarks: figures, CPU times, empty databases, and processes of sodan."""

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
    """A measured value. The unit ``×`` means a ratio to a baseline of the same run, comparable between machines."""

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
    """Return the median of the ratios of all rounds. ``unit``: of the values and bases."""
    found = statistics.median(value / max(base, 1e-9) for value, base in zip(values, bases, strict=True))
    numbers = {unit: statistics.median(values), f"base {unit}": statistics.median(bases)}
    return Figure(what, found, "×", target, at_most, numbers | detail)


def show(figures: Sequence[Figure]) -> int:
    """Print the figures of one benchmark. Return the exit status: 1 if a target was missed."""
    print("\n".join(figure.line() for figure in figures))
    return 0 if all(figure.met for figure in figures) else 1


def cpu_of(call: Callable[[], object]) -> float:
    """Return the CPU time of one call in this process, in milliseconds."""
    began = time.process_time()
    call()
    return (time.process_time() - began) * 1000


def in_turns(calls: Sequence[Callable[[int], T]], rounds: int) -> list[list[T]]:
    """Return the results of each call, one for each round. The order of the calls changes from round to round."""
    found: list[list[T]] = [[] for _ in calls]
    for turn in range(rounds):
        for call, its in [*zip(calls, found, strict=True)][:: 1 if turn % 2 else -1]:
            its.append(call(turn))
    return found


def standard_library(raw: bytes) -> None:
    """Parse a mail with the standard library: the baseline of CPU figures."""
    with contextlib.suppress(Exception):  # the library fails on many real mails; the time still counts
        body = email.message_from_bytes(raw, policy=email.policy.default).get_body(("plain", "html"))
        if body is not None:
            body.get_content()


def cpu_of_processes(*pids: int) -> float:
    """Return the CPU time that these processes have used, in seconds."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def databases(kind: str, *conf: str) -> Iterator[Callable[[str], str]]:
    """Yield a function that creates an empty database with a name and returns its URL. Removes all of them at the end.

    ``kind``: ``sqlite`` or ``postgresql`` (a server of its own). ``conf``: lines of the server's configuration.
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
    """Yield a database with all tables and the page cache of a worker."""
    with contextlib.closing(Database(url, WORKER_CACHE_MB)) as database:
        migrate(database)
        yield database


@contextlib.contextmanager
def empty(kind: str) -> Iterator[Database]:
    """Yield an empty database with all tables."""
    with databases(kind) as create, opened(create("bench")) as database:
        yield database


def context(**given: str) -> AppContext:
    """Return the rules with the settings of the company. ``given``: other settings."""
    return AppContext.of(settings.load(_env_file=None, **COMPANY | given))


def worker(database: Database, ours: AppContext, clock: Callable[[], datetime], batch: int = 16) -> Worker:
    """Return a worker in this process. It logs only errors."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return Worker(database, ours, by="bench", batch=batch, lease=timedelta(seconds=600), clock=clock)


def table(name: str) -> Any:
    """Return the content of ``bench/data/NAME.yaml``."""
    return yaml.safe_load((ROOT / "bench" / "data" / f"{name}.yaml").read_text(encoding="utf-8"))


def corpus(writer: str) -> list[dict[str, Any]]:
    """Return the labelled mails of one writer."""
    return [json.loads(line) for line in (CORPUS / f"{writer}.jsonl").read_text(encoding="utf-8").splitlines()]


@contextlib.contextmanager
def listening(*command: str, **given: str) -> Iterator[tuple[int, int]]:
    """Start a Python process that prints to standard error where it listens. Yield its id and its port.

    ``given``: its settings.
    """
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
    """Start `sodan serve` on this database, with free ports."""
    with tempfile.TemporaryDirectory() as folder:
        served = Served(
            Path(folder), database_url=url, **COMPANY | {"http_rate": "1000000", "log_level": "error"} | given
        )
        with ending(served.process):
            yield served
