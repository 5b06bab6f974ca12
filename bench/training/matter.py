"""Trains the classifiers of `mailrules/reader/matter.py`: logistic regression on features and on numbers of the reader.

The features of `report.…` are those of the reader; those of the other classifiers are runs of one to three words.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from bench.harness import CORPUS, others
from bench.training.classifiers import RUNS, weighted
from mailrules.reader.feature_hashes import Indexes
from mailrules.reader.matter import MatterClassifier, table_side
from mailrules.reader.reports import WAYS
from mailrules.reader.weights import shipped_weights
from mailrules.statement import NEXT_SIDES

WORDS = 8.0  # length of the vector of features, compared with the other numbers
LEAST_WORD, LEAST_FEATURE = 2, 3  # minimum number of mails that contain a word, or a feature of a report
IMPOSSIBLE = -20.0  # score of an outcome that no mail of the training data has
OUTCOMES = {"report": len(WAYS), "next": len(NEXT_SIDES)}  # of others: 2
Scores = NDArray[np.float64]
Name = TypeVar("Name")


class Example(NamedTuple):
    """A mail as one of the classifiers reads it, with its label."""

    classifier: str
    rows: Indexes  # its distinct features, as rows of the reader's table
    inputs: NDArray[np.float64]
    label: int  # 1 if the mail is what the classifier looks for, or the index of the outcome
    weight: float = 1.0  # less if a second reader might label it otherwise
    runs: Sequence[Indexes] = ()  # the rows of its words, of its pairs of words, and of its triples
    telling: Indexes | None = None  # of `report.…`: features of the unit that says so, or else of the longest unit


def train_all(examples: Sequence[Example]) -> dict[str, MatterClassifier]:
    """Train the classifiers of these examples, by name."""
    names = dict.fromkeys(one.classifier for one in examples)
    return {name: train([one for one in examples if one.classifier == name]) for name in names}


def left_out(sets: Mapping[Name, Sequence[Example]]) -> dict[Name, list[Scores]]:
    """Return the scores of the examples of each set, by classifiers that never saw the set.

    The set `CORPUS` is not scored: its mails are only examples of what classifiers do not look for.
    """
    return {one: scores_of(train_all(others(one, sets)), its) for one, its in sets.items() if one != CORPUS}


def scores_of(classifiers: Mapping[str, MatterClassifier], examples: Sequence[Example]) -> list[Scores]:
    return [classifiers[one.classifier].scores(one.rows, one.inputs) for one in examples]


def train(examples: Sequence[Example]) -> MatterClassifier:
    """Train the classifier that reads all these examples."""
    family, side = examples[0].classifier.split(".")[0], table_side(examples[0].classifier)
    counts = np.bincount(np.concatenate([one.rows for one in examples]), minlength=len(shipped_weights().tables[side]))
    rarity = np.log(len(examples) / np.maximum(counts, 1))  # rare features weigh more
    if family != "report":
        model = LogisticRegression(C=1.0, solver="liblinear", class_weight="balanced")
        if family == "next":
            model = LogisticRegression(C=1.0, max_iter=500)
        weight = np.zeros(len(counts), np.float32)
        for number, importance in enumerate(RUNS):
            weight[np.concatenate([one.runs[number] for one in examples])] = importance
        weight *= np.where(counts >= LEAST_WORD, rarity, 0.0)
        return _fit(model, examples, weight, OUTCOMES.get(family, 2))
    model = LogisticRegression(C=3.0, max_iter=500, class_weight="balanced")
    weight = np.where(counts >= LEAST_FEATURE, shipped_weights().units[side].importance * np.sqrt(rarity), 0.0)
    telling = [one._replace(rows=one.telling) for one in examples if one.telling is not None]
    return _fit(model, [*examples, *telling], weight.astype(np.float32), OUTCOMES[family])


def _fit(
    model: LogisticRegression, examples: Sequence[Example], weight: NDArray[np.float32], outcomes: int
) -> MatterClassifier:
    """Fit a model to the features and numbers of mails. ``weight``: of each feature; 0.0 if it does not count."""
    used = np.flatnonzero(weight)
    column = np.full(len(weight), -1)
    column[used] = np.arange(len(used))
    known = [its[its >= 0] for its in (column.take(one.rows) for one in examples)]
    given = hstack([weighted(known, weight[used]) * WORDS, csr_matrix(np.array([one.inputs for one in examples]))])
    model.fit(given.tocsr(), [one.label for one in examples], [one.weight for one in examples])
    scores, found = (outcomes, model.classes_) if outcomes > 2 else (1, [0])
    of_words, of_inputs = np.split(model.coef_.astype(np.float32), [len(used)], axis=1)
    values = np.zeros((len(weight), scores), np.float32)
    values[np.ix_(used, found)] = of_words.T * (weight[used] * WORDS)[:, None]
    of_scores, base = np.zeros((scores, of_inputs.shape[1]), np.float32), np.full(scores, IMPOSSIBLE, np.float32)
    of_scores[found], base[found] = of_inputs, model.intercept_
    return MatterClassifier(values, np.square(weight), of_scores, base)
