"""How much memory this process holds, and letting go of what it can make anew.

Automata of patterns grow with every text they have not seen yet, one mail in Danish loads the model of a hundred
languages, and the C library keeps what was freed: a process that runs for months must not be as big as the strangest
mails of all these months together.
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
"""Bytes of resident memory up to which nothing is let go."""
BETWEEN_SECONDS = 60.0
"""Between two times: what is needed is compiled anew, which costs some tenths of a second."""

_PAGE = os.sysconf("SC_PAGE_SIZE")
_due = 0.0


def resident() -> int:
    """Bytes of physical memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def settle() -> None:
    """To be called once all is loaded: free what only loading needed, and leave the rest out of every collection."""
    heap.give_back_what_is_freed()
    gc.unfreeze()
    _let_go()
    gc.freeze()


def look(room: int = ROOM) -> bool:
    """Let go where this process has outgrown its ``room``, at most once in ``BETWEEN_SECONDS``; whether it did."""
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
