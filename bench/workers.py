"""Compares two workers with one worker on the same waiting mails. Only one worker at a time can write.

Nobody sends mail meanwhile. Each worker is a process of its own. They begin when all have loaded their rules and have
read some mails, so the start is not measured. Indexing is left out.
"""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from threading import Barrier

from bench.harness import Figure, context, databases, empty, in_turns, opened, ratio, worker
from bench.mix import mails
from bench.taking_in import receive
from service import settings
from service.store import spool_view
from service.store.database import WORKER_CACHE_MB, Database

TARGET = 1.7
PATIENCE = 300.0
NOW = partial(datetime.now, UTC)


def work(url: str, start: Barrier) -> tuple[float, float]:
    """Get ready, wait for the other workers, then take all mails in. Return the times of the begin and of the end."""
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


def rate(turn: int, workers: int, count: int) -> float:
    """Return the mails per second of so many workers."""
    spawn = multiprocessing.get_context("spawn")
    with databases("sqlite") as create, opened(url := create("bench")) as database, spawn.Manager() as manager:
        receive(database, [one.content for one in mails(count, seed=10 + turn)], NOW())
        start = manager.Barrier(workers)
        with ProcessPoolExecutor(workers, spawn) as pool:
            began, ended = zip(*pool.map(work, [url] * workers, [start] * workers), strict=True)
        taken_in = database.read(spool_view.ledger).taken_in
    if taken_in != count:
        raise RuntimeError(f"{count} were received, {taken_in} taken in")
    seconds: float = max(ended) - min(began)
    return count / seconds


def measure(seconds: float) -> list[Figure]:
    """Measure the rates of one and of two workers on SQLite, in turns."""
    count, rounds = max(60, round(seconds * 4)), 2 if seconds >= 60 else 1
    one, two = in_turns([partial(rate, workers=workers, count=count) for workers in (1, 2)], rounds)
    return [ratio("two workers, sqlite", two, one, TARGET, unit="mails/s")]
