"""Shared by benchmarks and training: figures, CPU times, empty databases, processes of sodan, labelled mails."""

import contextlib
import email
import email.policy
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import yaml

from service import intake, settings
from service.intake import AppContext
from service.store import spool
from service.store.database import WORKER_CACHE_MB, Database
from service.store.learned_roles import learned
from service.store.migrate import migrate
from service.store.spool import Envelope
from tests.postgres import Postgres
from tests.served import ending, environment, free_port, wait_until

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
CORPUS = ROOT / "mailrules" / "corpus"
INTAKE, DOMAIN, TEAM = "help@intake.example", "corp.example", "desk.corp.example"
COMPANY = {"intake": INTAKE, "organisation": DOMAIN, "team": f"@{TEAM}"}
"""The settings of the company whose mails the benchmarks use."""
LEASE = timedelta(minutes=10)
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

    def line(self) -> str:
        """Return the figure as a line of the table. A missed target is marked."""
        target = ""
        if self.target is not None:
            met = self.value <= self.target if self.at_most else self.value >= self.target
            target = f"{'≤' if self.at_most else '≥'} {self.target:.4g}{'' if met else ' (!)'}"
        numbers = ", ".join(f"{name} {number:,.4g}" for name, number in self.detail.items())
        return f"  {self.what:<44} {f'{self.value:.2f} {self.unit}':>12} {target:<12} {numbers}".rstrip()


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


def show(figures: Iterable[Figure]) -> None:
    """Print the figures of a benchmark."""
    print("\n".join(figure.line() for figure in figures), flush=True)


def cpu_of(call: Callable[[], object]) -> float:
    """Return the CPU time of one call in this process, in milliseconds."""
    began = time.process_time()
    call()
    return (time.process_time() - began) * 1000


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
def empty(kind: str = "sqlite", *conf: str) -> Iterator[Database]:
    """Yield an empty database with all tables and the page cache of a worker.

    ``kind``: ``sqlite`` or ``postgresql`` (a server of its own). ``conf``: lines of the server's configuration.
    """
    with tempfile.TemporaryDirectory(prefix="sodan-bench-") as folder, contextlib.ExitStack() as stack:
        url = f"sqlite:///{folder}/bench.db"
        if kind == "postgresql":
            Path(folder).chmod(0o755)  # the server may run as another user
            server = Postgres(Path(folder) / "server", settings="\n".join(conf))
            server.start()
            stack.callback(server.stop)
            url = server.create("bench")
        database = stack.enter_context(contextlib.closing(Database(url, WORKER_CACHE_MB)))
        migrate(database)
        yield database


def url_of(database: Database) -> str:
    """Return the URL for the setting ``database_url``."""
    return database.url.render_as_string(hide_password=False)


def context(**given: str) -> AppContext:
    """Return the rules with the settings of the company. ``given``: other settings."""
    return AppContext.of(settings.load(_env_file=None, **COMPANY | given))


def receive(database: Database, contents: Sequence[bytes], now: datetime, to: str = INTAKE) -> list[str]:
    """Put mails into the spool. Return their numbers."""
    envelope = Envelope("smtp", f"sender@{DOMAIN}", (to,), peer="127.0.0.1")
    return intake.receive(database, [(envelope, one) for one in contents], now)


def take_in(database: Database, ours: AppContext, now: datetime, batch: int = 1) -> None:
    """Take in one batch of the waiting mails, as a worker does."""
    claimed = database.transact(lambda conn: spool.claim(conn, "bench", now, LEASE, batch))
    roles = ours.roles(database.read(learned))
    read = [intake.understand(one, ours, roles) for one in claimed]
    intake.place(database, read, ours, by="bench", now=now, after=lambda _conn, _cases: None)


@contextlib.contextmanager
def listening(*command: str, **given: str) -> Iterator[tuple[int, int]]:
    """Run ``python -m COMMAND`` until the end of the block. Yield its id and the port where it listens.

    In the command and in its settings (``given``), ``{at}`` stands for host and port.
    """
    port = free_port()
    at = f"127.0.0.1:{port}"
    env = environment(**{name: value.format(at=at) for name, value in given.items()})
    line = [sys.executable, "-m", *(word.format(at=at) for word in command)]
    with ending(subprocess.Popen(line, env=env, stderr=subprocess.DEVNULL)) as process:
        wait_until(lambda: _accepts(port))
        yield process.pid, port


def _accepts(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def table(name: str) -> Any:
    """Return the content of ``bench/data/NAME.yaml``."""
    return yaml.safe_load((BENCH / "data" / f"{name}.yaml").read_text(encoding="utf-8"))


def lines_of(file: Path) -> list[dict[str, Any]]:
    """Return the objects of a file with one JSON object a line."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def corpus(writer: str) -> list[dict[str, Any]]:
    """Return the labelled mails of one writer."""
    return lines_of(CORPUS / f"{writer}.jsonl")


def writers() -> dict[str, Any]:
    """Return the groups of writers of the corpus, by name."""
    groups: dict[str, Any] = yaml.safe_load((CORPUS / "split.yaml").read_text(encoding="utf-8"))
    return groups


def others(one: object, sets: Mapping[Any, Iterable[T]]) -> list[T]:
    """Return the items of all sets except one."""
    return [each for other, its in sets.items() if other != one for each in its]
