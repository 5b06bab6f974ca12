"""Runs a function on many files, in several processes. A file that crashes its process does not affect the others."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

CHUNK = 16
MIN_FILES = 128
"""Fewer files are done by one process before another has started."""


class ParallelMap(Generic[T]):
    """Runs ``work`` on files. For a file that crashes its process, ``crashed`` returns the result.

    Both must be functions of a module, or ``functools.partial`` of such functions.
    """

    def __init__(self, work: Callable[[Path], T], crashed: Callable[[Path], T], processes: int | None = None) -> None:
        self.work, self.crashed = work, crashed
        self.processes = processes or os.cpu_count() or 1
        self.min_files = MIN_FILES

    def map(self, files: Sequence[Path]) -> Iterator[T]:
        """Yield the results in the order of ``files``."""
        if self.processes < 2 or len(files) < self.min_files:
            yield from map(self.work, files)
            return
        chunks = [files[at : at + CHUNK] for at in range(0, len(files), CHUNK)]
        at = 0
        while at < len(chunks):
            with self._pool(self.processes) as pool:
                futures = [pool.submit(_each, self.work, chunk) for chunk in chunks[at:]]
                try:
                    for future in futures:
                        yield from future.result()
                        at += 1
                    return
                except BrokenProcessPool:
                    for future in futures:
                        future.cancel()
            yield from self._one_by_one(chunks[at])
            at += 1

    def _one_by_one(self, files: Sequence[Path]) -> Iterator[T]:
        """Run each file in its own process, so that only the faulty one fails. Yields the results."""
        for file in files:
            with self._pool(1) as pool:
                try:
                    yield pool.submit(self.work, file).result()
                except BrokenProcessPool:
                    yield self.crashed(file)

    @staticmethod
    def _pool(processes: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))


def _each(work: Callable[[Path], T], files: Sequence[Path]) -> list[T]:
    return [work(file) for file in files]
