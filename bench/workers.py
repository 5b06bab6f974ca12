"""Two workers against one on the same waiting mails: what the placing, which is one at a time, leaves of the second.

    python -m bench.workers [--mails 400] [--rounds 3] [sqlite postgresql]

Nobody sends meanwhile: the workers are all that runs. Each is a process of its own and begins once all have their rules
loaded and have read some mails, so that neither starting nor compiling is measured. Indexing is left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import IO

from bench.figure import Outcome, figure, outcome, show
from bench.machine import ROOT
from bench.mix import mails
from bench.stores import context, databases
from service import intake
from service.holders import process_name
from service.store import spool_view
from service.store.database import Database
from service.store.migrate import migrate
from service.store.spool import Claimed, Envelope
from service.worker import Worker

PROMISED = 1.6
SPENT = "CPU seconds: "
ENVELOPE = Envelope("smtp", "user1@corp.example", ("help@intake.example",))


def work(url: str) -> int:
    """One worker: say that it is ready, wait for the word, take in until nothing is due; tell its CPU seconds."""
    ours = context()
    for one in mails(40, seed=2):
        intake.understand(Claimed("", datetime.now(UTC), ENVELOPE, one.content, 1), ours, ours.roles())
    clock = lambda: datetime.now(UTC)  # noqa: E731
    database = Database(url)
    worker = Worker(database, ours, by=process_name(), batch=128, lease=timedelta(seconds=300), clock=clock)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.process_time()
    while worker.step():
        pass
    print(f"{SPENT}{time.process_time() - began}", flush=True)
    database.close()
    return 0


def taken(kind: str, workers: int, count: int, turn: int) -> tuple[float, float]:
    """Mails a second of so many workers, and their CPU milliseconds a mail."""
    with databases(kind) as create:
        url = create("bench")
        database = Database(url)
        migrate(database)
        made = [one.content for one in mails(count, seed=10 + turn)]
        for start in range(0, count, 100):
            intake.receive(database, [(ENVELOPE, one) for one in made[start : start + 100]], datetime.now(UTC))
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.workers", "--work", url],
                cwd=ROOT,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for _ in range(workers)
        ]
        try:
            rate, spent = _race(running, count)
        finally:
            for process in running:
                process.kill()
        left = database.read(spool_view.ledger)
        database.close()
    if left.taken_in != count:
        raise RuntimeError(f"{count} were received, {left.taken_in} taken in")
    return rate, spent


def _race(running: Sequence[subprocess.Popen[str]], count: int) -> tuple[float, float]:
    """Start them together once all are ready."""
    said = [one.stdout for one in running if one.stdout is not None]
    for one in said:
        one.readline()
    began = time.monotonic()
    for process in running:
        if process.stdin is not None:
            process.stdin.write("go\n")
            process.stdin.flush()
    spent = sum(_told(one) for one in said)
    return count / (time.monotonic() - began), 1000 * spent / count


def _told(said: IO[str]) -> float:
    """The CPU seconds that a worker tells in the end, after its log."""
    for line in said:
        if line.startswith(SPENT):
            return float(line.removeprefix(SPENT))
    raise RuntimeError("a worker ended without a word")


def compare(kinds: Sequence[str], count: int, rounds: int) -> Outcome:
    """By database: the rate of two against one, in turns."""
    figures = []
    for kind in kinds:
        found: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
        for turn in range(rounds):
            for workers in (1, 2) if turn % 2 else (2, 1):
                found[workers].append(taken(kind, workers, count, turn))
        rates = {workers: statistics.median(rate for rate, _ in tries) for workers, tries in found.items()}
        spent = {workers: statistics.median(cpu for _, cpu in tries) for workers, tries in found.items()}
        detail = {"rate": rates[2], "base": rates[1], "cpu_ms": spent[2], "base_cpu_ms": spent[1]}
        detail["load"] = os.getloadavg()[0]
        against = "one worker"
        what = f"two workers, {kind}"
        figures.append(figure(what, rates[2] / rates[1], against=against, promised=PROMISED, detail=detail))
    return outcome(figures)


def measure(seconds: float) -> Outcome:
    """SQLite, in about so many seconds."""
    return compare(["sqlite"], max(60, round(seconds * 4)), rounds=2 if seconds >= 60 else 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--mails", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", metavar="URL", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        return work(asked.work)
    return show(compare(asked.databases, asked.mails, asked.rounds))


if __name__ == "__main__":
    sys.exit(main())
