"""Linear classifiers of the embedded reader, trained by `bench/train_reader.py` on the development files of the corpus.

Three steps. *Units*: the features of a unit give one score a meaning. *Whole*: the features of the whole mail give one
score a kind and a weight. *Mail*: these scores and the mail's circumstances give the probability of a meaning. Scores
are distances from the border between the two answers: positive on the side of yes, mostly between -2 and 2.
The file holds weights, word lists and thresholds.
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
STEPS = 31


class Packed(NamedTuple):
    """A classifier's numbers: weights (feature × meaning) as whole numbers times the scale of their meaning."""

    meanings: Sequence[str]
    weights: NDArray[np.int8]
    scale: Matrix
    importance: Matrix
    base: Matrix

    @classmethod
    def of(cls, meanings: Sequence[str], weights: Matrix, importance: Matrix, base: Matrix) -> Packed:
        """Round the weights to `STEPS` steps on either side of zero."""
        scale = (np.abs(weights).max(0) / STEPS + 1e-12).astype(np.float32)
        return cls(meanings, np.round(weights / scale).astype(np.int8), scale, importance, base)

    def written(self, features: Sequence[str]) -> dict[str, Any]:
        """As it stands in the file."""
        return {
            "features": "\n".join(features),
            "meanings": list(self.meanings),
            "scale": self.scale.astype(np.float32).tobytes(),
            "weights": np.ascontiguousarray(self.weights.T).tobytes(),  # meaning by meaning it packs smaller
            "importance": self.importance.astype(np.float32).tobytes(),
            "base": self.base.astype(np.float32).tobytes(),
        }


class UnitClassifier:
    """Scores of all meanings of one side's mail for one unit."""

    def __init__(self, features: Sequence[str], part: Packed) -> None:
        self.meanings = tuple(part.meanings)
        self.column = {meaning: at for at, meaning in enumerate(part.meanings)}
        self._row = {feature: at for at, feature in enumerate(features)}
        self._part = part
        self._squares = part.importance * part.importance

    def scores(self, units: Sequence[Sequence[str]]) -> Matrix:
        """One row a unit, one column a meaning."""
        out = np.empty((len(units), len(self.meanings)), np.float32)
        find = self._row.get
        for at, features in enumerate(units):
            known = [row for row in map(find, dict.fromkeys(features)) if row is not None]
            norm = float(np.sqrt(self._squares[known].sum())) or 1.0
            out[at] = self._part.weights[known].sum(0, dtype=np.int32) / norm
        return out * self._part.scale + self._part.base


class MailClassifier:
    """Probability of one meaning in a mail: a logistic function of named inputs."""

    def __init__(self, inputs: Sequence[str], weights: Sequence[float], bias: float) -> None:
        self._terms = tuple(zip(inputs, weights, strict=True))
        self._bias = bias

    def probability(self, values: Mapping[str, float]) -> float:
        total = self._bias + sum(weight * values.get(name, 0.0) for name, weight in self._terms)
        return float(1 / (1 + np.exp(-max(-30.0, min(30.0, total)))))


class TreeClassifier:
    """Probability of one meaning in a mail: a sum over decision trees of named inputs."""

    def __init__(self, inputs: Sequence[str], trees: Sequence[Sequence[Sequence[float]]], bias: float) -> None:
        """`trees`: nodes of each tree, `(input, border, left, right)`, or `(-1, value, 0, 0)` for a leaf."""
        self._inputs, self._bias = tuple(inputs), bias
        self._trees = [[(int(i), b, int(left), int(right)) for i, b, left, right in tree] for tree in trees]

    def probability(self, values: Mapping[str, float]) -> float:
        given = [values.get(name, 0.0) for name in self._inputs]
        total = self._bias
        for tree in self._trees:
            number, border, left, right = tree[0]
            while number >= 0:
                number, border, left, right = tree[left if given[number] <= border else right]
            total += border
        return float(1 / (1 + np.exp(-max(-30.0, min(30.0, total)))))


def _mail_classifier(part: Mapping[str, Any]) -> MailClassifier | TreeClassifier:
    if "trees" in part:
        return TreeClassifier(part["inputs"], part["trees"], part["bias"])
    return MailClassifier(part["inputs"], part["weights"], part["bias"])


class Weights:
    """All that training leaves: classifiers by side, mail step by meaning, thresholds by name."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.version: str = content["version"]
        self.thresholds: dict[str, dict[str, float]] = content["thresholds"]
        self.units = {side: _unit_classifier(part) for side, part in content["units"].items()}
        self.whole = {side: _unit_classifier(part) for side, part in content["whole"].items()}
        self.mail = {
            side: {meaning: _mail_classifier(part) for meaning, part in parts.items()}
            for side, parts in content["mail"].items()
        }


def _unit_classifier(part: Mapping[str, Any]) -> UnitClassifier:
    features: list[str] = part["features"].split("\n")
    meanings: list[str] = part["meanings"]
    weights = np.frombuffer(part["weights"], np.int8).reshape(len(meanings), len(features))
    numbers = (np.frombuffer(part[name], np.float32) for name in ("scale", "importance", "base"))
    return UnitClassifier(features, Packed(meanings, np.ascontiguousarray(weights.T), *numbers))


def write_weights(content: Mapping[str, Any]) -> bytes:
    """The file's bytes."""
    return zstandard.ZstdCompressor(level=19).compress(msgspec.msgpack.encode(content))


def read_weights(data: bytes) -> Weights:
    """Read what `write_weights` wrote."""
    return Weights(msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(data)))


@cache
def shipped_weights() -> Weights:
    """The weights that come with sodan."""
    return read_weights((files("mailrules") / "reader" / "weights.bin").read_bytes())
