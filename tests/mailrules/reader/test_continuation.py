"""Whether the words of a mail go on with an earlier matter or begin one."""

from importlib.resources import files

import numpy as np
import pytest

from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.matter import FILE, read_classifiers, trained_with, written
from mailrules.reader.weights import shipped_weights
from mailrules.statement import MailText
from mailrules.thread import Side


@pytest.fixture(scope="module")
def reader() -> EmbeddedReader:
    return EmbeddedReader()


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("I did what you said and the lamp is still red. Same as before.", "requester"),
        ("Thanks, it works again!", "requester"),
        ("言われた通りにやってみましたが、まだ変わりません。", "requester"),
        ("直りました。ありがとうございました。", "requester"),
    ],
)
def test_a_mail_that_goes_on_scores_above_zero(reader: EmbeddedReader, text: str, side: Side) -> None:
    assert continues(reader, text, side) > 0


@pytest.mark.parametrize(
    "text",
    [
        "Hi IT,\nsince this morning I cannot open the stock list. Could you have a look? Room 204.",
        "お疲れさまです。経理の堀です。\n今朝から在庫の画面が開けません。確認をお願いします。",
    ],
)
def test_a_users_mail_that_begins_a_matter_scores_below_zero(reader: EmbeddedReader, text: str) -> None:
    assert continues(reader, text, "requester") < 0


@pytest.mark.parametrize("text", ["Mein Rechner startet seit heute nicht mehr.", "Je ne peux plus imprimer."])
def test_mail_in_other_languages_scores_zero(reader: EmbeddedReader, text: str) -> None:
    assert continues(reader, text, "requester", "de") == 0.0


@pytest.mark.parametrize(
    ("text", "side"), [("It still fails.", "team"), ("", "requester"), ("It still fails.", "vendor")]
)
def test_mail_of_the_team_or_a_vendor_and_mail_without_words_scores_zero(
    reader: EmbeddedReader, text: str, side: Side
) -> None:
    assert continues(reader, text, side) == 0.0


def test_a_written_file_holds_the_same_classifiers() -> None:
    weights = shipped_weights()
    data = written(weights.matter, weights.tables, "7")
    assert trained_with(data) == "7"
    again = read_classifiers(data, weights.tables)
    names = {"continuation", "departure", "next.vendor", "next.team", "next.ours"}
    assert again.keys() == weights.matter.keys() == names
    for name, kept in weights.matter.items():
        assert all(map(np.array_equal, kept, again[name]))


def test_the_shipped_classifiers_were_trained_with_the_shipped_weights_of_the_reader() -> None:
    assert trained_with((files("mailrules") / "reader" / FILE).read_bytes()) == shipped_weights().version


def continues(reader: EmbeddedReader, text: str, side: Side, language: str = "en") -> float:
    return reader.read(MailText(text, "", language, side, "team", True, None, (), None)).continues
