"""64-bit hashes of features ("marks"): a table of the names themselves would need ten times the memory.

The hash of a text is the sum over its characters of a random number for the character times a power of an odd number
for the place, modulo 2 to the 64th. So the hashes of all parts of a text follow from running sums over the text, and
the features of a whole mail take a few array operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Marks = NDArray[np.uint64]
Places = NDArray[np.int64]


class UnitMarks(NamedTuple):
    """Marks of several units: the number of the unit of each mark, and the mark."""

    units: Places
    marks: Marks

    @classmethod
    def none(cls) -> UnitMarks:
        """Return no marks."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.uint64))


def joined(some: Sequence[UnitMarks]) -> UnitMarks:
    """Concatenate marks in the given order."""
    return UnitMarks(*(np.concatenate(columns) for columns in zip(*some, strict=True)))


_BASE = 0xB8FE6C3923A44BBE | 1
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


class HashedText:
    """A text whose parts can be hashed, many at a time."""

    def __init__(self, text: str) -> None:
        code = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32) * _SPREAD
        code ^= code >> _HALF
        powers, self._inverses = _powers(max(len(code), 1 << 14).bit_length())
        code *= powers[: len(code)]
        self._sums = np.zeros(len(code) + 1, np.uint64)
        np.cumsum(code, out=self._sums[1:])

    def marks(self, starts: Places, ends: Places) -> Marks:
        """Return the hashes of these parts of the text."""
        parts: Marks = (self._sums[ends] - self._sums[starts]) * self._inverses[starts]
        return parts


def marks_of(features: Sequence[str]) -> Marks:
    """Return the mark of each feature."""
    ends = np.zeros(len(features) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, features), np.int64, len(features)), out=ends[1:])
    return HashedText("".join(features)).marks(ends[:-1], ends[1:])


@lru_cache(maxsize=8192)
def mark_of(feature: str) -> int:
    """Return the mark of one feature. Cached, since most mails have the same features beside those of their words."""
    return int(marks_of([feature])[0])


def prefixed(prefix: str, marks: Marks) -> Marks:
    """Return the marks of the same features with a prefix."""
    longer: Marks = marks * _powers(15)[0][len(prefix)] + np.uint64(mark_of(prefix))
    return longer


@lru_cache(maxsize=4)
def _powers(bits: int) -> tuple[Marks, Marks]:
    """Return 2 to the `bits` powers of the base, and their inverses."""
    return _powers_of(_BASE, bits), _powers_of(pow(_BASE, -1, 1 << 64), bits)


def _powers_of(base: int, bits: int) -> Marks:
    factors = np.full(1 << bits, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors)
