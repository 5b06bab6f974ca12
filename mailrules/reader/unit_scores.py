"""Scores of the units of a mail and of the mail as a whole.

A score is a sum over the features of a unit. The text of a unit adds to the score of this unit and of the next unit.
These summands are stored with the reading of the unit. Therefore a known sentence needs only two additions.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .feature_hashes import Indexes
from .features import ROW, SPOTS, Part, heading_of, mail_features, split, spot
from .mailview import MailView, Matrix, side_of
from .unit_reading import Reading
from .weights import UnitClassifier, Weights

_SPOTS = [(f"at:{name}",) for name in SPOTS]


class MailScores(NamedTuple):
    """The scores of one mail, and its features."""

    units: Matrix  # scores of the units and of the subject (the last row)
    whole: Matrix  # scores of the mail as a whole
    rows: Indexes  # the rows of the distinct features of the mail


def mail_scores(view: MailView, weights: Weights) -> MailScores:
    """Compute the scores of all meanings, for each unit of a mail and for the whole mail."""
    side, body = side_of(view.mail), len(view.readings)
    units, whole = weights.units[side], weights.whole[side]
    readings = view.with_subject
    if not readings:
        nothing, none = np.zeros((0, len(units.meanings) + 1), np.float32), np.zeros(0, np.int64)
        return MailScores(units.scored(nothing), whole.scored(whole.sums(none, none, 1))[0], none)
    add_sums(readings, units)
    parts = np.frombuffer(b"".join([reading.sums for reading in readings]), np.float32)
    parts = parts.reshape(len(readings), len(Part), -1)
    common, added = units.fixed(mail_features(view.mail))
    sums = parts[:, Part.OWN] + added
    sums[1:body] += parts[: body - 1, Part.NEXT]
    spots = np.array([units.fixed(features)[1] for features in _SPOTS])
    sums += spots[[*(spot(at, body) for at in range(body)), *([0] * (len(readings) - body))]]
    for at in range(body):
        heading = heading_of(view.readings, at)
        if heading is not None:
            sums[at] += parts[heading, Part.LISTED]
    seen = np.zeros(len(units.table), np.bool_)
    seen[common] = True
    seen[np.frombuffer(b"".join([reading.rows for reading in readings]), ROW)] = True
    rows = np.flatnonzero(seen)
    return MailScores(units.scored(sums), whole.scored(whole.sums(np.zeros_like(rows), rows, 1))[0], rows)


def add_sums(readings: Sequence[Reading], classifier: UnitClassifier) -> None:
    """Compute what each reading adds to the scores, and store it in the reading."""
    new = list({id(reading): reading for reading in readings if not reading.sums}.values())
    if not new:
        return
    parts, rows = classifier.rows.of(new)
    sums = classifier.sums(parts, rows, len(Part) * len(new)).reshape(len(Part), len(new), -1)
    by_unit = np.ascontiguousarray(sums.swapaxes(0, 1))
    for reading, own, added in zip(new, split(parts, rows, len(new)), by_unit, strict=True):
        reading.rows, reading.sums = own, added.tobytes()
