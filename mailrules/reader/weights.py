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

Matrix = NDArray[np.float32]
Marks = NDArray[np.uint64]
STEPS = 31


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


class UnitClassifier:
    """Scores units for all meanings of one side's mail."""

    def __init__(self, features: Sequence[str], part: Packed) -> None:
        self.meanings = tuple(part.meanings)
        self.column = {meaning: at for at, meaning in enumerate(part.meanings)}
        marks = marks_of(features)
        order = np.argsort(marks)
        self._marks, self._rows = marks[order], order.astype(np.int32)
        self._part = part
        self._squares = part.importance * part.importance

    def scores(self, units: Sequence[Marks]) -> Matrix:
        """Return the scores: one row per unit, one column per meaning."""
        unit = np.repeat(np.arange(len(units)), [len(marks) for marks in units])
        marks = np.concatenate(units) if units else np.empty(0, np.uint64)
        places = np.minimum(np.searchsorted(self._marks, marks), len(self._marks) - 1)
        known = self._marks[places] == marks
        size = len(self._rows)
        once = np.unique(unit[known] * size + self._rows[places[known]])  # a feature counts once per unit
        rows = once % size
        ends = np.searchsorted(once, np.arange(1, len(units) + 1) * size)
        out = np.empty((len(units), len(self.meanings)), np.float32)
        for at, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            norm = float(np.sqrt(self._squares[rows[start:end]].sum())) or 1.0
            out[at] = self._part.weights[rows[start:end]].sum(0, dtype=np.int32) / norm
        return out * self._part.scale + self._part.base


def marks_of(features: Sequence[str]) -> Marks:
    """Return a 64-bit hash of each feature: a table of the names themselves would need ten times the memory.

    Multilinear hashing: the sum over the bytes of a random number for the byte value times a random odd number for
    the position, modulo 2 to the 64th. It handles all features in a few array operations.
    """
    if not features:
        return np.empty(0, np.uint64)
    text = np.frombuffer(("\n".join(features) + "\n").encode(), np.uint8)
    ends = np.flatnonzero(text == ord("\n")) + 1
    starts = np.concatenate(([0], ends[:-1]))
    places = np.arange(len(text)) - np.repeat(starts, ends - starts)
    return np.add.reduceat(_OF_BYTE[text] * _OF_PLACE[places % len(_OF_PLACE)], starts)


_RANDOM = np.random.Generator(np.random.PCG64(20261128))
_OF_BYTE = _RANDOM.integers(1 << 63, size=256, dtype=np.uint64)
_OF_PLACE = _RANDOM.integers(1 << 63, size=512, dtype=np.uint64) | np.uint64(1)


class MailClassifier:
    """Computes the probabilities of all meanings of one side's mail from named inputs.

    The score of a meaning is a linear function of its inputs or a sum over decision trees; the logistic function
    makes it a probability. All linear functions are one matrix; all trees are evaluated level by level.
    """

    def __init__(self, parts: Mapping[str, Mapping[str, Any]]) -> None:
        linear = {meaning: part for meaning, part in parts.items() if "trees" not in part}
        forests = {meaning: part for meaning, part in parts.items() if "trees" in part}
        self._inputs = tuple(dict.fromkeys(name for part in parts.values() for name in part["inputs"]))
        place = {name: at for at, name in enumerate(self._inputs)}
        self.meanings = (*linear, *forests)
        self._weights = np.zeros((len(linear), len(self._inputs)))
        for row, part in enumerate(linear.values()):
            self._weights[row, [place[name] for name in part["inputs"]]] = part["weights"]
        self._bias = np.array([part["bias"] for part in (*linear.values(), *forests.values())])
        self._forest = _Forest([(part["trees"], [place[name] for name in part["inputs"]]) for part in forests.values()])

    def probabilities(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return meaning → probability. Missing inputs are 0."""
        given = np.array([values.get(name, 0.0) for name in self._inputs])
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
        at = self._roots
        while True:
            down = np.where(given[self._input[at]] <= self._border[at], self._left[at], self._right[at])
            if (down == at).all():
                return np.bincount(self._of, self._border[at], self._meanings).astype(np.float64)
            at = down


class Weights:
    """Result of training: classifiers by side, thresholds by side and name."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.version: str = content["version"]
        self.thresholds: dict[str, dict[str, float]] = content["thresholds"]
        self.units = {side: _unit_classifier(part) for side, part in content["units"].items()}
        self.whole = {side: _unit_classifier(part) for side, part in content["whole"].items()}
        self.mail = {side: MailClassifier(parts) for side, parts in content["mail"].items()}


def _unit_classifier(part: Mapping[str, Any]) -> UnitClassifier:
    features: list[str] = part["features"].split("\n")
    meanings: list[str] = part["meanings"]
    weights = np.frombuffer(part["weights"], np.int8).reshape(len(meanings), len(features))
    numbers = (np.frombuffer(part[name], np.float32) for name in ("scale", "importance", "base"))
    return UnitClassifier(features, Packed(meanings, np.ascontiguousarray(weights.T), *numbers))


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
