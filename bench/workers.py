"""Compares two workers with one worker on the same waiting mails. Only one worker at a time can write.

Nobody sends mail meanwhile. Each worker is a process of its own. They begin when all have loaded their rules and have
read some mails, so the start is not measured. Indexing is left out.
"""

import contextlib
import logging
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from threading import Barrier

import structlog

from bench.harness import LEASE, Figure, context, empty, ratio, receive, url_of
from bench.mix import mails
from service.intake import AppContext
from service.settings import load
from service.store import spool_view
from service.store.database import WORKER_CACHE_MB, Database
from service.worker import Worker

PATIENCE = 300.0
NOW = partial(datetime.now, UTC)


def take_in_all(database: Database, ours: AppContext) -> None:
    worker = Worker(database, ours, by="bench", batch=load(_env_file=None).batch, lease=LEASE, clock=NOW)
    while worker.step():
        pass


def work(url: str, start: Barrier) -> tuple[float, float]:
    """Get ready, wait for the other workers, then take all mails in. Return the times of the begin and of the end."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    ours = context()
    with empty() as other, contextlib.closing(Database(url, WORKER_CACHE_MB)) as database:
        receive(other, [one.content for one in mails(40, seed=2)], NOW())
        take_in_all(other, ours)
        start.wait(PATIENCE)
        began = time.monotonic()
        take_in_all(database, ours)
        return began, time.monotonic()


def rate(turn: int, workers: int, count: int) -> float:
    """Return the mails per second of so many workers."""
    spawn = multiprocessing.get_context("spawn")
    with empty() as database, spawn.Manager() as manager:
        receive(database, [one.content for one in mails(count, seed=10 + turn)], NOW())
        start = manager.Barrier(workers)
        with ProcessPoolExecutor(workers, spawn) as pool:
            began, ended = zip(*pool.map(work, [url_of(database)] * workers, [start] * workers), strict=True)
        taken_in = database.read(spool_view.ledger).taken_in
    if taken_in != count:
        raise RuntimeError(f"{count} were received, {taken_in} taken in")
    return float(count / (max(ended) - min(began)))


def measure(seconds: float) -> list[Figure]:
    """Measure the rates of one and of two workers on SQLite, in turns."""
    count, rounds = max(60, round(seconds * 4)), 2 if seconds >= 60 else 1
    one, two = zip(*[[rate(turn, workers, count) for workers in (1, 2)] for turn in range(rounds)], strict=True)
    return [ratio("two workers, sqlite", two, one, 1.7, unit="mails/s")]
