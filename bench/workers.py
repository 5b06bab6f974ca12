"""Two workers against one on the same waiting mails: what is written is written one batch at a time.

    python -m bench.workers [sqlite postgresql] [--mails 400] [--rounds 3]

Nobody sends meanwhile: the workers are all that runs. Each is a process of its own and begins once all have their rules
loaded and have read some mails, so that neither starting nor compiling is measured. Indexing is left out.
"""

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from threading import Barrier

import cyclopts

from bench.harness import Figure, context, databases, empty, in_turns, opened, ratio, show, worker
from bench.mix import mails
from bench.taking_in import receive
from service import settings
from service.store import spool_view
from service.store.database import WORKER_CACHE_MB, Database

TARGET = 1.7
PATIENCE = 300.0
NOW = partial(datetime.now, UTC)


def work(url: str, start: Barrier) -> tuple[float, float]:
    """One worker: get ready, wait for the others, take in until nothing is due; when it began and ended that."""
    ours = context()
    with empty("sqlite") as other:
        receive(other, [one.content for one in mails(40, seed=2)], NOW())
        while worker(other, ours, NOW).step():
            pass
    with closing(Database(url, WORKER_CACHE_MB)) as database:
        reads = worker(database, ours, NOW, batch=settings.load(_env_file=None).batch)
        start.wait(PATIENCE)
        began = time.monotonic()
        while reads.step():
            pass
        return began, time.monotonic()


def rate(turn: int, kind: str, workers: int, count: int) -> float:
    """Mails a second of so many workers."""
    spawn = multiprocessing.get_context("spawn")
    with databases(kind) as create, opened(url := create("bench")) as database, spawn.Manager() as manager:
        receive(database, [one.content for one in mails(count, seed=10 + turn)], NOW())
        start = manager.Barrier(workers)
        with ProcessPoolExecutor(workers, spawn) as pool:
            began, ended = zip(*pool.map(work, [url] * workers, [start] * workers), strict=True)
        taken_in = database.read(spool_view.ledger).taken_in
    if taken_in != count:
        raise RuntimeError(f"{count} were received, {taken_in} taken in")
    seconds: float = max(ended) - min(began)
    return count / seconds


def compare(kinds: Sequence[str], count: int, rounds: int) -> list[Figure]:
    """By database: the rate of two against one, in turns."""
    figures = []
    for kind in kinds:
        one, two = in_turns([partial(rate, kind=kind, workers=workers, count=count) for workers in (1, 2)], rounds)
        figures.append(ratio(f"two workers, {kind}", two, one, TARGET, unit="mails/s"))
    return figures


def measure(seconds: float) -> list[Figure]:
    """SQLite, in about so many seconds."""
    return compare(["sqlite"], max(60, round(seconds * 4)), rounds=2 if seconds >= 60 else 1)


def main(*kinds: str, mails: int = 400, rounds: int = 3) -> int:
    return show(compare(kinds or ("sqlite", "postgresql"), mails, rounds))


if __name__ == "__main__":
    cyclopts.run(main)
