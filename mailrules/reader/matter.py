"""Classifies mail by its words: whether it begins another matter, and who has to act next.

Linear classifiers read mail in Japanese or English:

- `continuation`: whether a mail of a user or of an unknown sender continues a matter. Mail of the team and of vendors
  nearly always continues one.
- `departure`: whether a reply of a user or of the team begins another matter. These two classifiers help to place a
  mail in a case (docs/placement.md).
- `next.vendor`, `next.team`, `next.ours`: who has to act after a mail of a vendor, of the team, or of anybody else
  (docs/design.md, Turn and asks).
- `report.vendor`, `report.ours`: what a mail reports (`reports.py`).
- `vendor_author`: whether the first mail of an unknown sender is a vendor's mail about a case that the vendor has.

The features are words, pairs and triples of words, and numbers that the reader has computed anyway: the probabilities
of the meanings, the scores of the first sentence and of the best later sentence, and whether the author announces
another matter. For example, thanks before a report of a fault are typical of a new matter.

``bench.train_matter`` trains the classifiers on labelled conversations and single mails. The boundary of `departure` is
chosen so that at most 2 % of the replies that stay with their matter are taken for a new one. This holds for writers
whose mail was not used in training.

The file identifies words by their hashes. In memory, words are rows of the table of the reader's weights, because the
reader has already found these rows. Words that are not in the table do not count.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from ..statement import NEXT_SIDES, MailText, NextSide
from .feature_hashes import HashTable, Indexes
from .mailview import ABSENT, MailView, Matrix, is_readable

FILE = "matter.bin"
FURTHEST = 2.0  # scores are cut off at this distance from zero
_LEAST_CHANCE = 0.001
_ANNOUNCED = "say.another_matter"
_EARLY = 4  # units that may contain an announcement, after a greeting, a name and thanks
_LEAST_LOG = -6.0


def next_is(side: NextSide) -> tuple[float, ...]:
    """Return the scores with which this side certainly has to act next."""
    return tuple(0.0 if one == side else _LEAST_LOG for one in NEXT_SIDES)


class MatterClassifier(NamedTuple):
    """One of the classifiers. `values` and `squares` have the same rows as the table of hashes.

    A classifier with two outcomes has one score: the distance from the boundary. Others have a score for each outcome.
    """

    values: NDArray[np.float32]
    """What a word adds to each score, before it is divided by the length of the mail's vector."""
    squares: NDArray[np.float32]  # square of the weight of a word in that vector; 0.0 for words that do not count
    inputs: NDArray[np.float32]  # for each score, one weight for each number of `matter_inputs`
    base: NDArray[np.float32]

    def score(self, rows: Indexes, inputs: NDArray[np.float64]) -> float:
        """Return the distance from the boundary, between -2 and 2; 0.0 if no word has a weight.

        ``rows``: the distinct features of the mail; ``inputs``: see `matter_inputs`.
        """
        if not self.knows(rows):
            return 0.0
        return round(max(-FURTHEST, min(FURTHEST, float(self.scores(rows, inputs)[0]))), 2)

    def knows(self, rows: Indexes) -> bool:
        """Whether the classifier has a weight for a word of the mail."""
        return bool(self.squares.take(rows).any())

    def scores(self, rows: Indexes, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores, which may be below -2 or above 2."""
        return self.of_words(rows) + self.inputs @ inputs + self.base

    def of_words(self, rows: Indexes) -> NDArray[np.float64]:
        """Return what the features of a mail or of a unit add to the scores."""
        length = float(np.sqrt(self.squares.take(rows).sum())) or 1.0
        of_words: NDArray[np.float64] = self.values.take(rows, axis=0).sum(0) / length
        return of_words


def next_classifier(mail: MailText) -> str:
    """Return the name of the classifier that decides who has to act after this mail."""
    side = "team" if mail.side == "requester" and mail.to == "vendor" else mail.side  # a user writes for the team
    return f"next.{side if side in ('vendor', 'team') else 'ours'}"


def next_inputs(mail: MailText, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the numbers from which the classifiers decide who has to act next."""
    circumstances = (
        *(mail.to == side for side in NEXT_SIDES[:3]),
        mail.automatic is not None,
        mail.opens,
        mail.side == "unknown",
    )
    return np.concatenate((inputs, circumstances))


def next_scores(scores: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the logarithm of the probability that each side has to act next."""
    return tuple(np.round(log_probabilities(scores), 2).clip(_LEAST_LOG, 0.0).tolist())


def log_probabilities(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the probability of each outcome (log-softmax)."""
    logs: NDArray[np.float64] = scores - scores.max()
    logs -= np.log(np.exp(logs).sum())
    return logs


def tells_continuation(mail: MailText) -> bool:
    """Whether the classifier `continuation` applies to this mail, by its side and language."""
    return mail.side not in ("team", "vendor") and is_readable(mail)


def tells_departure(mail: MailText) -> bool:
    """Whether the classifier `departure` applies to this reply, by its side and language."""
    return mail.side in ("requester", "team") and mail.automatic is None and is_readable(mail)


def tells_vendor(mail: MailText) -> bool:
    """Whether the classifier `vendor_author` applies: the first mail of an unknown sender, in a language we read."""
    return mail.side == "unknown" and mail.opens and is_readable(mail)


def announces(view: MailView) -> bool:
    """Whether the author says in one of the first sentences that another matter begins."""
    return any(_ANNOUNCED in one.concepts for one in view.readings[:_EARLY])


def matter_inputs(view: MailView, chances: Mapping[str, float], scores: Matrix) -> NDArray[np.float64]:
    """Return the numbers that describe a mail, each roughly between -2 and 2.

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


def table_side(name: str) -> str:
    """Return the side whose table of hashes a classifier uses; see `side_of`."""
    return "vendor" if name.endswith(".vendor") else "ours"


def read_classifiers(data: bytes, tables: Mapping[str, HashTable]) -> dict[str, MatterClassifier]:
    """Read the classifiers from the content of the file (``file_content``). ``tables``: side → table."""
    documents = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(data))["classifiers"]
    return {name: _read(document, tables[table_side(name)]) for name, document in documents.items()}


def _read(document: Mapping[str, Any], table: HashTable) -> MatterClassifier:
    known, rows = table.find(np.frombuffer(document["marks"], np.uint64))
    base = np.frombuffer(document["base"], np.float32)
    values, squares = np.zeros((len(table), len(base)), np.float32), np.zeros(len(table), np.float32)
    values[rows] = np.frombuffer(document["values"], np.float16).reshape(-1, len(base))[known]
    squares[rows] = np.frombuffer(document["squares"], np.float16)[known]
    inputs = np.frombuffer(document["inputs"], np.float32).reshape(len(base), -1)
    return MatterClassifier(values, squares, inputs, base)


def file_content(classifiers: Mapping[str, MatterClassifier], tables: Mapping[str, HashTable], version: str) -> bytes:
    """Return the content of the file with the classifiers. ``version``: of the reader's weights used in training."""
    documents = {name: _document(one, tables[table_side(name)]) for name, one in classifiers.items()}
    content = msgspec.msgpack.encode({"version": version, "classifiers": documents})
    return zstandard.ZstdCompressor(level=19).compress(content)


def _document(classifier: MatterClassifier, table: HashTable) -> dict[str, Any]:
    rows = np.flatnonzero(classifier.squares)
    return {
        "marks": table.hashes.take(rows).tobytes(),
        "values": classifier.values.take(rows, axis=0).astype(np.float16).tobytes(),
        "squares": classifier.squares.take(rows).astype(np.float16).tobytes(),
        "inputs": classifier.inputs.astype(np.float32).tobytes(),
        "base": classifier.base.astype(np.float32).tobytes(),
    }
