"""Linear classifiers of the embedded reader, trained by `bench/train_reader.py` on the development files of the
corpus.

They work in three steps. *Units*: the features of a unit give one score per meaning. *Whole*: the features of the
whole mail give scores for its kind, impact and urgency. *Mail*: these scores and the properties of the mail give the
probability of each meaning. A score is a signed distance from the decision boundary: positive means yes; most are
between -2 and 2. The file contains weights, feature names and thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from .mailview import Matrix, input_names
from .marks import MailMarks, Marks, Places, UnitMarks, chunked_marks

STEPS = 31  # the sum of four weights fits into a byte, see `UnitClassifier._sums`
_ROW_BITS = 20


class Packed(NamedTuple):
    """The numbers of a classifier.

    A weight (feature × meaning) is an integer times the scale of its meaning.
    """

    meanings: Sequence[str]
    weights: NDArray[np.int8]
    scale: Matrix
    importance: Matrix
    base: Matrix

    @classmethod
    def of(cls, meanings: Sequence[str], weights: Matrix, importance: Matrix, base: Matrix) -> Packed:
        """Quantise the weights to `STEPS` steps on either side of zero."""
        scale = (np.abs(weights).max(0) / STEPS + 1e-12).astype(np.float32)
        return cls(meanings, np.round(weights / scale).astype(np.int8), scale, importance, base)

    def written(self, features: Sequence[str]) -> dict[str, Any]:
        """Return the content for the file."""
        return {
            "features": "\n".join(features),
            "meanings": list(self.meanings),
            "scale": self.scale.astype(np.float32).tobytes(),
            # stored meaning by meaning, since this compresses better
            "weights": np.ascontiguousarray(self.weights.T).tobytes(),
            "importance": self.importance.astype(np.float32).tobytes(),
            "base": self.base.astype(np.float32).tobytes(),
        }


class MarkTable:
    """Finds marks among many, by their highest bits. The row of a mark is its place among all in rising order."""

    def __init__(self, marks: Marks) -> None:
        self._marks = np.append(np.unique(marks), np.iinfo(np.uint64).max)
        bits = len(marks).bit_length() + 1
        self._shift = np.uint64(64 - bits)
        places = np.arange(1 << bits, dtype=np.uint64)
        self._first = np.searchsorted(self._marks[:-1] >> self._shift, places).astype(np.int32)

    def __len__(self) -> int:
        return len(self._marks) - 1

    def find(self, marks: Marks) -> tuple[Places, Places]:
        """Return which of these marks are in the table, and the row of each of them."""
        rows = self._first.take((marks >> self._shift).astype(np.int64)).astype(np.int64)
        found = self._marks.take(rows)
        later = np.flatnonzero(found < marks)
        while len(later):
            rows[later] += 1
            found[later] = self._marks.take(rows[later])
            later = later[found[later] < marks[later]]
        known = np.flatnonzero(found == marks)
        return known, rows.take(known)


class UnitClassifier:
    """Scores units for all meanings of one side's mail."""

    def __init__(self, features: Marks, part: Packed, table: MarkTable | None = None) -> None:
        """`features`: the mark of each row of the part. A table may be shared and have more marks."""
        self.meanings = tuple(part.meanings)
        self.column = {meaning: at for at, meaning in enumerate(part.meanings)}
        self.table = table or MarkTable(features)
        rows = self.table.find(features)[1]
        self._weights = np.zeros((len(self.table) + 1, len(part.meanings)), np.int8)  # the last row stays zero
        self._weights[rows] = part.weights
        self._squares = np.zeros(len(self.table) + 1)
        self._squares[rows] = np.square(part.importance)
        self._scale, self._base = part.scale, part.base

    def scores(self, found: UnitMarks, units: int) -> Matrix:
        """Return the scores: one row per unit, one column per meaning."""
        known, rows = self.table.find(found.marks)
        return self.scores_of(found.units.take(known), rows, units)

    def scores_of(self, units: Places, rows: Places, count: int) -> Matrix:
        """Return the scores for features that were found in the table: the unit and the row of each."""
        keys = np.sort(units << _ROW_BITS | rows)
        keys = keys[np.flatnonzero(np.diff(keys, prepend=-1))]  # a feature counts once per unit
        units, rows = keys >> _ROW_BITS, keys & ((1 << _ROW_BITS) - 1)
        norm = np.sqrt(np.bincount(units, self._squares.take(rows), count))
        norm[norm == 0] = 1.0
        sums = self._sums(rows, np.bincount(units, minlength=count))
        return (sums / norm[:, None]).astype(np.float32) * self._scale + self._base

    def _sums(self, rows: Places, counts: Places) -> NDArray[np.int32]:
        """Return the sum of the rows of weights of each unit, which has so many of them.

        Short integers are added several times faster. Four weights fit into a byte (`STEPS`), and sixteen are added
        at once: each unit gets zero rows up to a multiple of sixteen.
        """
        blocks = (counts + 15) // 16
        padded = np.full(16 * int(blocks.sum()), len(self.table))
        before = 16 * (np.cumsum(blocks) - blocks) - (np.cumsum(counts) - counts)
        padded[np.arange(len(rows)) + np.repeat(before, counts)] = rows
        some = self._weights.take(padded.reshape(-1, 16).T.reshape(4, 4, -1), axis=0)
        added = some.sum(0, dtype=np.int8).sum(0, dtype=np.int16)
        sums = np.zeros((len(counts), added.shape[1]), np.int32)
        filled = np.flatnonzero(blocks)
        if len(filled):
            sums[filled] = np.add.reduceat(added, (np.cumsum(blocks) - blocks)[filled], dtype=np.int32)
        return sums


class MailClassifier:
    """Computes the probabilities of all meanings of one side's mail from named inputs.

    The score of a meaning is a linear function of its inputs or a sum over decision trees; the logistic function
    makes it a probability. All linear functions are one matrix; all trees are evaluated level by level.
    """

    def __init__(self, parts: Mapping[str, Mapping[str, Any]], inputs: Sequence[str]) -> None:
        """`inputs`: the names of all inputs, in their order."""
        linear = {meaning: part for meaning, part in parts.items() if "trees" not in part}
        forests = {meaning: part for meaning, part in parts.items() if "trees" in part}
        place = {name: at for at, name in enumerate(inputs)}
        self.meanings = (*linear, *forests)
        self._weights = np.zeros((len(linear), len(inputs)))
        for row, part in enumerate(linear.values()):
            self._weights[row, [place[name] for name in part["inputs"]]] = part["weights"]
        self._bias = np.array([part["bias"] for part in (*linear.values(), *forests.values())])
        self._forest = _Forest([(part["trees"], [place[name] for name in part["inputs"]]) for part in forests.values()])

    def probabilities(self, given: NDArray[np.float64]) -> dict[str, float]:
        """Return meaning → probability."""
        total = np.concatenate((self._weights @ given, self._forest.sums(given))) + self._bias
        return dict(zip(self.meanings, (1 / (1 + np.exp(-np.clip(total, -30.0, 30.0)))).tolist(), strict=True))


class _Forest:
    """The decision trees of several meanings, as flat arrays of nodes."""

    def __init__(self, meanings: Sequence[tuple[Sequence[Sequence[Sequence[float]]], Sequence[int]]]) -> None:
        """For each meaning its trees and the positions of their inputs.

        A node is `(input, border, left, right)`, a leaf `(-1, value, 0, 0)`.
        """
        nodes: list[tuple[int, float, int, int]] = []
        roots: list[int] = []
        self._of: list[int] = []
        self._meanings = len(meanings)
        for number, (trees, places) in enumerate(meanings):
            for tree in trees:
                root = len(nodes)
                roots.append(root)
                self._of.append(number)
                for at, (name, border, left, right) in enumerate(tree):
                    inner = int(name) >= 0  # a leaf points to itself
                    goes = (root + int(left), root + int(right)) if inner else (root + at, root + at)
                    nodes.append((places[int(name)] if inner else 0, border, *goes))
        self._roots = np.array(roots, np.int64)
        columns = list(zip(*nodes, strict=True)) or [(), (), (), ()]
        self._input, self._left, self._right = (np.array(columns[at], np.int64) for at in (0, 2, 3))
        self._border = np.array(columns[1], np.float64)

    def sums(self, given: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of the leaves reached, per meaning."""
        if not len(self._roots):
            return np.zeros(self._meanings)
        then = np.where(given[self._input] <= self._border, self._left, self._right)
        at = then[self._roots]
        while True:
            down = then[at]
            if (down == at).all():
                return np.bincount(self._of, self._border[at], self._meanings).astype(np.float64)
            at = down


class Weights:
    """Result of training: classifiers by side, thresholds by side and name."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.version: str = content["version"]
        self.thresholds: dict[str, dict[str, float]] = content["thresholds"]
        self.units: dict[str, UnitClassifier] = {}
        self.whole: dict[str, UnitClassifier] = {}
        self.mail: dict[str, MailClassifier] = {}
        for side, parts in content["mail"].items():
            units, whole = content["units"][side], content["whole"][side]
            marks = [chunked_marks(part["features"].split("\n")) for part in (units, whole)]
            table = MarkTable(np.concatenate(marks))
            self.units[side] = UnitClassifier(marks[0], _unpacked(units), table)
            self.whole[side] = UnitClassifier(marks[1], _unpacked(whole), table)
            self.mail[side] = MailClassifier(parts, input_names(units["meanings"], whole["meanings"]))

    def scores(self, side: str, marks: MailMarks, units: int) -> tuple[Matrix, Matrix]:
        """Return the scores of the units, and those of the mail as a whole."""
        everything = marks.all
        known, rows = self.units[side].table.find(everything.marks)
        own = rows[: np.searchsorted(known, len(marks.own.marks))]
        return (
            self.units[side].scores_of(everything.units.take(known), rows, units),
            self.whole[side].scores_of(np.zeros_like(own), own, 1)[0],
        )


def _unpacked(part: Mapping[str, Any]) -> Packed:
    meanings: list[str] = part["meanings"]
    weights = np.frombuffer(part["weights"], np.int8).reshape(len(meanings), -1).T
    numbers = (np.frombuffer(part[name], np.float32) for name in ("scale", "importance", "base"))
    return Packed(meanings, weights, *numbers)


def write_weights(content: Mapping[str, Any]) -> bytes:
    """Return the content of the weights file."""
    return zstandard.ZstdCompressor(level=19).compress(msgspec.msgpack.encode(content))


def read_weights(data: bytes) -> Weights:
    """Read the output of `write_weights`."""
    return Weights(msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(data)))


@cache
def shipped_weights() -> Weights:
    """Return the weights shipped with sodan."""
    return read_weights((files("mailrules") / "reader" / "weights.bin").read_bytes())
