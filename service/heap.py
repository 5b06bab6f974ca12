"""Controls how the C library returns freed memory to the system (glibc; no effect elsewhere)."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Parameters of ``mallopt`` (glibc, malloc.h)."""
_BIG = 1 << 20
"""Blocks of at least this many bytes return to the system when freed; glibc's own threshold grows over time."""


def give_back_what_is_freed() -> None:
    """Map large blocks separately and limit threads to two arenas. Call once, early."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _BIG)
        libc.mallopt(_M_ARENA_MAX, 2)


def trim() -> None:
    """Return free memory of small blocks to the system."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
