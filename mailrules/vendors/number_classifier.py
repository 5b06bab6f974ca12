"""A linear classifier: decides by the text around a number whether it is a vendor's case number.

The features are the characters and words before and after the number, its shape, its place, who wrote the mail, and
its labels and marks. ``bench.train_numbers`` trains the weights on labelled mails. The name of a feature is hashed into
a table of ``SIZE`` weights. Two features can share a weight, because the training uses the same table.
"""

import math
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from itertools import takewhile
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

FILE, FORMAT = "numbers.bin", "<f2"  # the file with the weights, and their type
SIZE = 1 << 17
LEAST = 0.5  # minimum probability of a case number
_BEFORE, _AFTER = 24, 16  # characters around the number that are read
_DIGIT, _CAPITAL = re.compile(r"[0-9]"), re.compile(r"[A-Z]")
_REPEATED = re.compile(r"(.)\1+")
_WORD = re.compile(r"[A-Z]+")


def number_features(text: str, start: int, end: int, place: str, side: str, marks: Iterable[str]) -> Iterator[str]:
    """Yield the features of the number ``text[start:end]``.

    ``text``: folded, in capitals; ``place``: subject or text; ``side``: who wrote the mail; ``marks``: the labels and
    marks of the number.
    """
    before = _DIGIT.sub("9", text[max(0, start - _BEFORE) : start].rpartition("\n")[2])
    after = _DIGIT.sub("9", text[end : end + _AFTER].partition("\n")[0])
    shape = _CAPITAL.sub("A", _DIGIT.sub("9", text[start:end]))
    outline = _REPEATED.sub(r"\1+", shape)
    for length in (1, 2, 3, 4, 5, 6, 8):
        yield f"before:{before[-length:]}"
    for length in (1, 2, 3, 4, 6):
        yield f"after:{after[:length]}"
    yield from (f"near before:{before[at : at + 3]}" for at in range(len(before) - 2))
    yield from (f"near after:{after[at : at + 2]}" for at in range(len(after) - 1))
    yield from (f"word before:{word}" for word in _WORD.findall(before))
    yield from (f"word after:{word}" for word in _WORD.findall(after))
    yield "letters:" + "".join(takewhile(str.isalpha, text[start:end]))
    yield from (f"shape:{shape}", f"outline:{outline}", f"outline:{place} {outline}", f"first:{shape[0]}")
    yield from (f"digits:{shape.count('9')}", f"length:{min(len(shape), 14)}", f"letters:{'A' in shape}")
    yield from (f"side:{side}", f"place:{place}", f"side, place:{side} {place}")
    for mark in marks:
        yield from (f"mark:{mark}", f"mark, side:{mark} {side}")


def slots_of(features: Iterable[str]) -> list[int]:
    """Return the positions of the features in the table of weights."""
    return sorted({crc32(feature.encode()) % SIZE for feature in features})


def probability(features: Iterable[str]) -> float:
    """Return the probability that the number with these features is a case number of the vendor."""
    weights = _weights()
    return 1.0 / (1.0 + math.exp(-float(weights[slots_of(features)].sum() + weights[SIZE])))


@cache
def _weights() -> NDArray[np.float32]:
    return np.frombuffer(files("mailrules.vendors").joinpath(FILE).read_bytes(), FORMAT).astype(np.float32)
