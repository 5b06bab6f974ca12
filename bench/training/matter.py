"""Trains a classifier of `mailrules/reader/matter.py`: logistic regression over words and the numbers of the reader."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from bench.harness import ROOT
from bench.training.classifiers import RUNS, weighted
from mailrules.engine.mails import mail_text
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.features import word_runs
from mailrules.reader.marks import Places
from mailrules.reader.matter import MatterClassifier, matter_inputs
from mailrules.reader.weights import shipped_weights
from mailrules.statement import MailText
from service.cases.facts.extracted import ExtractedMessage

OPENINGS = ROOT / "bench" / "labelled_openings"
SOFTNESS = 1.0  # `C` of the logistic regression
WORDS = 8.0  # length of the vector of words, compared with the other numbers
LEAST = 2  # mails that a word must stand in
T = TypeVar("T")


class Example(NamedTuple):
    """A mail as the classifier sees it, and whether it is what the classifier looks for."""

    runs: list[Places]
    """The rows of its words, of pairs and of triples of words."""
    inputs: NDArray[np.float64]
    label: bool

    @property
    def rows(self) -> Places:
        return np.unique(np.concatenate(self.runs))


def text_to_read(extracted: ExtractedMessage) -> MailText:
    """Return what the reader reads of a message, before a reply that begins another matter counts as a first mail."""
    return mail_text(replace(extracted.turn, begins=False))


def read_example(reader: EmbeddedReader, mail: MailText, label: bool) -> Example:
    view, table = reader.view(mail), shipped_weights().units["ours"].table
    scores, chances = reader.probabilities(view)
    readings = [*view.readings, *([view.subject] if view.subject is not None else [])]
    runs = [np.unique(table.find(found.marks)[1]) for found in word_runs(readings)]
    return Example(runs, matter_inputs(view, chances, scores.units), label)


def openings(file: Path, reader: EmbeddedReader) -> list[Example]:
    """The mails of a file of ``bench/labelled_openings``: does each continue a matter?"""
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [
        read_example(
            reader,
            MailText(row["text"], row["subject"], row["lang"], "requester", "team", True, None, (), None),
            row["continues"],
        )
        for row in rows
    ]


def train(read: Sequence[Example]) -> MatterClassifier:
    weight = np.zeros(len(shipped_weights().units["ours"].table), np.float32)
    for number, importance in enumerate(RUNS):
        weight[np.concatenate([one.runs[number] for one in read])] = importance
    rows = [one.rows for one in read]
    counts = np.bincount(np.concatenate(rows), minlength=len(weight))
    weight *= np.where(counts >= LEAST, np.log(len(rows) / np.maximum(counts, 1)), 0.0)  # rare words weigh more
    given = hstack([weighted(rows, weight) * WORDS, csr_matrix(np.array([one.inputs for one in read]))])
    model = LogisticRegression(C=SOFTNESS, solver="liblinear", class_weight="balanced")
    model.fit(given.tocsr(), [one.label for one in read])
    of_words, of_inputs = np.split(model.coef_[0].astype(np.float32), [len(weight)])
    return MatterClassifier(of_words * weight * WORDS, np.square(weight), of_inputs, float(model.intercept_[0]))


def without(one: Path | None, of_folders: Mapping[Path, Iterable[T]]) -> list[T]:
    """What the other folders hold."""
    return [each for other, its in of_folders.items() if other != one for each in its]
