"""Measures the CPU time of a mail between the spool and the API, stage by stage, on the realistic mix.

    python -m bench.taking_in [sqlite|postgresql] [--mails 1000] [--batch 128]

`python -m cProfile -s tottime -m bench.taking_in` shows the time of each function.
"""

import contextlib
import gc
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice, product
from typing import Any
from unittest import mock

import cyclopts

from bench.harness import Figure, context, cpu_of, empty, ratio, receive, show, standard_library, take_in
from bench.mix import EVERY, mails
from mailrules.engine.judge import Rules
from service import intake
from service.cases.facts.extraction import extract_messages
from service.mail.parse import parse
from service.store import placement, search, spool
from service.store.database import Database
from service.store.future_cases import future_cases
from service.store.save import save_cases

BATCH = 128
STAGES: dict[str, Callable[..., Any]] = {
    "receive": intake.receive,
    "claim": spool.claim,
    "parse": parse,
    "build messages": extract_messages,
    "rules read": Rules.read,
    "prepare": intake.prepare,
    "draft cases": future_cases,
    "place": placement.place_all,
    "judge": intake.case_snapshot,
    "save cases": save_cases,
    "index": search.index_pending,
}


class Stages:
    """Counts the seconds of the functions of ``STAGES``. The time of a stage excludes the stages that it calls."""

    def __init__(self) -> None:
        self.cpu: defaultdict[str, float] = defaultdict(float)
        self.time: defaultdict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = 0.0, 0.0

    def _switch(self) -> None:
        """Add the time since the last switch to the current stage."""
        cpu, now = time.process_time(), time.perf_counter()
        for stage in self._running[-1:]:
            self.cpu[stage] += cpu - self._since[0]
            self.time[stage] += now - self._since[1]
        self._since = cpu, now

    @contextlib.contextmanager
    def counting(self, stage: str) -> Iterator[None]:
        """Count the time in this context for a stage; also a decorator."""
        self._switch()
        self._running.append(stage)
        try:
            yield
        finally:
            self._switch()
            self._running.pop()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Replace the functions of ``STAGES`` by counted ones in all modules."""
        holders = [Rules, *(module for name, module in [*sys.modules.items()] if name.startswith("service"))]
        with contextlib.ExitStack() as stack:
            for holder, (stage, call) in product(holders, STAGES.items()):
                for name in [name for name, value in vars(holder).items() if value is call]:
                    stack.enter_context(mock.patch.object(holder, name, self.counting(stage)(call)))
            yield


class Company:
    """A database, and a worker that takes mails in. Its clock follows the dates of the mails."""

    def __init__(self, database: Database) -> None:
        self.database, self._ours, self._now = database, context(), datetime.now(UTC)
        self._mails = mails(10**9, self._now)
        gc.collect()
        gc.freeze()  # as a worker does

    def take_in(self, count: int, batch: int, more: Sequence[bytes] = ()) -> Stages:
        """Receive and take in the next mails, then ``more``, in batches. Return the time of each stage."""
        contents, stages = [*(one.content for one in islice(self._mails, count)), *more], Stages()
        gc.collect()
        with stages.watching():
            for start in range(0, len(contents), batch):
                self._now += batch * EVERY
                receive(self.database, contents[start : start + batch], self._now)
                with stages.counting("commit and rest"):
                    take_in(self.database, self._ours, self._now, batch)
        return stages


def compare(kind: str, count: int, batch: int = BATCH) -> list[Figure]:
    """Compare the CPU time of each stage, most expensive first, with the standard library parsing such mails.

    The first 100 mails are not counted, because they also cost imports, compiled patterns and prepared statements.
    """
    with empty(kind) as database:
        company = Company(database)
        for number in (100, count):
            began = time.monotonic()
            stages = company.take_in(number, batch)
            with stages.watching():
                while database.transact(lambda conn: search.index_pending(conn, batch)):
                    pass
            rate = number / (time.monotonic() - began)
    contents = [one.content for one in mails(count)]
    base = [cpu_of(lambda: [*map(standard_library, contents)]) / count]
    costs = sorted(((1000 * spent / count, stage) for stage, spent in stages.cpu.items()), reverse=True)
    total = ratio("all stages", [sum(ms for ms, _ in costs)], base, rate=rate)
    return [*(ratio(stage, [ms], base) for ms, stage in costs), total]


def measure(seconds: float) -> list[Figure]:
    """Measure on SQLite, in about so many seconds."""
    return compare("sqlite", max(100, round(seconds * 15)))


def main(database: str = "sqlite", *, mails: int = 1000, batch: int = BATCH) -> None:
    show(compare(database, mails, batch))


if __name__ == "__main__":
    cyclopts.run(main)
