"""Measures the memory of this process, and frees caches that can be rebuilt.

Without this, a process would grow for months: regular expression automata grow with new text, more and more pages of
dictionaries are read, and the C library keeps freed memory.
"""

import gc
import os
import time
from pathlib import Path

from mailrules import library
from service import process
from service.store import case_messages

ROOM = 210_000_000  # bytes of physical memory; below this, nothing is freed
MIN_INTERVAL_SECONDS = 60.0
"""Minimum seconds before the caches are freed again; rebuilding them takes some tenths of a second."""

_PAGE = os.sysconf("SC_PAGE_SIZE")
_due = 0.0


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def freeze_after_loading() -> None:
    """Free memory that only loading needed, and exclude loaded objects from garbage collection."""
    process.return_freed_memory()
    gc.unfreeze()
    _free_caches()
    gc.freeze()
    process.release_mapped_files()


def free_if_above(room: int = ROOM) -> bool:
    """Keep the process below ``room`` bytes of memory: release mapped files, then free caches.

    Returns whether it freed the caches.
    """
    global _due
    now = time.monotonic()
    if resident() < room:
        return False
    process.release_mapped_files()
    if now < _due or resident() < room:
        return False
    _free_caches()
    _due = now + MIN_INTERVAL_SECONDS
    return True


def _free_caches() -> None:
    library.clear_caches()
    case_messages.clear_caches()
    gc.collect()
    process.trim()
