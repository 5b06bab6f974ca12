"""Runs a function on many files, in several processes. A file that crashes its process does not affect the others."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

CHUNK = 16
MIN_FILES = 128  # for fewer files, one process is faster than starting more processes
_pool = partial(ProcessPoolExecutor, mp_context=multiprocessing.get_context("spawn"))


def each_file(work: Callable[..., T], files: Sequence[Path], processes: int | None = None) -> Iterator[T]:
    """Yield ``work(file)`` for each file, in order. If a call kills its process, ``work(file, crashed=True)`` follows.

    ``work`` must be importable by name.
    """
    processes = processes or os.cpu_count() or 1
    if processes < 2 or len(files) < MIN_FILES:
        yield from map(work, files)
        return
    rest = list(files)
    while rest:
        with _pool(processes) as pool:
            try:
                for result in pool.map(work, rest, chunksize=CHUNK):
                    del rest[0]
                    yield result
                return
            except BrokenProcessPool:
                suspects, rest = rest[:CHUNK], rest[CHUNK:]
        yield from (_alone(work, file) for file in suspects)


def _alone(work: Callable[..., T], file: Path) -> T:
    """Return the result for one file, which runs in a process of its own."""
    with _pool(1) as pool:
        try:
            return pool.submit(work, file).result()
        except BrokenProcessPool:
            return work(file, crashed=True)
