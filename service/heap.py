"""Controls how much freed memory the process keeps (Linux with glibc; no effect elsewhere)."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Parameters of ``mallopt`` (glibc, malloc.h)."""
_BIG = 1 << 20
"""Blocks of at least this many bytes return to the system when freed; glibc's own threshold grows over time."""
_MADV_DONTNEED = 4
_MAPS = Path("/proc/self/smaps")


def give_back_what_is_freed() -> None:
    """Map large blocks separately and limit threads to two arenas. Call once, early."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _BIG)
        libc.mallopt(_M_ARENA_MAX, 2)


def trim() -> None:
    """Give freed memory of small blocks back to the operating system (``malloc_trim``)."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def release_mapped_files() -> None:
    """Release the pages of large files that are mapped for reading, such as a dictionary.

    The system still has them, so that a page costs a microsecond when it is read next.
    """
    if _MAPS.exists():
        libc = ctypes.CDLL(None)
        for begin, end in _clean_maps(_MAPS.read_text()):
            libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_DONTNEED)


def _clean_maps(maps: str) -> Iterator[tuple[int, int]]:
    """Yield begin and end of the large maps of files that cannot be written and have no page of their own."""
    begin = end = 0
    read_only = False
    for line in maps.splitlines():
        name, *values = line.split()
        if not name.endswith(":"):  # the head of a map: addresses, permissions, offset, device, inode, file
            begin, end = (int(address, 16) for address in name.split("-"))
            read_only = values[0].startswith("r--") and len(values) > 4
        elif name in ("Private_Dirty:", "Anonymous:") and values[0] != "0":
            read_only = False
        elif name == "VmFlags:" and read_only and end - begin >= _BIG:
            yield begin, end
