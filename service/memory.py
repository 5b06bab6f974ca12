"""Measures the memory of this process, and frees caches that can be rebuilt.

Regular expression automata grow with new text, one Danish mail loads the model of a hundred languages, and the C
library keeps freed memory. Without this, a process that runs for months would be as large as its most unusual mails
required.
"""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

from mailrules import library
from service import heap
from service.mail import language
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


def look(room: int = ROOM) -> bool:
    """Free caches if the process exceeds ``room`` bytes; returns whether it did.

    Does so at most once in ``BETWEEN_SECONDS``.
    """
    global _due
    now = time.monotonic()
    if now < _due or resident() < room:
        return False
    _let_go()
    _due = now + BETWEEN_SECONDS
    return True


def _let_go() -> None:
    library.clear_caches()
    language.clear_caches()
    lines.clear_caches()
    gc.collect()
    heap.trim()
