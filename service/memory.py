"""Measures the memory of this process, and frees what can be had again.

Regular expression automata grow with new text, more and more pages of dictionaries are read, and the C library keeps
freed memory. Without this, a process that runs for months would be as large as its most unusual mails required.
"""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

from mailrules import library
from service import heap
from service.store import lines

ROOM = 210_000_000
"""Bytes of resident memory below which nothing is freed."""
BETWEEN_SECONDS = 60.0
"""Minimum seconds between two times, since rebuilding the caches takes some tenths of a second."""

_PAGE = os.sysconf("SC_PAGE_SIZE")
_due = 0.0


def resident() -> int:
    """Return the bytes of physical memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def settle() -> None:
    """Free what only loading needed, and exclude the rest from garbage collection. Call once all is loaded."""
    heap.give_back_what_is_freed()
    gc.unfreeze()
    _let_go()
    gc.freeze()
    heap.release_mapped_files()


def look(room: int = ROOM) -> bool:
    """Release mapped files if the process exceeds ``room`` bytes, and if it still does, free caches.

    Returns whether caches were freed, which happens at most once in ``BETWEEN_SECONDS``.
    """
    global _due
    now = time.monotonic()
    if resident() < room:
        return False
    heap.release_mapped_files()
    if now < _due or resident() < room:
        return False
    _let_go()
    _due = now + BETWEEN_SECONDS
    return True


def _let_go() -> None:
    library.clear_caches()
    lines.clear_caches()
    gc.collect()
    heap.trim()
