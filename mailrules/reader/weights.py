"""Linear classifiers of the embedded reader, trained by `bench/train_reader.py` on the development files of the corpus.

Three steps. *Units*: the features of a unit give one score a meaning. *Whole*: the features of the whole mail give one
score a kind and a weight. *Mail*: these scores and the mail's circumstances give the probability of a meaning.
The file holds weights, word lists and thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


class UnitClassifier:
    """Scores of all meanings of one side's mail for one unit."""

    def __init__(
        self, features: Sequence[str], weights: Matrix, importance: Matrix, base: Matrix, meanings: Sequence[str]
    ) -> None:
        self.meanings = tuple(meanings)
        self.column = {meaning: at for at, meaning in enumerate(meanings)}
        self._row = {feature: at for at, feature in enumerate(features)}
        self._weights = weights
        self._squares = importance * importance
        self._base = base

    def scores(self, units: Sequence[Sequence[str]]) -> Matrix:
        """One row a unit, one column a meaning."""
        out = np.empty((len(units), len(self.meanings)), np.float32)
        for at, features in enumerate(units):
            row = self._row
            known = list({row[feature] for feature in features if feature in row})
            norm = float(np.sqrt(self._squares[known].sum())) or 1.0
            out[at] = self._weights[known].sum(0) / norm + self._base
        return out


class MailClassifier:
    """Probability of one meaning in a mail: a logistic function of named inputs."""

    def __init__(self, inputs: Sequence[str], weights: Sequence[float], bias: float) -> None:
        self._terms = tuple(zip(inputs, weights, strict=True))
        self._bias = bias

    def probability(self, values: Mapping[str, float]) -> float:
        total = self._bias + sum(weight * values.get(name, 0.0) for name, weight in self._terms)
        return float(1 / (1 + np.exp(-max(-30.0, min(30.0, total)))))


class Weights:
    """All that training leaves: classifiers by side, mail step by meaning, thresholds by name."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.version: str = content["version"]
        self.thresholds: dict[str, dict[str, float]] = content["thresholds"]
        self.units = {side: _unit_classifier(part) for side, part in content["units"].items()}
        self.whole = {side: _unit_classifier(part) for side, part in content["whole"].items()}
        self.mail = {
            side: {
                meaning: MailClassifier(part["inputs"], part["weights"], part["bias"])
                for meaning, part in parts.items()
            }
            for side, parts in content["mail"].items()
        }


def _unit_classifier(part: Mapping[str, Any]) -> UnitClassifier:
    features: list[str] = part["features"].split("\n")
    meanings: list[str] = part["meanings"]
    scale = np.frombuffer(part["scale"], np.float32)
    weights = np.frombuffer(part["weights"], np.int8).reshape(len(features), len(meanings)).astype(np.float32) * scale
    return UnitClassifier(
        features,
        weights,
        np.frombuffer(part["importance"], np.float32),
        np.frombuffer(part["base"], np.float32),
        meanings,
    )


def pack_units(
    features: Sequence[str], weights: Matrix, importance: Matrix, base: Matrix, meanings: Sequence[str]
) -> dict[str, Any]:
    """A classifier as written to the file: weights as 8-bit numbers with one scale a meaning."""
    scale = (np.abs(weights).max(0) / 127 + 1e-12).astype(np.float32)
    return {
        "features": "\n".join(features),
        "meanings": list(meanings),
        "scale": scale.tobytes(),
        "weights": np.round(weights / scale).astype(np.int8).tobytes(),
        "importance": importance.astype(np.float32).tobytes(),
        "base": base.astype(np.float32).tobytes(),
    }


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
