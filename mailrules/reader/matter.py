"""Decides by the words of a mail whether it continues a matter or begins another one.

Two linear classifiers read mail in Japanese or English. `continuation` reads mail of users and of unknown senders,
because mail of the team and of vendors nearly always continues a matter. `departure` reads replies of users and of the
team. The result helps to place a mail in a case (docs/placement.md).

The features are words, pairs and triples of words, and numbers that the reader has computed anyway: the probabilities
of the meanings, the scores of the first sentence and of the best later sentence, and whether the author announces
another matter. For example, thanks before a report of a fault are typical of a new matter.

``bench.train_matter`` trains both on labelled conversations and single mails. The boundary of `departure` is chosen so
that at most 2 % of the replies that stay with their matter, by writers unknown to it, are taken for a new one.

The file identifies words by their marks. In memory they are rows of the table of the reader's weights, because the
reader has found these rows already. Words that are not in the table do not count.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from ..statement import MailText
from .mailview import ABSENT, MailView, Matrix, is_readable
from .marks import MarkTable, Places

FILE = "matter.bin"
FURTHEST = 2.0  # scores are cut off at this distance from zero
_LEAST_CHANCE = 0.001
_ANNOUNCED = "say.another_matter"
_EARLY = 4  # units that may contain an announcement, after a greeting, a name and thanks


class MatterClassifier(NamedTuple):
    """One of the two classifiers. `values` and `squares` have one number for each row of the table of marks."""

    values: NDArray[np.float32]
    """What a word adds to the score, before it is divided by the length of the mail's vector."""
    squares: NDArray[np.float32]  # square of the weight of a word in that vector; 0.0 for words that do not count
    inputs: NDArray[np.float32]  # one weight for each number of `matter_inputs`
    base: float

    def score(self, rows: Places, inputs: NDArray[np.float64]) -> float:
        """Return the distance from the boundary, between -2 and 2; 0.0 if no word counts.

        ``rows``: the distinct features of the mail; ``inputs``: see `matter_inputs`.
        """
        if not self.squares.take(rows).any():
            return 0.0
        return round(max(-FURTHEST, min(FURTHEST, self.distance(rows, inputs))), 2)

    def distance(self, rows: Places, inputs: NDArray[np.float64]) -> float:
        """Return the distance from the boundary without limits."""
        length = float(np.sqrt(self.squares.take(rows).sum())) or 1.0
        return self.base + float(self.values.take(rows).sum()) / length + float(self.inputs @ inputs)


def tells_continuation(mail: MailText) -> bool:
    """Whether the words of a mail can tell that it continues an earlier matter."""
    return mail.side not in ("team", "vendor") and is_readable(mail)


def tells_departure(mail: MailText) -> bool:
    """Whether the words of a mail can tell that it begins another matter than the mail that it answers."""
    return mail.side in ("requester", "team") and mail.automatic is None and is_readable(mail)


def announces(view: MailView) -> bool:
    """Whether the author says in one of the first sentences that another matter begins."""
    return any(_ANNOUNCED in one.concepts for one in view.readings[:_EARLY])


def matter_inputs(view: MailView, chances: Mapping[str, float], scores: Matrix) -> NDArray[np.float64]:
    """Return the numbers about a mail, each roughly between -2 and 2.

    ``chances``: the probabilities of the meanings; ``scores``: the scores of the units.
    """
    units = scores[: len(view.readings)]
    chance = np.clip(np.fromiter(chances.values(), np.float64, len(chances)), _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    absent = np.full(units.shape[1], ABSENT)
    first = units[0] if len(units) else absent
    later = units[1:].max(0) if len(units) > 1 else absent
    of_units = np.clip(np.concatenate((first, later)), -2, 2) / 2
    lengths = min(len(units), 10) / 10, np.log1p(len(view.mail.text)) / 4
    return np.concatenate((np.log(chance / (1 - chance)) / 4, of_units, lengths, (2.0 * announces(view),)))


def read_classifiers(data: bytes, table: MarkTable) -> dict[str, MatterClassifier]:
    """Read the classifiers from the content of the file; see ``written``."""
    return {name: _read(document, table) for name, document in _content(data)["classifiers"].items()}


def _read(document: Mapping[str, Any], table: MarkTable) -> MatterClassifier:
    known, rows = table.find(np.frombuffer(document["marks"], np.uint64))
    values, squares = np.zeros((2, len(table)), np.float32)
    values[rows] = np.frombuffer(document["values"], np.float16)[known]
    squares[rows] = np.frombuffer(document["squares"], np.float16)[known]
    return MatterClassifier(values, squares, np.frombuffer(document["inputs"], np.float32), document["base"])


def trained_with(data: bytes) -> str:
    """Return the version of the reader's weights that the classifiers were trained with."""
    return str(_content(data)["version"])


def _content(data: bytes) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(data))
    return content


def written(classifiers: Mapping[str, MatterClassifier], table: MarkTable, version: str) -> bytes:
    """Return the content of the file. ``version``: see ``trained_with``."""
    documents = {name: _written(one, table) for name, one in classifiers.items()}
    content = msgspec.msgpack.encode({"version": version, "classifiers": documents})
    return zstandard.ZstdCompressor(level=19).compress(content)


def _written(classifier: MatterClassifier, table: MarkTable) -> dict[str, Any]:
    rows = np.flatnonzero(classifier.squares)
    return {
        "marks": table.marks.take(rows).tobytes(),
        "values": classifier.values.take(rows).astype(np.float16).tobytes(),
        "squares": classifier.squares.take(rows).astype(np.float16).tobytes(),
        "inputs": classifier.inputs.astype(np.float32).tobytes(),
        "base": classifier.base,
    }
