"""Trains the classifier of ``mailrules/vendors/number_classifier.py``.

    python -m bench.train_numbers [--write]

It uses the labelled turns with ``refs`` (not those in ``held_out``) and the mails of ``bench/labelled_numbers``. A
number is a case number of the vendor if the labels name it. For each set, it prints four counts with a classifier that
never saw the set: numbers given, given numbers that are right, labelled numbers, labelled numbers that were given.
Needs the dependency group ``train``.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import cyclopts
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from bench.conversations import TEAM, read_all
from bench.harness import ROOT, lines_of
from bench.turns import LABELS, SETS, labelled_turns
from mailrules.fold import fold
from mailrules.vendors.case_numbers import candidates
from mailrules.vendors.number_classifier import FILE, LEAST, SIZE, slots_of, written
from service.mail.parse import parse

WEIGHTS = {"near_misses": 2.0}
OF_SINGLE = 0.5  # weight of a number in other single mails, because many of them were written to mislead


class Mail(NamedTuple):
    """A mail with numbers. ``key``: its set and its case, because a number is counted once for each case."""

    key: tuple[str, ...]
    subject: str
    text: str
    side: str
    refs: list[str]  # the case numbers of the vendor
    weight: float = 1.0
    is_labelled: bool = True  # False for a user's mail, or a conversation without labels of case numbers


class Example(NamedTuple):
    """A number of a mail."""

    key: tuple[str, ...]
    number: str
    slots: list[int]
    label: bool
    weight: float
    is_clear: bool  # whether a clear label before the number decides, and not the classifier


def single_mails() -> Iterator[Mail]:
    """Yield the mails of ``bench/labelled_numbers``."""
    for file in sorted((ROOT / "bench" / "labelled_numbers").glob("*.jsonl")):
        for number, row in enumerate(lines_of(file)):
            key, refs = (file.stem, str(number)), [plain(ref) for ref in row["refs"]]
            yield Mail(key, row["subject"], row["text"], row["side"], refs, WEIGHTS.get(file.stem, OF_SINGLE))


def mails_of(name: str) -> Iterator[Mail]:
    """Yield the mails of a set with labelled turns."""
    labels = labelled_turns(name)
    for mail in chain.from_iterable(read_all([SETS / name])):
        conversation, case = mail.name.rpartition("/")[0], mail.case.rpartition("/")[2]
        label, read = labels[conversation], parse(mail.content)
        author = read.from_.address if read.from_ else ""
        side = "team" if author in TEAM else "requester" if author.endswith("@corp.example") else "vendor"
        refs = [plain(ref) for ref in label.get("refs", {}).get(case, [])]
        counts = side != "requester" and "refs" in label
        yield Mail((name, conversation, case), read.subject, read.reply_text, side, refs, is_labelled=counts)


def plain(number: str) -> str:
    return fold(number).upper().strip("#-_/.")


def examples(mail: Mail) -> Iterator[Example]:
    """Yield the numbers of a mail."""
    for place, whole in (("subject", mail.subject), ("text", mail.text)):
        for one in candidates(fold(whole), place, mail.side):
            label = any(is_number(one.number, ref) for ref in mail.refs)
            slots = slots_of(one.features(mail.side))
            yield Example(mail.key, one.number, slots, label, mail.weight, one.is_labelled)


def is_number(number: str, ref: str) -> bool:
    """Whether this is the labelled number, with or without a word before it (``第``, ``No.``)."""
    return number == ref or (ref.endswith(number) and 2 * len(number) > len(ref))


def matrix(of: Sequence[Example]) -> csr_matrix:
    ends = np.cumsum([0, *(len(one.slots) for one in of)])
    slots = np.array([slot for one in of for slot in one.slots])
    return csr_matrix((np.ones(len(slots)), slots, ends), shape=(len(of), SIZE))


def counts(found: Sequence[Example], chances: NDArray[np.float64], mails: Sequence[Mail]) -> tuple[int, int, int, int]:
    """Return four counts: numbers given, right ones of these, labelled numbers, and those of them that were given."""
    given = {
        (one.key, one.number) for one, chance in zip(found, chances, strict=True) if one.is_clear or chance >= LEAST
    }
    wanted = {(mail.key, ref) for mail in mails for ref in mail.refs}
    pairs = [(one, ref) for one in given for ref in wanted if one[0] == ref[0] and is_number(one[1], ref[1])]
    return len(given), len({one for one, _ in pairs}), len(wanted), len({ref for _, ref in pairs})


def main(*, write: bool = False) -> None:
    mails = [*single_mails(), *chain.from_iterable(mails_of(file.stem) for file in sorted(LABELS.glob("*.json")))]
    found = [one for mail in mails if mail.is_labelled for one in examples(mail)]
    sets, labels, weights = zip(*((one.key[0], one.label, one.weight) for one in found), strict=True)
    model, x = LogisticRegression(C=0.3, max_iter=1000), matrix(found)
    chances = cross_val_predict(
        model, x, labels, groups=sets, cv=LeaveOneGroupOut(), params={"sample_weight": weights}, method="predict_proba"
    )
    for name in dict.fromkeys(sets):
        own = [at for at, other in enumerate(sets) if other == name]
        print(name, *counts([found[at] for at in own], chances[own, 1], [one for one in mails if one.key[0] == name]))
    if write:
        model.fit(x, labels, weights)
        file = ROOT / "mailrules" / "vendors" / FILE
        file.write_bytes(written(model.coef_[0], float(model.intercept_[0])))


if __name__ == "__main__":
    cyclopts.run(main)
