"""How much memory this process holds, and letting go of what it can make anew.

Automata of patterns grow with every text they have not seen yet, one mail in Danish loads the model of a hundred
languages, and the C library keeps what was freed: a process that runs for months must not be as big as the strangest
mails of all these months together.
"""

from __future__ import annotations

import ctypes
import gc
import os
import time
from pathlib import Path

from mailrules import library
from service.mail import language

ROOM = 210_000_000
"""Bytes of resident memory up to which nothing is let go."""
BETWEEN_SECONDS = 60.0
"""Between two times: what is needed is compiled anew, which costs some tenths of a second."""

_PAGE = os.sysconf("SC_PAGE_SIZE")
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Of ``mallopt`` (glibc, malloc.h)."""
_BIG = 1 << 20
"""Blocks from this size on go back to the system when they are freed; unset, glibc raises it to what it has seen."""

_due = 0.0


def resident() -> int:
    """Bytes of physical memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def settle() -> None:
    """To be called once all is loaded: free what only loading needed, and leave the rest out of every collection."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _BIG)
        libc.mallopt(_M_ARENA_MAX, 2)
    gc.unfreeze()
    _let_go(libc)
    gc.freeze()


def look(room: int = ROOM) -> bool:
    """Let go where this process has outgrown its ``room``, at most once in ``BETWEEN_SECONDS``; whether it did."""
    global _due
    now = time.monotonic()
    if now < _due or resident() < room:
        return False
    _let_go(ctypes.CDLL(None))
    _due = now + BETWEEN_SECONDS
    return True


def _let_go(libc: ctypes.CDLL) -> None:
    library.let_go()
    language.let_go()
    gc.collect()
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
