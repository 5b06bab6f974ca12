"""Trains the classifier of replies that begin another matter, and scores each set by one that never saw it.

    python -m bench.train_departure FOLDER… [--write]

The folders hold labelled conversations as for ``bench.conversations``: a reply whose parent is in another case begins
another matter. ``bench/labelled_replies`` is always used. Printed are, for each set, the replies that begin another
matter and those that stay, and how many of each are heard. ``--write`` writes ``mailrules/reader/departure.bin``. Needs
the dependency group ``train``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import NamedTuple

import cyclopts
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from bench.conversations import PLAYED, Conversation, labelled_context, read_all
from bench.fit_matcher import weighed, without, word_rows
from bench.harness import ROOT
from bench.threads import read_mail
from bench.training.classifiers import weighted
from mailrules.engine.mails import mail_text
from mailrules.reader.continuation import WordWeights
from mailrules.reader.departure import FILE, DepartureWeights, departure_inputs, tells_departure, written
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.marks import Places
from mailrules.reader.weights import shipped_weights
from mailrules.statement import MailText
from service.cases.facts.roles import NOTHING_LEARNED
from service.intake import AppContext

PAIRS = ROOT / "bench" / "labelled_replies"
WRITTEN = ROOT / "mailrules" / "reader" / FILE
SOFTNESS = 1.0  # `C` of the logistic regression
WORDS = 8.0  # length of the vector of words, compared with the other numbers
LEAST = 2  # replies that a feature must stand in
FALSE = 0.015  # share of the replies that stay with their matter that may be taken for a new one


class Reply(NamedTuple):
    """A reply: its words, the other numbers of the classifier, and whether it begins another matter."""

    runs: list[Places]
    inputs: NDArray[np.float64]
    new: bool


def read_reply(reader: EmbeddedReader, mail: MailText, new: bool) -> Reply:
    decision = reader.decide(mail)
    return Reply(word_rows(decision.view), departure_inputs(decision.view, decision.chances, decision.scores), new)


def pairs(file: Path, reader: EmbeddedReader) -> list[Reply]:
    """The replies of a file of ``bench/labelled_replies``, each as a user's and as one of the team."""
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [
        read_reply(reader, MailText(row["reply"], "", row["lang"], side, to, False, None, (), None), row["new"])
        for row in rows
        for side, to in (("requester", "team"), ("team", "vendor"))
    ]


def replies(conversations: Sequence[Conversation], ours: AppContext, reader: EmbeddedReader) -> Iterator[Reply]:
    """The replies of conversations to mails of the same conversation."""
    learned = NOTHING_LEARNED
    for conversation in conversations:
        cases: dict[str, str] = {}
        for mail in conversation:
            headers = message_from_bytes(mail.content, policy=policy.default)
            extracted = read_mail(mail.content, ours, ours.roles(learned), PLAYED)
            learned = learned.with_more(one.learned for one in extracted)
            parent, turn = str(headers["In-Reply-To"] or "").strip(), replace(extracted[0].turn, begins=False)
            if parent in cases and turn.is_reply and tells_departure(text := mail_text(turn)):
                yield read_reply(reader, text, cases[parent] != mail.case)
            cases[str(headers["Message-ID"] or "").strip()] = mail.case


def train(read: Sequence[Reply]) -> DepartureWeights:
    """A logistic regression."""
    rows, weight = weighed([one.runs for one in read], LEAST)
    given = hstack([weighted(rows, weight) * WORDS, csr_matrix(np.array([one.inputs for one in read]))])
    model = LogisticRegression(C=SOFTNESS, solver="liblinear", class_weight="balanced")
    model.fit(given.tocsr(), [one.new for one in read])
    of_words, of_inputs = np.split(model.coef_[0], [len(weight)])
    words = WordWeights(of_words * weight * WORDS, np.square(weight), float(model.intercept_[0]))
    return DepartureWeights(words, of_inputs.astype(np.float32))


def distance(classifier: DepartureWeights, reply: Reply) -> float:
    """The distance from the boundary, without limits."""
    return classifier.words.sum(np.unique(np.concatenate(reply.runs))) + float(classifier.inputs @ reply.inputs)


def moved(classifier: DepartureWeights, boundary: float) -> DepartureWeights:
    """The classifier with another boundary."""
    words = classifier.words
    return classifier._replace(words=words._replace(base=words.base - boundary))


def cross_validated(read: Mapping[Path, Sequence[Reply]]) -> tuple[dict[Path, list[float]], float]:
    """The distances of the replies of each set by a classifier that never saw it, and the boundary that is wanted."""
    found = {}
    for one in read:
        classifier = train(without(one, read))
        found[one] = [distance(classifier, reply) for reply in read[one]]
    stay = [at for one in read for at, reply in zip(found[one], read[one], strict=True) if not reply.new]
    return found, float(np.quantile(stay, 1 - FALSE))


def main(*folders: Path, write: bool = False) -> None:
    ours, reader = labelled_context(), EmbeddedReader()
    read: dict[Path, list[Reply]] = {file: pairs(file, reader) for file in sorted(PAIRS.glob("*.jsonl"))}
    read |= {folder: [*replies(read_all([folder]), ours, reader)] for folder in folders}
    found, boundary = cross_validated(read)
    for one, at in found.items():
        new, stay = (
            [a > boundary for a, its in zip(at, read[one], strict=True) if its.new is kind] for kind in (True, False)
        )
        print(f"{one.name}: new {len(new)} heard {sum(new)}, stay {len(stay)} false {sum(stay)}")
    if write:
        shipped = shipped_weights()
        classifier = moved(train(without(None, read)), boundary)
        WRITTEN.write_bytes(written(classifier, shipped.units["ours"].table, shipped.version))


if __name__ == "__main__":
    cyclopts.run(main)
