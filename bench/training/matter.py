"""Trains a classifier of `mailrules/reader/matter.py`: logistic regression over words and the numbers of the reader."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from bench.conversations import PLAYED, Conversation, LabelledMail
from bench.harness import ROOT
from bench.threads import read_mail
from bench.training.classifiers import RUNS, weighted
from mailrules.engine.mails import mail_text
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.features import word_runs
from mailrules.reader.mailview import side_of
from mailrules.reader.marks import Places
from mailrules.reader.matter import MatterClassifier, matter_inputs, next_classifier, next_inputs
from mailrules.reader.weights import shipped_weights
from mailrules.statement import NEXT_SIDES, MailText
from service.cases.facts.extracted import ExtractedMessage
from service.cases.facts.roles import NOTHING_LEARNED
from service.intake import AppContext

OPENINGS = ROOT / "bench" / "labelled_openings"
SINGLE = ROOT / "bench" / "labelled_next"
SOFTNESS = 1.0  # `C` of the logistic regression
WORDS = 8.0  # length of the vector of words, compared with the other numbers
DOUBTFUL = 0.5  # weight of a mail that a second reader might label otherwise
LEAST = 2  # mails that a word must stand in
T = TypeVar("T")


class Example(NamedTuple):
    """A mail as the classifier sees it, and its label: whether it is what the classifier looks for, or an outcome."""

    runs: list[Places]
    """The rows of its words, of pairs and of triples of words."""
    inputs: NDArray[np.float64]
    label: int
    weight: float = 1.0  # less if a second reader might label it otherwise

    @property
    def rows(self) -> Places:
        return np.unique(np.concatenate(self.runs))


def read_conversations(
    conversations: Sequence[Conversation], ours: AppContext
) -> Iterator[tuple[LabelledMail, list[ExtractedMessage]]]:
    """Each mail with its messages, the outer one first, read with the roles that the earlier mails teach."""
    learned = NOTHING_LEARNED
    for mail in chain.from_iterable(conversations):
        extracted = read_mail(mail.content, ours, ours.roles(learned), PLAYED)
        learned = learned.with_more(one.learned for one in extracted)
        yield mail, extracted


def text_to_read(extracted: ExtractedMessage) -> MailText:
    """Return what the reader reads of a message, before a reply that begins another matter counts as a first mail."""
    return mail_text(replace(extracted.turn, begins=False))


def read_example(reader: EmbeddedReader, mail: MailText, label: int) -> Example:
    view, table = reader.view(mail), shipped_weights().tables[side_of(mail)]
    scores, chances = reader.probabilities(view)
    readings = [*view.readings, *([view.subject] if view.subject is not None else [])]
    runs = [np.unique(table.find(found.marks)[1]) for found in word_runs(readings)]
    return Example(runs, matter_inputs(view, chances, scores.units), label)


def next_example(reader: EmbeddedReader, mail: MailText, after: str | None, doubtful: bool) -> Example:
    """Return a mail with its label for ``next.…``. ``after``: as in ``bench/labelled_turns``."""
    one = read_example(reader, mail, NEXT_SIDES.index(after or "nobody"))  # type: ignore[arg-type]
    return one._replace(inputs=next_inputs(mail, one.inputs), weight=DOUBTFUL if doubtful else 1.0)


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


def single_mails(file: Path, reader: EmbeddedReader) -> Iterator[tuple[str, Example]]:
    """The mails of a file of ``bench/labelled_next``, each for one of the classifiers ``next.…``."""
    for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
        subject = row["subject"] if row["opens"] else ""  # the service leaves out the subject of a reply
        side, to = row["side"], row["to"]
        mail = MailText(row["text"], subject, row["lang"], side, to, row["opens"], None, (), None)
        yield next_classifier(mail), next_example(reader, mail, row["next"], row["doubtful"])


def train(read: Sequence[Example], side: str = "ours", outcomes: int = 2) -> MatterClassifier:
    """Train a classifier. ``side``: whose table of marks it uses."""
    weight = np.zeros(len(shipped_weights().tables[side]), np.float32)
    for number, importance in enumerate(RUNS):
        weight[np.concatenate([one.runs[number] for one in read])] = importance
    rows = [one.rows for one in read]
    counts = np.bincount(np.concatenate(rows), minlength=len(weight))
    weight *= np.where(counts >= LEAST, np.log(len(rows) / np.maximum(counts, 1)), 0.0)  # rare words weigh more
    given = hstack([weighted(rows, weight) * WORDS, csr_matrix(np.array([one.inputs for one in read]))])
    model = LogisticRegression(C=SOFTNESS, solver="liblinear", class_weight="balanced")
    if outcomes > 2:
        model = LogisticRegression(C=SOFTNESS, max_iter=500)
    model.fit(given.tocsr(), [one.label for one in read], [one.weight for one in read])
    of_words, of_inputs = np.split(model.coef_.astype(np.float32), [len(weight)], axis=1)
    values = of_words.T * (weight * WORDS)[:, None]
    return MatterClassifier(values, np.square(weight), of_inputs, model.intercept_.astype(np.float32))


def without(one: Path | None, of_folders: Mapping[Path, Iterable[T]]) -> list[T]:
    """What the other folders hold."""
    return [each for other, its in of_folders.items() if other != one for each in its]
