"""Scores of the units of a mail and of the mail as a whole.

A score is a sum over the features of a unit. What the text of a unit adds to it, and to the unit after it, is kept
with the reading of the unit: a sentence that was read before costs two additions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .features import SPOTS, Part, heading_of, mail_features, part_marks, spot, spot_feature
from .mailview import MailView, Matrix, side_of
from .marks import UnitMarks, mark_of
from .unit_reading import Reading
from .weights import UnitClassifier, Weights, distinct

_SPOTS = [(spot_feature(number),) for number in range(len(SPOTS))]
_ROW = np.dtype(np.int32)
_BIAS = mark_of("bias")
"""The mark of the word "bias" too, which must not count again: all units have this feature."""


def mail_scores(view: MailView, weights: Weights) -> tuple[Matrix, Matrix]:
    """Return the scores of the units and the subject (the last row), and those of the mail as a whole."""
    side, body = side_of(view.mail), len(view.readings)
    units, whole = weights.units[side], weights.whole[side]
    readings = [*view.readings, view.subject] if view.subject is not None else view.readings
    if not readings:
        return units.scored(np.zeros((0, len(units.meanings) + 1), np.float32)), whole.scores(UnitMarks.none(), 1)[0]
    add_sums(readings, units)
    parts = np.frombuffer(b"".join([reading.sums for reading in readings]), np.float32)
    parts = parts.reshape(len(readings), len(Part), -1)
    common = mail_features(view.mail)
    sums = parts[:, Part.OWN] + units.sums_of(common)
    sums[1:body] += parts[: body - 1, Part.NEXT]
    spots = np.array([units.sums_of(features) for features in _SPOTS])
    sums += spots[[*(spot(at, body) for at in range(body)), *([0] * (len(readings) - body))]]
    for at in range(body):
        heading = heading_of(view.readings, at)
        if heading is not None:
            sums[at] += parts[heading, Part.LISTED]
    seen = np.zeros(len(units.table), np.bool_)
    seen[units.rows_of(common)] = True
    seen[np.frombuffer(b"".join([reading.rows for reading in readings]), _ROW)] = True
    rows = np.flatnonzero(seen)
    return units.scored(sums), whole.scored(whole.sums(np.zeros_like(rows), rows, 1))[0]


def add_sums(readings: Sequence[Reading], classifier: UnitClassifier) -> None:
    """Compute what readings add to the scores, unless it is known."""
    new = list({id(reading): reading for reading in readings if not reading.sums}.values())
    if not new:
        return
    found = part_marks(new)
    known, rows = classifier.table.find(found.marks)
    plain = np.flatnonzero(found.marks.take(known) != _BIAS)
    units, rows = distinct(found.units.take(known.take(plain)), rows.take(plain))
    sums = classifier.sums(units, rows, len(Part) * len(new)).reshape(len(Part), len(new), -1)
    by_unit = np.ascontiguousarray(sums.swapaxes(0, 1)).tobytes()
    size = len(by_unit) // len(new)
    ends = (np.searchsorted(units, np.arange(len(new) + 1)) * _ROW.itemsize).tolist()
    own = rows.astype(_ROW).tobytes()
    for at, reading in enumerate(new):
        reading.rows = own[ends[at] : ends[at + 1]]
        reading.sums = by_unit[at * size : (at + 1) * size]
