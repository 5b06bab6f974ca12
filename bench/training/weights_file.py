"""Writes what was learned as the file that the reader loads (`mailrules/reader/weights.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import zstandard
from scipy.sparse import csr_array

from mailrules.reader.mailview import Matrix, input_names
from mailrules.reader.marks import Marks, marks_of
from mailrules.reader.weights import MAIL_NUMBERS, STEPS, MarkTable, Packed, UnitClassifier


def packed(meanings: Sequence[str], weights: Matrix, importance: Matrix, base: Matrix) -> Packed:
    """Round the weights (feature × meaning) to `STEPS` steps on either side of zero."""
    scale = (np.abs(weights).max(0) / STEPS + 1e-12).astype(np.float32)
    found = csr_array(np.round(weights / scale).astype(np.int8))
    return Packed(meanings, importance, found.indptr, found.indices.astype(np.uint8), found.data, scale, base)


def classifier(features: Sequence[str], part: Packed) -> UnitClassifier:
    """Make a classifier with its own table. `features`: the name of each row of the part."""
    marks = _marks(features)
    table = MarkTable(np.unique(marks))
    return UnitClassifier(table, _placed(part, marks, table))


def write_weights(content: Mapping[str, Any]) -> bytes:
    """Return the content of the weights file.

    `content`: version, thresholds, and by side `units` and `whole` (the names of the features and a `Packed`) and
    `mail` (see `_mail_document`).
    """
    sides = {}
    for side, mail in content["mail"].items():
        parts = {name: content[name][side][1] for name in ("units", "whole")}
        marks = {name: _marks(content[name][side][0]) for name in parts}
        table = MarkTable(np.unique(np.concatenate([*marks.values()])))
        inputs = input_names(parts["units"].meanings, parts["whole"].meanings)
        sides[side] = {"marks": table.marks[:-1].tobytes(), "mail": _mail_document(mail, inputs)}
        for name, part in parts.items():
            numbers = _placed(part, marks[name], table)._asdict()
            meanings = numbers.pop("meanings")
            sides[side][name] = {"meanings": meanings} | {key: value.tobytes() for key, value in numbers.items()}
    written = {"version": content["version"], "thresholds": content["thresholds"], "sides": sides}
    return zstandard.ZstdCompressor(level=19).compress(msgspec.msgpack.encode(written))


def _placed(part: Packed, marks: Marks, table: MarkTable) -> Packed:
    """Return the same numbers for the rows of a table. `marks`: of the features of the part."""
    rows, shape = table.find(marks)[1], (len(table), len(part.meanings))
    importance = np.zeros(len(table), np.float32)
    importance[rows] = part.importance
    found = csr_array((part.values, (np.repeat(rows, np.diff(part.starts)), part.columns)), shape)
    return part._replace(
        importance=importance, starts=found.indptr, columns=found.indices.astype(np.uint8), values=found.data
    )


def _marks(features: Sequence[str]) -> Marks:
    """Return the mark of each of many features, without much memory at once."""
    chunks = range(0, len(features), 4096)
    return np.concatenate([marks_of(()), *(marks_of(features[at : at + 4096]) for at in chunks)])


def _mail_document(parts: Mapping[str, Mapping[str, Any]], inputs: Sequence[str]) -> dict[str, Any]:
    """Return the content of the file for the mail step. `inputs`: the names of all inputs, in their order.

    A node of a tree is `(input, border, left, right)`, a leaf `(-1, value, 0, 0)`.
    """
    linear = {meaning: part for meaning, part in parts.items() if "trees" not in part}
    trees = {meaning: part for meaning, part in parts.items() if "trees" in part}
    place = {name: at for at, name in enumerate(inputs)}
    weights = np.zeros((len(linear), len(inputs)))
    for row, part in enumerate(linear.values()):
        weights[row, [place[name] for name in part["inputs"]]] = part["weights"]
    nodes: list[tuple[int, float, int, int]] = []
    roots: list[tuple[int, int]] = []
    for number, part in enumerate(trees.values()):
        places = [place[name] for name in part["inputs"]]
        for tree in part["trees"]:
            root = len(nodes)
            roots.append((root, number))
            for at, (name, border, left, right) in enumerate(tree, start=root):
                is_leaf = name < 0  # in the file it leads to itself
                nodes.append((0, border, at, at) if is_leaf else (places[name], border, root + left, root + right))
    numbers: dict[str, Any] = {"weights": weights}
    numbers["bias"] = [part["bias"] for part in (*linear.values(), *trees.values())]
    numbers |= dict(zip(("input", "border", "left", "right"), zip(*nodes, strict=True), strict=True))
    numbers |= dict(zip(("roots", "forest"), zip(*roots, strict=True), strict=True))
    made = {name: np.asarray(numbers[name], kind).tobytes() for name, kind in MAIL_NUMBERS.items()}
    return {"linear": list(linear), "trees": list(trees), **made}
