"""Trains the classifier of mails that go on with an earlier matter (`mailrules/reader/continuation.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from bench.training.classifiers import RUNS, weighted
from mailrules.reader.continuation import WordWeights
from mailrules.reader.features import word_runs
from mailrules.reader.mailview import MailView, side_of
from mailrules.reader.marks import MarkTable, Places
from mailrules.reader.weights import shipped_weights

SOFTNESS = 5.0  # `C` of the logistic regression
LEAST = 3  # mails that a feature must stand in


class Told(NamedTuple):
    """A mail to learn from."""

    side: str
    """Which classifier learns from it; "team" for mail that none learns from."""
    runs: tuple[Places, ...]
    """The distinct rows of one, two and three words in a row."""
    continues: bool

    def score(self, classifiers: Mapping[str, WordWeights]) -> float:
        """Return what the reader would."""
        return 0.0 if self.side == "team" else classifiers[self.side].score(np.unique(np.concatenate(self.runs)))


def told(view: MailView, continues: bool) -> Told:
    readings = [*view.readings, *([view.subject] if view.subject is not None else [])]
    table = shipped_weights().tables[side_of(view.mail)]
    runs = tuple(np.unique(table.find(found.marks)[1]) for found in word_runs(readings))
    return Told("team" if view.mail.side == "team" else side_of(view.mail), runs, continues)


def train_continuation(mails: Iterable[Told]) -> dict[str, WordWeights]:
    """A logistic regression a side."""
    mails = list(mails)
    return {
        side: _trained([one for one in mails if one.side == side], table)
        for side, table in shipped_weights().tables.items()
    }


def _trained(mails: Sequence[Told], table: MarkTable) -> WordWeights:
    weight = np.zeros(len(table), np.float32)
    for number, importance in enumerate(RUNS):
        weight[np.concatenate([one.runs[number] for one in mails])] = importance
    rows = [np.unique(np.concatenate(one.runs)) for one in mails]
    counts = np.bincount(np.concatenate(rows), minlength=len(table))
    weight *= np.where(counts >= LEAST, np.log(len(mails) / np.maximum(counts, 1)), 0.0)
    right = [one.continues for one in mails]
    model = LogisticRegression(C=SOFTNESS, solver="liblinear").fit(weighted(rows, weight), right)
    return WordWeights(model.coef_[0] * weight, np.square(weight), float(model.intercept_[0]))
