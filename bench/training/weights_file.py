"""Writes what was learned as the file that the reader loads (`mailrules/reader/weights.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from mailrules.reader.mailview import Matrix, input_names
from mailrules.reader.marks import Marks, Places, marks_of
from mailrules.reader.weights import MAIL_NUMBERS, STEPS, MarkTable, Packed, UnitClassifier


def packed(meanings: Sequence[str], weights: Matrix, importance: Matrix, base: Matrix) -> Packed:
    """Round the weights (feature × meaning) to `STEPS` steps on either side of zero."""
    scale = (np.abs(weights).max(0) / STEPS + 1e-12).astype(np.float32)
    rounded = np.round(weights / scale).astype(np.int8)
    rows, columns = np.nonzero(rounded)
    starts = np.searchsorted(rows, np.arange(len(rounded) + 1)).astype(np.int32)
    return Packed(meanings, importance, starts, columns.astype(np.uint8), rounded[rows, columns], scale, base)


def classifier(features: Sequence[str], part: Packed) -> UnitClassifier:
    """Make a classifier with its own table. `features`: the name of each row of the part."""
    marks = _marks(features)
    table = MarkTable(np.unique(marks))
    return UnitClassifier(table, _placed(part, table.find(marks)[1], len(table)))


def write_weights(content: Mapping[str, Any]) -> bytes:
    """Return the content of the weights file.

    `content`: version, thresholds, and by side `units` and `whole` (the names of the features and a `Packed`) and
    `mail` (see `_mail_document`).
    """
    sides = {}
    for side, mail in content["mail"].items():
        parts = {name: content[name][side] for name in ("units", "whole")}
        marks = {name: _marks(features) for name, (features, _) in parts.items()}
        table = MarkTable(np.unique(np.concatenate(list(marks.values()))))
        inputs = input_names(parts["units"][1].meanings, parts["whole"][1].meanings)
        sides[side] = {"marks": table.marks[:-1].tobytes(), "mail": _mail_document(mail, inputs)}
        for name, (_, part) in parts.items():
            numbers = _placed(part, table.find(marks[name])[1], len(table))._asdict()
            meanings = numbers.pop("meanings")
            sides[side][name] = {"meanings": meanings} | {key: value.tobytes() for key, value in numbers.items()}
    written = {"version": content["version"], "thresholds": content["thresholds"], "sides": sides}
    return zstandard.ZstdCompressor(level=19).compress(msgspec.msgpack.encode(written))


def _placed(part: Packed, rows: Places, count: int) -> Packed:
    """Return the same numbers for a table of `count` features. `rows`: the row of each feature in it."""
    order = np.argsort(rows)
    lengths = np.zeros(count, np.int64)
    lengths[rows] = np.diff(part.starts)
    importance = np.zeros(count, np.float32)
    importance[rows] = part.importance
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    moved = _spans(part.starts[order].astype(np.int64), np.diff(part.starts)[order])
    columns, values = part.columns[moved], part.values[moved]
    return part._replace(importance=importance, starts=starts.astype(np.int32), columns=columns, values=values)


def _spans(starts: Places, lengths: NDArray[np.int32]) -> Places:
    """Return the places of several spans, one after the other."""
    ends = np.cumsum(lengths)
    places: Places = np.arange(lengths.sum()) + np.repeat(starts - ends + lengths, lengths)
    return places


def _marks(features: Sequence[str]) -> Marks:
    """Return the mark of each of many features, without much memory at once."""
    chunks = range(0, len(features), 4096)
    return np.concatenate([marks_of(features[at : at + 4096]) for at in chunks]) if features else marks_of(())


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
        for tree in part["trees"]:
            root = len(nodes)
            roots.append((root, number))
            for at, (name, border, left, right) in enumerate(tree):
                inner = int(name) >= 0
                leads = (root + int(left), root + int(right)) if inner else (root + at, root + at)
                nodes.append((place[part["inputs"][int(name)]] if inner else 0, border, *leads))
    numbers: dict[str, Any] = {"weights": weights}
    numbers["bias"] = [part["bias"] for part in (*linear.values(), *trees.values())]
    numbers |= dict(zip(("input", "border", "left", "right"), zip(*nodes, strict=True), strict=True))
    numbers |= dict(zip(("roots", "forest"), zip(*roots, strict=True), strict=True))
    made = {name: np.asarray(numbers[name], kind).tobytes() for name, kind in MAIL_NUMBERS.items()}
    return {"linear": list(linear), "trees": list(trees), **made}
