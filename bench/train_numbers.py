"""Trains the classifier of ``mailrules/vendors/number_classifier.py``.

    python -m bench.train_numbers [--write]

It uses the labelled turns with ``refs`` (not those in ``held_out``) and the mails of ``bench/labelled_numbers``. A
number is a case number of the vendor if the labels name it. For each set, it prints four counts with a classifier that
never saw the set: numbers given, given numbers that are right, labelled numbers, labelled numbers that were given.
Needs the dependency group ``train``.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import cyclopts
import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from bench.conversations import TEAM, read_all
from bench.harness import ROOT, lines_of
from bench.turns import LABELS, SETS, labelled_turns
from mailrules.fold import fold
from mailrules.vendors.case_numbers import Candidate, candidates
from mailrules.vendors.number_classifier import FILE, FORMAT, LEAST, SIZE, slots_of
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


Found = tuple[Mail, Candidate]  # a number in a mail


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


def numbers_of(mail: Mail) -> Iterator[Candidate]:
    """Yield the numbers of a mail."""
    for place, whole in (("subject", mail.subject), ("text", mail.text)):
        yield from candidates(fold(whole), place, mail.side)


def is_number(number: str, ref: str) -> bool:
    """Whether this is the labelled number, with or without a word before it (``第``, ``No.``)."""
    return number == ref or (ref.endswith(number) and 2 * len(number) > len(ref))


def matrix(found: Sequence[Found]) -> csr_matrix:
    """Return the features of these numbers: one row for each."""
    slots = [slots_of(number.features(mail.side)) for mail, number in found]
    ends = np.cumsum([0, *map(len, slots)])
    return csr_matrix((np.ones(ends[-1]), np.concatenate(slots), ends), shape=(len(slots), SIZE))


def counts(given: Iterable[Found], mails: Iterable[Mail]) -> tuple[int, int, int, int]:
    """Return four counts: numbers given, right ones of these, labelled numbers, and those of them that were given."""
    numbers = {(mail.key, number.number) for mail, number in given}
    wanted = {(mail.key, ref) for mail in mails for ref in mail.refs}
    pairs = [(one, ref) for one in numbers for ref in wanted if one[0] == ref[0] and is_number(one[1], ref[1])]
    return len(numbers), len({one for one, _ in pairs}), len(wanted), len({ref for _, ref in pairs})


def main(*, write: bool = False) -> None:
    mails = [*single_mails(), *chain.from_iterable(mails_of(file.stem) for file in sorted(LABELS.glob("*.json")))]
    found = [(mail, number) for mail in mails if mail.is_labelled for number in numbers_of(mail)]
    labels = [any(is_number(number.number, ref) for ref in mail.refs) for mail, number in found]
    sets, weights = [mail.key[0] for mail, _ in found], [mail.weight for mail, _ in found]
    model, x, given = LogisticRegression(C=0.3, max_iter=1000), matrix(found), {"sample_weight": weights}
    chances = cross_val_predict(
        model, x, labels, groups=sets, cv=LeaveOneGroupOut(), params=given, method="predict_proba"
    )
    likely = [one for one, (_, chance) in zip(found, chances, strict=True) if one[1].is_labelled or chance >= LEAST]
    for name in dict.fromkeys(sets):
        own = [one for one in likely if one[0].key[0] == name]
        print(name, *counts(own, [mail for mail in mails if mail.key[0] == name]))
    if write:
        model.fit(x, labels, weights)
        file = ROOT / "mailrules" / "vendors" / FILE
        file.write_bytes(np.append(model.coef_[0], model.intercept_[0]).astype(FORMAT).tobytes())


if __name__ == "__main__":
    cyclopts.run(main)
