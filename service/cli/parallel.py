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


def each_file(
    work: Callable[[Path], T], crashed: Callable[[Path], T], files: Sequence[Path], processes: int | None = None
) -> Iterator[T]:
    """Yield ``work`` of each file in order, or ``crashed`` if its process dies. Both must be importable by name."""
    processes = processes or os.cpu_count() or 1
    if processes < 2 or len(files) < MIN_FILES:
        yield from map(work, files)
        return
    chunks = [files[at : at + CHUNK] for at in range(0, len(files), CHUNK)]
    while chunks:
        with _pool(processes) as pool:
            futures = [pool.submit(_each, work, chunk) for chunk in chunks]
            try:
                for future in futures:
                    yield from future.result()
                    del chunks[0]
                return
            except BrokenProcessPool:
                for future in futures:
                    future.cancel()
        rest = list(chunks.pop(0))
        while rest:  # one file after the other, so that only the faulty file fails
            with _pool(1) as pool:
                first = len(rest)
                try:
                    while rest:
                        result = pool.submit(work, rest[0]).result()
                        del rest[0]
                        yield result
                except BrokenProcessPool:
                    if len(rest) == first:  # otherwise an earlier file may be the cause: try again in a new process
                        yield crashed(rest.pop(0))


def _each(work: Callable[[Path], T], files: Sequence[Path]) -> list[T]:
    return [work(file) for file in files]
