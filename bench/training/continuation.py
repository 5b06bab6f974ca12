"""Trains the classifier of mails that go on with an earlier matter (`mailrules/reader/continuation.py`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from mailrules.reader.continuation import WordWeights, readings_of
from mailrules.reader.features import word_runs
from mailrules.reader.mailview import MailView, side_of
from mailrules.reader.marks import Marks, MarkTable

IMPORTANCE = (1.0, 0.7, 0.6)
"""Of one, two and three words in a row."""
SOFTNESS = 5.0  # `C` of the logistic regression
LEAST = 3  # mails that a feature must stand in


class Told(NamedTuple):
    """A mail to learn from."""

    side: str
    runs: tuple[Marks, ...]
    """The distinct marks of one, two and three words in a row."""
    continues: bool

    def score(self, classifiers: Mapping[str, WordWeights]) -> float:
        """Return what the reader would."""
        return 0.0 if self.side == "team" else round(classifiers[self.side].score(np.concatenate(self.runs)), 2)


def told(view: MailView, continues: bool) -> Told:
    runs = word_runs(readings_of(view))
    side = "team" if view.mail.side == "team" else side_of(view.mail)
    return Told(side, tuple(np.unique(found.marks) for found in runs), continues)


def train_continuation(mails: Iterable[Told]) -> dict[str, WordWeights]:
    """A logistic regression a side."""
    mails = list(mails)
    return {side: _trained([one for one in mails if one.side == side]) for side in ("ours", "vendor")}


def _trained(mails: Sequence[Told]) -> WordWeights:
    counts = Counter(mark for one in mails for marks in one.runs for mark in marks.tolist())
    table = MarkTable(np.array(sorted(mark for mark, count in counts.items() if count >= LEAST), np.uint64))
    weight = np.zeros(len(table), np.float32)
    found = [[table.find(marks)[1] for marks in one.runs] for one in mails]
    for each in found:
        for rows, importance in zip(each, IMPORTANCE, strict=True):
            weight[rows] = importance
    weight *= [np.log(len(mails) / counts[mark]) for mark in table.marks[:-1].tolist()]
    rows = [np.unique(np.concatenate(each)) for each in found]
    values = [weight[its] / (np.sqrt(np.square(weight[its]).sum()) or 1.0) for its in rows]
    x = csr_matrix(
        (np.concatenate(values), np.concatenate(rows), np.cumsum([0, *map(len, rows)])), shape=(len(mails), len(table))
    )
    model = LogisticRegression(C=SOFTNESS, solver="liblinear").fit(x, [one.continues for one in mails])
    return WordWeights(table, model.coef_[0] * weight, np.square(weight), float(model.intercept_[0]))
