"""The features that the reader hashes are those that training names."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.training.features import features_of
from mailrules.evaluation.judged import mail_text
from mailrules.reader.embedded import shipped_matcher
from mailrules.reader.features import mail_marks
from mailrules.reader.mailview import view_mail
from mailrules.reader.marks import UnitMarks, mark_of, marks_of, prefixed
from mailrules.statement import MailText

CORPUS = Path(__file__).resolve().parents[3] / "mailrules" / "corpus"
ODD = "label bias\n\n- İstanbul ﷺ k:ab P:x\n項目: 2件 　\nｱﾞ㈱ 10 000 ...\n- a\n" + "n't 'd x" * 90


def mails() -> Iterator[MailText]:
    for writer in ("en-ours", "ja-ours", "en-vendor2", "ja-vendor2"):
        for line in (CORPUS / f"{writer}.jsonl").read_text(encoding="utf-8").splitlines()[:12]:
            yield mail_text(json.loads(line))
    for text, subject in ((ODD, "再: テスト"), ("", "only a subject"), ("a", ""), ("", "")):
        yield MailText(text, subject, "ja", "requester", "team", True, None, (), None)


def expected(names: list[list[str]]) -> list[tuple[int, int]]:
    return sorted((unit, int(mark)) for unit, some in enumerate(names) for mark in set(marks_of(some).tolist()))


def read(marks: UnitMarks) -> list[tuple[int, int]]:
    return sorted(set(zip(marks.units.tolist(), marks.marks.tolist(), strict=True)))


def test_the_reader_hashes_the_features_that_training_names() -> None:
    for mail in mails():
        view = view_mail(mail, shipped_matcher())
        names = features_of(view)
        marks = mail_marks(view.readings, view.subject, mail)
        assert read(marks.own) == expected([unit.own for unit in names]), mail.text
        assert read(marks.placed) == expected([unit.placed for unit in names]), mail.text


def test_a_prefix_can_be_added_to_a_hash() -> None:
    assert prefixed("k:", marks_of(["ab", "店"])).tolist() == [mark_of("k:ab"), mark_of("k:店")]


def test_the_hash_of_a_part_does_not_depend_on_what_stands_before_it() -> None:
    texts = ["a", "", "ab", "店舗 " * 40]
    assert marks_of(texts).tolist() == [mark_of(text) for text in texts]
    assert len(np.unique(marks_of([f"{a}{b}" for a in "abcdefgh" for b in "店舗運営本部1 "]))) == 64
