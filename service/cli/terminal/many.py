"""Processes many files, in several processes if worthwhile.

Results are in order even if a process crashes.
"""

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
WORTH_IT = 128
"""Fewer files are finished before a second process has started."""


class Many(Generic[T]):
    """Runs ``work`` on each file. ``fallen`` returns the result for a file that crashed its process.

    ``work`` and ``fallen`` must be importable (module level, or ``functools.partial`` of such functions).
    """

    def __init__(self, work: Callable[[Path], T], fallen: Callable[[Path], T], processes: int | None = None) -> None:
        self.work, self.fallen = work, fallen
        self.processes = processes or os.cpu_count() or 1
        self.least = WORTH_IT

    def over(self, files: Sequence[Path]) -> Iterator[T]:
        """Yield the results in the order of ``files``."""
        if self.processes < 2 or len(files) < self.least:
            yield from map(self.work, files)
            return
        chunks = [files[at : at + CHUNK] for at in range(0, len(files), CHUNK)]
        at = 0
        while at < len(chunks):
            with self._pool(self.processes) as pool:
                waiting = [pool.submit(_each, self.work, chunk) for chunk in chunks[at:]]
                try:
                    for done in waiting:
                        yield from done.result()
                        at += 1
                    return
                except BrokenProcessPool:
                    for future in waiting:
                        future.cancel()
            yield from self._one_by_one(chunks[at])
            at += 1

    def _one_by_one(self, files: Sequence[Path]) -> Iterator[T]:
        """Run each file in a process of its own, so that only the faulty one fails."""
        for file in files:
            with self._pool(1) as pool:
                try:
                    yield pool.submit(self.work, file).result()
                except BrokenProcessPool:
                    yield self.fallen(file)

    @staticmethod
    def _pool(processes: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))


def _each(work: Callable[[Path], T], files: Sequence[Path]) -> list[T]:
    return [work(file) for file in files]
