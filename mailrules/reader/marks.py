"""64-bit hashes of features, called marks. A table of the feature names would need ten times the memory.

Each character has a random number, and each position in a text has a power of an odd number. The hash of a text is the
sum of their products, modulo 2^64. So the hash of a text can be computed from the hashes of its parts, and a few array
operations compute the marks of a whole mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Marks = NDArray[np.uint64]
Places = NDArray[np.int64]
Characters = NDArray[np.uint32]


class UnitMarks(NamedTuple):
    """Marks of several units, as two arrays of equal length: the index of the unit, and the mark."""

    units: Places
    marks: Marks


def joined(some: Sequence[UnitMarks]) -> UnitMarks:
    """Concatenate marks in the given order."""
    return UnitMarks(*(np.concatenate(columns) for columns in zip(*some, strict=True)))


class MarkTable:
    """A sorted table of marks. The row of a mark is its position. The highest bits of the marks are indexed."""

    def __init__(self, marks: Marks) -> None:
        """`marks`: in ascending order."""
        self.marks = np.append(marks, np.iinfo(np.uint64).max)
        bits = len(marks).bit_length() + 1
        self._shift = np.uint64(64 - bits)
        each = np.bincount((marks >> self._shift).astype(np.int64), minlength=1 << bits)
        self._first = (np.cumsum(each) - each).astype(np.int32)

    def __len__(self) -> int:
        return len(self.marks) - 1

    def find(self, marks: Marks) -> tuple[Places, Places]:
        """Return (indexes of the marks that are in the table, rows of these marks)."""
        rows = self._first.take((marks >> self._shift).astype(np.int64)).astype(np.int64)
        found = self.marks.take(rows)
        later = np.flatnonzero(found < marks)
        while len(later):
            rows[later] += 1
            found[later] = self.marks.take(rows[later])
            later = later[found[later] < marks[later]]
        known = np.flatnonzero(found == marks)
        return known, rows.take(known)


_BASE = 0xB8FE6C3923A44BBE | 1
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def lengths_of(some: Sequence[Sequence[object]]) -> Places:
    """Return the lengths of these sequences."""
    return np.fromiter(map(len, some), np.int64, len(some))


def marks_of(features: Sequence[str]) -> Marks:
    """Return the mark of each feature."""
    lengths = lengths_of(features)
    ends = np.cumsum(lengths)
    codes = _codes_of(characters_of("".join(features)))
    codes *= _powers(len(codes)).take(np.arange(len(codes)) - np.repeat(ends - lengths, lengths))
    marks = np.zeros(len(features), np.uint64)
    told = np.flatnonzero(lengths)
    if len(told):
        marks[told] = np.add.reduceat(codes, (ends - lengths)[told])
    return marks


@lru_cache(maxsize=8192)
def mark_of(feature: str) -> int:
    """Return the mark of one feature."""
    return int(marks_of([feature])[0])


def prefixed(prefix: str, marks: Marks) -> Marks:
    """Return the marks of the same features with a prefix."""
    longer: Marks = marks * _powers(len(prefix) + 1)[len(prefix)] + np.uint64(mark_of(prefix))
    return longer


def runs_of_words(words: Sequence[str]) -> tuple[Marks, Marks, Marks]:
    """Return the marks of all single words, and of all two and three consecutive words, joined by spaces."""
    marks, powers = marks_of(words), _powers(max(map(len, words), default=0) + 1).take(lengths_of(words))
    twos = marks[:-1] + powers[:-1] * prefixed(" ", marks[1:])
    return marks, twos, marks[:-2] + powers[:-2] * prefixed(" ", twos[1:])


def runs_of_letters(characters: Characters, spans: tuple[Places, Places], ends: str, least: int) -> Iterator[UnitMarks]:
    """Yield the marks of `least` to `least + 2` consecutive characters, with the index of the span.

    `spans`: positions and lengths of spans of the text. `ends`: two characters that replace the characters before and
    after each span. The features have the prefix `k:`.
    """
    firsts, lengths = spans[0], spans[1] + 2
    after = np.cumsum(lengths)
    numbers = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(numbers))
    text = characters.take(places + (firsts - 1 - after + lengths).take(numbers))
    text[after - lengths], text[after - 1] = map(ord, ends)
    room = after.take(numbers) - places
    marks = codes = _codes_of(text)
    for length, power in enumerate(_powers(least + 2)[1 : least + 2], 2):
        marks = marks[:-1] + power * codes[length - 1 :]
        if length >= least:
            at = np.flatnonzero(room >= length)
            yield UnitMarks(numbers.take(at), prefixed("k:", marks.take(at)))


def _codes_of(characters: Characters) -> Marks:
    """Return a pseudo-random number for each character."""
    codes: Marks = characters * _SPREAD
    codes ^= codes >> _HALF
    return codes


def characters_of(text: str) -> Characters:
    """Return the code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _powers(count: int) -> Marks:
    """Return the powers of the base from 0 on; at least `count` of them."""
    return _powers_of_two(max(count, 1 << 12).bit_length())


@lru_cache(maxsize=4)
def _powers_of_two(bits: int) -> Marks:
    """Return the first 2^`bits` powers of the base."""
    factors = np.full(1 << bits, _BASE, np.uint64)
    factors[0] = 1
    return np.cumprod(factors)
