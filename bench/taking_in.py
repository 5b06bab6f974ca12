"""CPU time of a mail between the spool and the API, stage by stage, on the realistic mix.

    python -m bench.taking_in [sqlite|postgresql] [--mails 1000] [--batch 128]

`python -m cProfile -s tottime -m bench.taking_in` shows the time of each function.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from unittest import mock

import cyclopts

from bench.harness import INTAKE, Figure, context, cpu_of, empty, ratio, standard_library
from bench.mix import mails
from mailrules.engine.judge import Rules
from service import intake
from service.cases.facts.extraction import extract_messages
from service.intake import AppContext
from service.mail.parse import parse
from service.store import drafts, placement, search, spool
from service.store.database import Database
from service.store.spool import Envelope

BATCH = 128
STAGES: dict[str, Callable[..., Any]] = {
    "receive": intake.receive,
    "claim": spool.claim,
    "parse": parse,
    "build messages": extract_messages,
    "rules read": Rules.read,
    "prepare": intake.prepare,
    "draft cases": drafts.drafts,
    "place": placement.place_all,
    "judge": intake.case_snapshot,
    "save cases": intake.save_cases,
    "index": search.index_pending,
}


class Stages:
    """Seconds of the functions of ``STAGES`` while ``watching``, each without the others that it calls."""

    def __init__(self) -> None:
        self.cpu: defaultdict[str, float] = defaultdict(float)
        self.time: defaultdict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = 0.0, 0.0

    def _switch(self) -> None:
        """Count what passed since the last switch for the stage that runs."""
        cpu, now = time.process_time(), time.perf_counter()
        for stage in self._running[-1:]:
            self.cpu[stage] += cpu - self._since[0]
            self.time[stage] += now - self._since[1]
        self._since = cpu, now

    @contextlib.contextmanager
    def counting(self, stage: str) -> Iterator[None]:
        """Count what is done within as this stage; also a decorator."""
        self._switch()
        self._running.append(stage)
        try:
            yield
        finally:
            self._switch()
            self._running.pop()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Replace the functions by counted ones wherever a module holds them."""
        holders = [Rules, *(module for name, module in [*sys.modules.items()] if name.startswith("service"))]
        with contextlib.ExitStack() as stack:
            for holder, (stage, call) in product(holders, STAGES.items()):
                for name in [name for name, value in vars(holder).items() if value is call]:
                    stack.enter_context(mock.patch.object(holder, name, self.counting(stage)(call)))
            yield


def receive(database: Database, contents: Sequence[bytes], now: datetime) -> None:
    """Put mails into the spool."""
    envelope = Envelope("smtp", f"sender@{INTAKE}", (INTAKE,), peer="127.0.0.1")
    intake.receive(database, [(envelope, one) for one in contents], now)


def take_in(database: Database, ours: AppContext, now: datetime, batch: int) -> int:
    """One batch of what waits, as a worker takes it in; how many mails it was."""
    claimed = database.transact(lambda conn: spool.claim(conn, "bench", now, timedelta(60), batch))
    if claimed:
        roles = ours.roles(database.read(placement.learned))
        read = [intake.understand(one, ours, roles) for one in claimed]
        prepared = database.read(lambda conn: intake.prepare(conn, read, ours, now))
        database.transact(lambda conn: intake.take_in(conn, read, ours, by="bench", now=now, prepared=prepared))
    return len(claimed)


def run(database: Database, count: int, batch: int = BATCH) -> tuple[dict[str, float], float]:
    """Receive and take in ``count`` mails: CPU milliseconds a mail, the costliest stage first, and mails a second.

    Some mails before them are not counted: imports, compiled patterns, prepared statements.
    """
    ours, now = context(), datetime.now(UTC)
    for number, prefix in ((100, "warm"), (count, "mix")):
        contents = [one.content for one in mails(number, prefix=prefix)]
        stages, began = Stages(), time.monotonic()
        batch_taken_in = stages.counting("commit and rest")(take_in)
        with stages.watching():
            for start in range(0, number, batch):
                receive(database, contents[start : start + batch], now)
            while batch_taken_in(database, ours, now, batch):
                while search.index_pending(database, 500):
                    pass
        rate = number / (time.monotonic() - began)
    by_cost = sorted(stages.cpu.items(), key=lambda one: -one[1])
    return {stage: 1000 * spent / count for stage, spent in by_cost}, rate


def measure(seconds: float) -> list[Figure]:
    """Each stage's CPU on SQLite, against the standard library parsing the same mails; in about so many seconds."""
    count = max(100, round(seconds * 15))
    with empty("sqlite") as database:
        by_stage, rate = run(database, count)
    contents = [one.content for one in mails(count)]
    base = [cpu_of(lambda: [*map(standard_library, contents)]) / count]
    figures = [ratio(stage, [ms], base) for stage, ms in by_stage.items()]
    return [*figures, ratio("all stages", [sum(by_stage.values())], base, rate=rate)]


def main(database: str = "sqlite", *, mails: int = 1000, batch: int = BATCH) -> None:
    with empty(database) as store:
        by_stage, rate = run(store, mails, batch)
    total = sum(by_stage.values())
    for stage, ms in by_stage.items():
        print(f"{stage:16} {ms:7.3f} ms a mail  {100 * ms / total:4.0f} %")
    print(f"{'all':16} {total:7.3f} ms a mail; one worker {rate:.0f} mails/s on {database}")


if __name__ == "__main__":
    cyclopts.run(main)
