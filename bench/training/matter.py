"""Trains the classifiers of `mailrules/reader/matter.py`: logistic regression on words and on numbers of the reader."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from bench.conversations import PLAYED, Conversation, LabelledMail
from bench.harness import ROOT
from bench.training.classifiers import RUNS, weighted
from mailrules.engine.mails import mail_text
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.feature_hashes import Indexes
from mailrules.reader.features import word_runs
from mailrules.reader.mailview import side_of
from mailrules.reader.matter import MatterClassifier, matter_inputs, next_classifier, next_inputs
from mailrules.reader.weights import shipped_weights
from mailrules.statement import NEXT_SIDES, MailText
from service.cases.facts.extracted import ExtractedMessage, with_reading
from service.cases.facts.extraction import extract_messages
from service.cases.facts.roles import NOTHING_LEARNED
from service.intake import AppContext
from service.mail.parse import parse

OPENINGS = ROOT / "bench" / "labelled_openings"
SINGLE = ROOT / "bench" / "labelled_next"
SOFTNESS = 1.0  # `C` of the logistic regression
WORDS = 8.0  # length of the vector of words, compared with the other numbers
DOUBTFUL = 0.5  # weight of a mail that a second reader might label otherwise
LEAST = 2  # minimum number of mails that contain a word
IMPOSSIBLE = -20.0  # score of an outcome that no mail of the training data has
Row = tuple[Indexes, NDArray[np.float64], int, float]  # features, numbers, label and weight of a mail
T = TypeVar("T")


class Example(NamedTuple):
    """A mail as the classifier reads it, with its label."""

    runs: list[Indexes]  # the rows of its words, of its pairs of words, and of its triples
    inputs: NDArray[np.float64]
    label: int  # 1 if the mail is what the classifier looks for, or the index of the outcome
    weight: float = 1.0  # less if a second reader might label it otherwise

    @property
    def rows(self) -> Indexes:
        return np.unique(np.concatenate(self.runs))


def read_conversations(
    conversations: Sequence[Conversation], ours: AppContext
) -> Iterator[tuple[LabelledMail, list[ExtractedMessage]]]:
    """Yield each mail with its messages, the outer one first. The earlier mails decide the roles of the authors."""
    learned = NOTHING_LEARNED
    for mail in chain.from_iterable(conversations):
        parts = extract_messages(parse(mail.content), ours.roles(learned), ours.ingest, received_at=PLAYED)
        extracted = [with_reading(one, ours.rules.read(replace(one.turn, id=""))) for one in parts]
        learned = learned.with_more(one.learned for one in extracted)
        yield mail, extracted


def text_to_read(extracted: ExtractedMessage) -> MailText:
    """Return the input of the reader for a message. A reply is never read as the first mail of another matter."""
    return mail_text(replace(extracted.turn, begins=False))


def read_example(reader: EmbeddedReader, mail: MailText, label: int) -> Example:
    view, table = reader.view(mail), shipped_weights().tables[side_of(mail)]
    scores, chances = reader.probabilities(view)
    runs = [np.unique(table.find(found.hashes)[1]) for found in word_runs(view.with_subject)]
    return Example(runs, matter_inputs(view, chances, scores.units), label)


def next_example(reader: EmbeddedReader, mail: MailText, after: str | None, doubtful: bool) -> Example:
    """Return a mail with its label for ``next.…``. ``after``: as in ``bench/labelled_turns``."""
    one = read_example(reader, mail, NEXT_SIDES.index(after or "nobody"))  # type: ignore[arg-type]
    return one._replace(inputs=next_inputs(mail, one.inputs), weight=DOUBTFUL if doubtful else 1.0)


def openings(file: Path, reader: EmbeddedReader) -> list[Example]:
    """Return the mails of a file of ``bench/labelled_openings``. Their label: whether they continue a matter."""
    given = ("requester", "team", True, None, (), None)
    return [
        read_example(reader, MailText(row["text"], row["subject"], row["lang"], *given), row["continues"])
        for row in lines_of(file)
    ]


def single_mails(rows: Iterable[Mapping[str, Any]], reader: EmbeddedReader) -> Iterator[tuple[str, Example]]:
    """Yield single mails with a label ``next``, each with the name of its classifier ``next.…``."""
    for row in rows:
        subject = row["subject"] if row["opens"] else ""  # the service leaves out the subject of a reply
        mail = MailText(text_of(row), subject, row["lang"], row["side"], row["to"], row["opens"], None, (), None)
        yield next_classifier(mail), next_example(reader, mail, row["next"], row["doubtful"])


def text_of(row: Mapping[str, Any]) -> str:
    """Return the text of a labelled mail, or of a corpus line."""
    return row["text"] if "text" in row else "\n".join(unit["t"] for unit in row["units"])


def lines_of(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file with one JSON object a line."""
    return map(json.loads, file.read_text(encoding="utf-8").splitlines())


def train(read: Sequence[Example], side: str = "ours", outcomes: int = 2) -> MatterClassifier:
    """Train a classifier. ``side``: whose table of hashes it uses."""
    weight = np.zeros(len(shipped_weights().tables[side]), np.float32)
    for number, importance in enumerate(RUNS):
        weight[np.concatenate([one.runs[number] for one in read])] = importance
    rows = [(one.rows, one.inputs, one.label, one.weight) for one in read]
    counts = np.bincount(np.concatenate([features for features, *_ in rows]), minlength=len(weight))
    weight *= np.where(counts >= LEAST, np.log(len(rows) / np.maximum(counts, 1)), 0.0)  # rare words weigh more
    model = LogisticRegression(C=SOFTNESS, solver="liblinear", class_weight="balanced")
    if outcomes > 2:
        model = LogisticRegression(C=SOFTNESS, max_iter=500)
    return fit(model, rows, weight, outcomes)


def fit(model: LogisticRegression, rows: Sequence[Row], weight: NDArray[np.float32], outcomes: int) -> MatterClassifier:
    """Fit a model to the features and numbers of mails. ``weight``: of each feature; 0.0 if it does not count."""
    used = np.flatnonzero(weight)
    column = np.full(len(weight), -1)
    column[used] = np.arange(len(used))
    features, inputs, labels, weights = zip(*rows, strict=True)
    known = [its[its >= 0] for its in map(column.take, features)]
    given = hstack([weighted(known, weight[used]) * WORDS, csr_matrix(np.array(inputs))])
    model.fit(given.tocsr(), labels, weights)
    scores, found = (outcomes, model.classes_) if outcomes > 2 else (1, [0])
    of_words, of_inputs = np.split(model.coef_.astype(np.float32), [len(used)], axis=1)
    values = np.zeros((len(weight), scores), np.float32)
    values[np.ix_(used, found)] = of_words.T * (weight[used] * WORDS)[:, None]
    of_scores, base = np.zeros((scores, of_inputs.shape[1]), np.float32), np.full(scores, IMPOSSIBLE, np.float32)
    of_scores[found], base[found] = of_inputs, model.intercept_
    return MatterClassifier(values, np.square(weight), of_scores, base)


def without(one: Path | None, of_folders: Mapping[Path, Iterable[T]]) -> list[T]:
    """Return the items of all folders except one. None: of all folders."""
    return [each for other, its in of_folders.items() if other != one for each in its]
