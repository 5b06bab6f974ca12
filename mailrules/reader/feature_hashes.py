"""64-bit hashes of features. A table of the feature names would need ten times the memory.

Each character has a random number, and each position in a text has a power of an odd number. The hash of a text is the
sum of their products, modulo 2^64. So the hash of a text can be computed from the hashes of its parts. A few array
operations compute the hashes of a whole mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Indexes = NDArray[np.int64]
Characters = NDArray[np.uint32]


class UnitHashes(NamedTuple):
    """The hashes of the features of several units: two arrays of equal length."""

    units: Indexes  # the index of the unit
    hashes: Hashes


class HashTable:
    """A sorted table of hashes. The row of a hash is its position. An index of the highest bits speeds up searches."""

    def __init__(self, hashes: Hashes) -> None:
        """`hashes`: in ascending order."""
        self.hashes = np.append(hashes, np.iinfo(np.uint64).max)
        bits = len(hashes).bit_length() + 1
        self._shift = np.uint64(64 - bits)
        counts = np.bincount((hashes >> self._shift).astype(np.int64), minlength=1 << bits)
        self._first = (np.cumsum(counts) - counts).astype(np.int32)

    def __len__(self) -> int:
        return len(self.hashes) - 1

    def find(self, hashes: Hashes) -> tuple[Indexes, Indexes]:
        """Look up hashes. Return the positions in ``hashes`` of those that the table contains, and their rows."""
        rows = self._first.take((hashes >> self._shift).astype(np.int64)).astype(np.int64)
        found = self.hashes.take(rows)
        later = np.flatnonzero(found < hashes)
        while len(later):
            rows[later] += 1
            found[later] = self.hashes.take(rows[later])
            later = later[found[later] < hashes[later]]
        known = np.flatnonzero(found == hashes)
        return known, rows.take(known)


_BASE = 0xB8FE6C3923A44BBE | 1
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def unit_hashes(features: Sequence[Sequence[str]]) -> UnitHashes:
    """Return the hashes of the features of each unit."""
    units = np.repeat(np.arange(len(features)), lengths_of(features))
    return UnitHashes(units, hashes_of([name for names in features for name in names]))


def lengths_of(some: Sequence[Sequence[object]]) -> Indexes:
    """Return the lengths of these sequences."""
    return np.fromiter(map(len, some), np.int64, len(some))


def hashes_of(features: Sequence[str]) -> Hashes:
    """Return the hash of each feature."""
    lengths = lengths_of(features)
    ends = np.cumsum(lengths)
    codes = _codes_of(characters_of("".join(features)))
    codes *= _powers(len(codes)).take(np.arange(len(codes)) - np.repeat(ends - lengths, lengths))
    hashes = np.zeros(len(features), np.uint64)
    filled = np.flatnonzero(lengths)
    if len(filled):
        hashes[filled] = np.add.reduceat(codes, (ends - lengths)[filled])
    return hashes


@lru_cache(maxsize=8192)
def hash_of(feature: str) -> int:
    """Return the hash of one feature."""
    return int(hashes_of([feature])[0])


def with_prefix(prefix: str, hashes: Hashes) -> Hashes:
    """Return the hashes of the same features with a prefix."""
    longer: Hashes = hashes * _powers(len(prefix) + 1)[len(prefix)] + np.uint64(hash_of(prefix))
    return longer


def runs_of_words(words: Sequence[str]) -> tuple[Hashes, Hashes, Hashes]:
    """Return the hashes of all single words, and of all two and three consecutive words."""
    hashes, powers = hashes_of(words), _powers(max(map(len, words), default=0) + 1).take(lengths_of(words))
    twos = hashes[:-1] + powers[:-1] * with_prefix(" ", hashes[1:])
    return hashes, twos, hashes[:-2] + powers[:-2] * with_prefix(" ", twos[1:])


def runs_of_letters(
    characters: Characters, spans: tuple[Indexes, Indexes], ends: str, least: int
) -> Iterator[UnitHashes]:
    """Yield the hashes of `least` to `least + 2` consecutive characters, with the index of their span.

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
    hashes = codes = _codes_of(text)
    for length, power in enumerate(_powers(least + 2)[1 : least + 2], 2):
        hashes = hashes[:-1] + power * codes[length - 1 :]
        if length >= least:
            at = np.flatnonzero(room >= length)
            yield UnitHashes(numbers.take(at), with_prefix("k:", hashes.take(at)))


def _codes_of(characters: Characters) -> Hashes:
    """Return a pseudo-random number for each character."""
    codes: Hashes = characters * _SPREAD
    codes ^= codes >> _HALF
    return codes


def characters_of(text: str) -> Characters:
    """Return the code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _powers(count: int) -> Hashes:
    """Return the powers of the base from 0 on; at least `count` of them."""
    return _powers_of_two(max(count, 1 << 12).bit_length())


@lru_cache(maxsize=4)
def _powers_of_two(bits: int) -> Hashes:
    """Return the first 2^`bits` powers of the base."""
    factors = np.full(1 << bits, _BASE, np.uint64)
    factors[0] = 1
    return np.cumprod(factors)
