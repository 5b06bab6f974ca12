"""What the words of a mail say: whether it continues a matter or begins one, and who has to act next."""

from dataclasses import replace
from importlib.resources import files

import msgspec
import numpy as np
import pytest
import zstandard

from mailrules.engine.judge import Rules
from mailrules.library import load
from mailrules.reader.matter import FILE, file_content, read_classifiers
from mailrules.reader.weights import shipped_weights
from mailrules.thread import RuleInput
from tests.mailrules.mails import READER, language_of, mail, next_side, reply
from tests.tables import table_beside

TABLES = table_beside(__file__, "matter.yaml")
REPLY = RuleInput(
    "1", "requester", "ren@lab.test", "", subject_is_new=False, is_reply=True, language="en",
    towards=frozenset({"team"}),
)  # fmt: skip
UNANNOUNCED = TABLES["departs"][-3]


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load()


def departs(rules: Rules, text: str) -> bool:
    return rules.read(replace(REPLY, text=text, language=language_of(text))).departs


@pytest.mark.parametrize("text", TABLES["departs"])
def test_a_reply_may_begin_another_matter_announced_or_not(rules: Rules, text: str) -> None:
    assert departs(rules, text)


@pytest.mark.parametrize("text", ["", *TABLES["stays"]])
def test_a_side_remark_does_not_depart(rules: Rules, text: str) -> None:
    assert not departs(rules, text)


@pytest.mark.parametrize(
    "mail",
    [
        replace(REPLY, is_reply=False),
        replace(REPLY, subject_is_new=True),
        replace(REPLY, side="vendor"),
        replace(REPLY, automatic="auto_reply"),
        replace(REPLY, language="de"),
    ],
)
def test_only_replies_of_people_of_ours_depart(rules: Rules, mail: RuleInput) -> None:
    assert not rules.read(replace(mail, text=UNANNOUNCED)).departs


def test_a_reply_that_departs_is_read_as_the_first_mail_of_its_matter(rules: Rules) -> None:
    departing = replace(REPLY, text=UNANNOUNCED)
    first = rules.read(replace(departing, is_reply=False, begins=False, subject_is_new=True))
    assert rules.read(departing).statements == first.statements
    assert rules.read(replace(departing, begins=True)) == rules.read(departing)


def test_a_mail_that_continues_a_matter_scores_above_zero_and_one_that_begins_a_matter_below() -> None:
    assert [text for text in TABLES["continues"] if READER.read(mail(text)).continues <= 0] == []
    assert [text for text in TABLES["begins"] if READER.read(mail(text)).continues >= 0] == []


@pytest.mark.parametrize(
    ("text", "side", "language"),
    [
        ("Mein Rechner startet seit heute nicht mehr.", "requester", "de"),
        ("It still fails.", "team", "en"),
        ("It still fails.", "vendor", "en"),
        ("", "requester", "en"),
    ],
)
def test_other_languages_and_sides_and_mail_without_words_score_zero(text: str, side: str, language: str) -> None:
    assert READER.read(mail(text, side, language=language)).continues == 0.0


@pytest.mark.parametrize(("side", "to", "text", "wanted"), TABLES["next"])
def test_the_words_of_a_mail_say_who_has_to_act_next(side: str, to: str, text: str, wanted: str) -> None:
    assert next_side(READER.read(reply(text, side, to))) == wanted


@pytest.mark.parametrize(("text", "language"), [("Bitte senden Sie uns das Protokoll des Geräts.", "de"), ("", "en")])
def test_a_mail_in_another_language_or_without_words_does_not_say_it(text: str, language: str) -> None:
    assert READER.read(mail(text, "vendor", language=language)).next_scores == ()


def test_a_written_file_holds_the_same_classifiers_and_the_shipped_ones_fit_the_readers_weights() -> None:
    weights = shipped_weights()
    again = read_classifiers(file_content(weights.matter, weights.tables, weights.version), weights.tables)
    names = {"continuation", "departure", "vendor_author", *(f"next.{side}" for side in ("vendor", "team", "ours"))}
    assert again.keys() == weights.matter.keys() == names | {"report.vendor", "report.ours"}
    for name, kept in weights.matter.items():
        assert all(map(np.array_equal, kept, again[name]))
    shipped = zstandard.ZstdDecompressor().decompress((files("mailrules") / "reader" / FILE).read_bytes())
    assert msgspec.msgpack.decode(shipped)["version"] == weights.version
