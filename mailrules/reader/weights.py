"""The classifiers of the embedded reader. `bench/train_reader.py` trains them.

There are three steps. *Units*: the features of a unit give one score per meaning. *Whole*: the features of the whole
mail give scores for its kind, impact and urgency. *Mail*: these scores and the properties of the mail give the
probability of each meaning. A score is a signed distance from the decision boundary: positive means yes. Most scores
are between -2 and 2.

Only one weight in twenty is not zero. The file contains only these weights. It identifies features by their hashes
(`feature_hashes.py`), as the reader does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from . import matter
from .feature_hashes import HashTable, Indexes, UnitHashes, hashes_of
from .features import FeatureRows, distinct
from .mailview import Matrix

FILES = ("weights.bin", matter.FILE)  # the files that contain the result of training
STEPS = 31  # steps on either side of zero to which weights are rounded


class Packed(NamedTuple):
    """The numbers of a linear classifier: importance and non-zero weights of each feature.

    A weight is an integer times the scale of its meaning.
    """

    meanings: Sequence[str]
    importance: NDArray[np.float32]
    starts: NDArray[np.int32]  # where the weights of each feature begin; last: the number of all weights
    columns: NDArray[np.uint8]  # the meaning of each weight
    values: NDArray[np.int8]
    scale: NDArray[np.float32]
    base: NDArray[np.float32]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Packed:
        types = {"starts": np.int32, "columns": np.uint8, "values": np.int8}
        numbers = (np.frombuffer(document[name], types.get(name, np.float32)) for name in cls._fields[1:])
        return cls(document["meanings"], *numbers)


class UnitClassifier:
    """Scores units for all meanings of one side's mail."""

    def __init__(self, table: HashTable, part: Packed) -> None:
        """`part`: the numbers of the classifier, with the rows of the table."""
        self.meanings = tuple(part.meanings)
        self.column = {meaning: at for at, meaning in enumerate(part.meanings)}
        self.table = table
        self.rows = FeatureRows(table)
        self._part = part
        self._squares = np.square(part.importance)
        self._fixed: dict[tuple[str, ...], tuple[Indexes, Matrix]] = {}

    @property
    def importance(self) -> NDArray[np.float32]:
        """The importance of each feature."""
        return self._part.importance

    def scores(self, found: UnitHashes, units: int) -> Matrix:
        """Return the scores: one row per unit, one column per meaning."""
        known, rows = self.table.find(found.hashes)
        return self.scored(self.sums(*distinct(found.units.take(known), rows), units))

    def fixed(self, features: tuple[str, ...]) -> tuple[Indexes, Matrix]:
        """Return the rows and the sums of some features, cached.

        Use it only for few different features, because the cache has no limit.
        """
        if features not in self._fixed:
            rows = np.unique(self.table.find(hashes_of(features))[1])
            self._fixed[features] = rows, self.sums(np.zeros_like(rows), rows, 1)[0]
        return self._fixed[features]

    def sums(self, units: Indexes, rows: Indexes, count: int) -> Matrix:
        """Return the sums of the feature weights of each unit. The last column is the sum of the squares.

        `units`, `rows`: the distinct features. The sums of the parts of a unit can be added. Integer sums are exact,
        because they stay below 2^24.

        Adding short integers is several times faster. The sum of four weights fits into a byte (`STEPS`). Sixteen rows
        are added at once. So the rows of each unit are padded with zero rows to a multiple of sixteen.
        """
        counts = np.bincount(units, minlength=count)
        blocks = (counts + 15) // 16
        padded = np.full(16 * int(blocks.sum()), len(self.table))
        before = 16 * (np.cumsum(blocks) - blocks) - (np.cumsum(counts) - counts)
        padded[np.arange(len(rows)) + np.repeat(before, counts)] = rows
        some = self._weights.take(padded.reshape(-1, 16).T.reshape(4, 4, -1), axis=0)
        added = some.sum(0, dtype=np.int8).sum(0, dtype=np.int16)
        sums = np.zeros((count, len(self.meanings) + 1), np.float32)
        filled = np.flatnonzero(blocks)
        if len(filled):
            sums[filled, :-1] = np.add.reduceat(added, (np.cumsum(blocks) - blocks)[filled], dtype=np.int32)
        sums[:, -1] = np.bincount(units, self._squares.take(rows), count)
        return sums

    @cached_property
    def _weights(self) -> NDArray[np.int8]:
        """All weights (feature × meaning), created when the first mail of a side is read. The last row is zero."""
        weights = np.zeros((len(self.table) + 1, len(self.meanings)), np.int8)
        weights[np.repeat(np.arange(len(self.table)), np.diff(self._part.starts)), self._part.columns] = (
            self._part.values
        )
        return weights

    def scored(self, sums: Matrix) -> Matrix:
        """Return the scores that follow from these sums (see `sums`)."""
        norm = np.sqrt(sums[:, -1:])
        norm[norm == 0] = 1.0
        return (sums[:, :-1] / norm * self._part.scale + self._part.base).astype(np.float32)


class MailClassifier:
    """Computes the probabilities of all meanings in the mails of one side (step *Mail*).

    The score of a meaning is a linear function of the inputs, or a sum over decision trees. The logistic function
    turns the score into a probability. All linear functions are one matrix. All trees are one array of nodes.

    An integer represents the leaves of a tree, one bit for each leaf. Each node compares an input with its border. If
    the input is at most the border, the leaves on the right are excluded, otherwise those on the left. The lowest bit
    that remains is the leaf of the tree.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.meanings = (*document["linear"], *document["trees"])
        self._forests = len(document["trees"])
        numbers = {name: np.frombuffer(document[name], kind) for name, kind in MAIL_NUMBERS.items()}
        self._weights = numbers["weights"].reshape(len(document["linear"]), -1)
        self._bias, self._forest_of = numbers["bias"], numbers["forest"]
        left, right, roots = numbers["left"], numbers["right"], numbers["roots"]
        is_leaf = left == np.arange(len(left))
        before = np.cumsum(is_leaf) - is_leaf  # leaves before each node
        self._leaves, self._first_leaf = numbers["border"][is_leaf], before[roots]
        tree = np.searchsorted(roots, np.arange(len(left)), "right") - 1
        bits = np.uint64(1) << (before - self._first_leaf[tree]).astype(np.uint64)
        below = above = np.where(is_leaf, bits, np.uint64(0))
        while above is below or not np.array_equal(above, below):
            above, below = below, below[left] | below[right]
        inner = np.flatnonzero(~is_leaf | (np.arange(len(left)) == roots[tree]))
        self._starts = np.searchsorted(inner, roots)
        self._input, self._border = numbers["input"][inner], numbers["border"][inner]
        self._if_left, self._if_right = (
            np.where(is_leaf, ~np.uint64(0), ~below[side])[inner] for side in (right, left)
        )

    def probabilities(self, given: NDArray[np.float64]) -> dict[str, float]:
        """Return meaning → probability."""
        total = np.concatenate((self._weights @ given, self._tree_sums(given))) + self._bias
        return dict(zip(self.meanings, (1 / (1 + np.exp(-np.clip(total, -30.0, 30.0)))).tolist(), strict=True))

    def _tree_sums(self, given: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of the leaf values, for each meaning with trees."""
        allowed = np.where(given.take(self._input) <= self._border, self._if_left, self._if_right)
        reached = np.bitwise_and.reduceat(allowed, self._starts)
        lowest = np.bitwise_count(~reached & (reached - np.uint64(1)))
        leaves = self._leaves.take(self._first_leaf + lowest)
        return np.bincount(self._forest_of, leaves, self._forests).astype(np.float64)


MAIL_NUMBERS = {
    "weights": np.float64,
    "bias": np.float64,
    "border": np.float64,
    **dict.fromkeys(("input", "left", "right", "roots", "forest"), np.int32),
}


class Weights:
    """Result of training: classifiers by side, thresholds by side and name."""

    def __init__(self, content: Mapping[str, Any], of_matter: bytes) -> None:
        """`of_matter`: the content of the file of `matter.py`."""
        self.version: str = content["version"]
        self.thresholds: dict[str, dict[str, float]] = content["thresholds"]
        self.units: dict[str, UnitClassifier] = {}
        self.whole: dict[str, UnitClassifier] = {}
        self.mail: dict[str, MailClassifier] = {}
        for side, parts in content["sides"].items():
            table = HashTable(np.frombuffer(parts["marks"], np.uint64))
            self.units[side] = UnitClassifier(table, Packed.from_document(parts["units"]))
            self.whole[side] = UnitClassifier(table, Packed.from_document(parts["whole"]))
            self.mail[side] = MailClassifier(parts["mail"])
        self.matter = matter.read_classifiers(of_matter, self.tables)

    @property
    def tables(self) -> dict[str, HashTable]:
        """The table of hashes of each side."""
        return {side: classifier.table for side, classifier in self.units.items()}


@cache
def shipped_weights() -> Weights:
    """Return the weights shipped with sodan."""
    content, of_matter = ((files("mailrules") / "reader" / name).read_bytes() for name in FILES)
    return Weights(msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(content)), of_matter)
