"""Decides by the words of a mail whether it continues an earlier matter or begins a new one.

One linear classifier, for mail of users and of unknown senders in Japanese or English. Its features are single words,
and two and three consecutive words. ``bench.fit_matcher`` trains it on labelled conversations. The score helps to place
a mail in a case (docs/placement.md); the statements do not depend on it. Mail of the team and of vendors nearly always
continues a matter, so its words do not tell.

The file identifies features by their marks. In memory they are rows of the table of the reader's weights, because the
reader has found these rows already. Words that are not in the table do not count.
"""

from typing import Any, NamedTuple

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from ..statement import MailText
from .mailview import is_readable
from .marks import MarkTable, Places

FURTHEST = 2.0  # scores are cut off at this distance from zero
FILE = "continuation.bin"


class WordWeights(NamedTuple):
    """The classifier. Each array has one number for each row of the table of marks."""

    values: NDArray[np.float32]
    """What a feature adds to the score, before it is divided by the length of the mail's vector."""
    squares: NDArray[np.float32]  # square of the weight of a feature in that vector; 0.0 for features that do not count
    base: float

    def score(self, rows: Places) -> float:
        """Return the distance from the decision boundary, between -2 and 2: positive if the mail continues a matter.

        ``rows``: the distinct features of the mail. The result is 0.0 if none of them counts.
        """
        return bounded(self.sum(rows)) if self.squares.take(rows).any() else 0.0

    def sum(self, rows: Places) -> float:
        """Return the distance from the decision boundary without limits; the base if no feature counts."""
        length = float(np.sqrt(self.squares.take(rows).sum()))
        return self.base + (float(self.values.take(rows).sum()) / length if length else 0.0)


def tells_continuation(mail: MailText) -> bool:
    """Whether the words of a mail can tell that it goes on with an earlier matter."""
    return mail.side not in ("team", "vendor") and is_readable(mail)


def bounded(score: float) -> float:
    """Return a score between the limits, rounded to two digits."""
    return round(max(-FURTHEST, min(FURTHEST, score)), 2)


def read_continuation(data: bytes, table: MarkTable) -> WordWeights:
    """Read the classifier from the content of a file; see ``written``."""
    document = _document(data)
    known, rows = table.find(np.frombuffer(document["marks"], np.uint64))
    values, squares = np.zeros((2, len(table)), np.float32)
    values[rows] = np.frombuffer(document["values"], np.float16)[known]
    squares[rows] = np.frombuffer(document["squares"], np.float16)[known]
    return WordWeights(values, squares, document["base"])


def trained_with(data: bytes) -> str:
    """Return the version of the reader's weights whose table of features the classifier was trained with."""
    return str(_document(data)["version"])


def _document(data: bytes) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(data))
    return document


def written(classifier: WordWeights, table: MarkTable, version: str) -> bytes:
    """Return the content of a file. ``version``: see ``trained_with``."""
    rows = np.flatnonzero(classifier.squares)
    document = {
        "version": version,
        "marks": table.marks.take(rows).tobytes(),
        "values": classifier.values.take(rows).astype(np.float16).tobytes(),
        "squares": classifier.squares.take(rows).astype(np.float16).tobytes(),
        "base": classifier.base,
    }
    return zstandard.ZstdCompressor(level=19).compress(msgspec.msgpack.encode(document))
