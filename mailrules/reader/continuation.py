"""Whether a mail goes on with an earlier matter or begins one, by its words alone.

A linear classifier over words and over two and three words in a row, one for mail of vendors and one for mail of
users. ``bench.fit_matcher`` trains it on labelled conversations. It helps to place a mail in a case
(docs/placement.md); the statements do not depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from .features import word_runs
from .mailview import MailView, side_of
from .marks import Marks, MarkTable
from .unit_reading import Reading

FURTHEST = 2.0
"""Scores are cut off at this distance from zero."""
FILE = "continuation.bin"


class WordWeights(NamedTuple):
    """The classifier of one side."""

    table: MarkTable
    values: NDArray[np.float32]
    """What each feature adds to the score, before it is divided by the length of the mail's vector."""
    squares: NDArray[np.float32]
    """Square of the weight of each feature in that vector."""
    base: float

    def score(self, marks: Marks) -> float:
        """Return the distance from the decision boundary: positive if the mail goes on; 0.0 without a known word."""
        rows = np.unique(self.table.find(marks)[1])
        length = float(np.sqrt(self.squares.take(rows).sum()))
        if not length:
            return 0.0
        return float(np.clip(self.values.take(rows).sum() / length + self.base, -FURTHEST, FURTHEST))


def readings_of(view: MailView) -> list[Reading]:
    """Return the units of a mail, and its subject."""
    return [*view.readings, *([view.subject] if view.subject is not None else [])]


def continuation_score(view: MailView, classifiers: Mapping[str, WordWeights]) -> float:
    """Return a score between -2 and 2: positive if a mail goes on with an earlier matter, negative if it begins one.

    0.0 for the team's mail, which nearly always goes on.
    """
    if view.mail.side == "team":
        return 0.0
    marks = np.concatenate([found.marks for found in word_runs(readings_of(view))])
    return round(classifiers[side_of(view.mail)].score(marks), 2)


def read_continuation(data: bytes) -> dict[str, WordWeights]:
    """Read the classifiers by side from the content of a file; see ``written``."""
    document: dict[str, dict[str, Any]] = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(data))
    return {
        side: WordWeights(
            MarkTable(np.frombuffer(part["marks"], np.uint64)),
            np.frombuffer(part["values"], np.float16).astype(np.float32),
            np.frombuffer(part["squares"], np.float16).astype(np.float32),
            part["base"],
        )
        for side, part in document.items()
    }


def written(classifiers: Mapping[str, WordWeights]) -> bytes:
    """Return the content of a file."""
    document = {
        side: {
            "marks": one.table.marks[:-1].tobytes(),
            "values": one.values.astype(np.float16).tobytes(),
            "squares": one.squares.astype(np.float16).tobytes(),
            "base": one.base,
        }
        for side, one in classifiers.items()
    }
    return zstandard.ZstdCompressor(level=19).compress(msgspec.msgpack.encode(document))


@cache
def shipped_continuation() -> dict[str, WordWeights]:
    """Return the classifiers shipped with sodan."""
    return read_continuation((files("mailrules") / "reader" / FILE).read_bytes())
