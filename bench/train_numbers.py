"""Trains the classifier of ``mailrules/vendors/number_classifier.py``.

    python -m bench.train_numbers [--write]

It uses the labelled turns with ``refs`` (not those in ``held_out``) and the mails of ``bench/labelled_numbers``. A
number is a case number of the vendor if the labels name it. For each set, it prints four counts with a classifier that
never saw the set: numbers given, given numbers that are right, labelled numbers, labelled numbers that were given.
Needs the dependency group ``train``.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import cyclopts
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from bench.conversations import TEAM, read_all
from bench.harness import ROOT
from bench.turns import LABELS, SETS, labelled_turns
from mailrules.fold import fold
from mailrules.vendors.case_numbers import candidates
from mailrules.vendors.number_classifier import FILE, LEAST, SIZE, slots_of, written
from service.mail.parse import parse

SINGLE = ROOT / "bench" / "labelled_numbers"
SOFTNESS = 0.3  # `C` of the logistic regression
WEIGHTS = {"near_misses": 2.0}
OF_SINGLE = 0.5  # weight of a number in other single mails, because many of them were written to mislead
Key = tuple[str, ...]  # set and case: numbers are counted once for each case


class Example(NamedTuple):
    """A number of a mail."""

    key: Key
    number: str
    slots: list[int]
    label: bool
    weight: float
    is_labelled: bool  # whether a clear label decides, and not the classifier


class Set(NamedTuple):
    """The numbers of a set of mails, and the labelled case numbers."""

    examples: list[Example]
    wanted: set[tuple[Key, str]]


def plain(number: str) -> str:
    return fold(number).upper().strip("#-_/.")


def examples(
    key: Key, subject: str, text: str, side: str, wanted: Sequence[str], weight: float = 1.0
) -> Iterator[Example]:
    refs = [plain(ref) for ref in wanted]
    for place, whole in (("subject", subject), ("text", text)):
        for one in candidates(fold(whole), place, side):
            label = any(is_number(one.number, ref) for ref in refs)
            yield Example(key, one.number, slots_of(one.features(side)), label, weight, one.is_labelled)


def is_number(number: str, ref: str) -> bool:
    """Whether this is the labelled number, with or without a word before it (``第``, ``No.``)."""
    return number == ref or (ref.endswith(number) and 2 * len(number) > len(ref))


def of_conversations(name: str) -> Set:
    """Return the numbers in mail of the team and of vendors of a set with labelled turns."""
    out, labels = Set([], set()), labelled_turns(name)
    for mail in chain.from_iterable(read_all([SETS / name])):
        conversation, case = mail.name.rpartition("/")[0], mail.case.rpartition("/")[2]
        refs = labels[conversation].get("refs", {}).get(case, [])
        key, read = (name, conversation, case), parse(mail.content)
        author = read.from_.address if read.from_ else ""
        side = "team" if author in TEAM else "requester" if author.endswith("@corp.example") else "vendor"
        out.wanted.update((key, plain(ref)) for ref in refs)
        if side != "requester" and "refs" in labels[conversation]:
            out.examples.extend(examples(key, read.subject, read.reply_text, side, refs))
    return out


def of_mails(file: Path) -> Set:
    """Return the numbers in the mails of a file of ``bench/labelled_numbers``."""
    out = Set([], set())
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()):
        row, key = json.loads(line), (file.stem, str(number))
        out.wanted.update((key, plain(ref)) for ref in row["refs"])
        out.examples.extend(
            examples(key, row["subject"], row["text"], row["side"], row["refs"], WEIGHTS.get(file.stem, OF_SINGLE))
        )
    return out


def matrix(of: Sequence[Example]) -> csr_matrix:
    ends = np.cumsum([0, *(len(one.slots) for one in of)])
    slots = np.array([slot for one in of for slot in one.slots])
    return csr_matrix((np.ones(len(slots)), slots, ends), shape=(len(of), SIZE))


def train(of: Sequence[Example]) -> LogisticRegression:
    return LogisticRegression(C=SOFTNESS, max_iter=1000).fit(
        matrix(of), [one.label for one in of], sample_weight=[one.weight for one in of]
    )


def counts(of: Set, chances: NDArray[np.float64], least: float = LEAST) -> tuple[int, int, int, int]:
    """Return four counts: numbers given, right ones of these, labelled numbers, and those of them that were given."""
    given = {
        (one.key, one.number)
        for one, chance in zip(of.examples, chances, strict=True)
        if one.is_labelled or chance >= least
    }
    right = {(key, ref) for key, ref in of.wanted for k, number in given if k == key and is_number(number, ref)}
    rightly = sum(any(k == key and is_number(number, ref) for k, ref in of.wanted) for key, number in given)
    return len(given), rightly, len(of.wanted), len(right)


def main(*, write: bool = False) -> None:
    sets = {file.stem: of_mails(file) for file in sorted(SINGLE.glob("*.jsonl"))}
    for file in sorted(LABELS.glob("*.json")):
        read = of_conversations(file.stem)
        sets |= {file.stem: read} if read.examples else {}
    for name, own in sets.items():
        others = [one for other, its in sets.items() if other != name for one in its.examples]
        print(name, *counts(own, train(others).predict_proba(matrix(own.examples))[:, 1]))
    if write:
        trained = train([one for its in sets.values() for one in its.examples])
        file = ROOT / "mailrules" / "vendors" / FILE
        file.write_bytes(written(trained.coef_[0], float(trained.intercept_[0])))


if __name__ == "__main__":
    cyclopts.run(main)
