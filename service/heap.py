"""What the C library does with memory that was freed (glibc; elsewhere these do nothing)."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Of ``mallopt`` (glibc, malloc.h)."""
_BIG = 1 << 20
"""Blocks from this size on go back to the system when they are freed; unset, glibc raises it to what it has seen."""


def give_back_what_is_freed() -> None:
    """To be called once, early: big blocks are mapped by themselves, and threads share two arenas."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _BIG)
        libc.mallopt(_M_ARENA_MAX, 2)


def trim() -> None:
    """Give back what small blocks left behind."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
