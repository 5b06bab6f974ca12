"""The embedded reader: the words that it quotes, and the units that it reads. See also test_statements.py."""

from datetime import UTC, datetime

import pytest

from mailrules.reader.units import MAX_UNIT, MAX_UNITS, split_units
from tests.mailrules.mails import READER, mail, read


def asked(text: str) -> set[str]:
    """Return the quotes of the requests in a mail of a vendor."""
    found = READER.read(mail(text, "vendor")).statements
    return {one.quote for one in found if one.meaning.startswith("ask.")}


def test_quotes_are_the_exact_words_of_the_mail() -> None:
    text = (
        "Hello,\nsince 05:52 today nobody in the whole warehouse can log in.\n"
        "We have no other way, trucks are waiting.\n"
    )
    for statement in READER.read(mail(text)).statements:
        assert statement.start < 0 or text[statement.start : statement.end] == statement.quote


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Cold store: none of the scanners work, nobody can book goods in", ""),
        ("Nobody at the clinic can open patient records, all wards", "As in the subject.\nRegards"),
        ("全支店で窓口端末が起動せず、お客様対応ができません", "表題のとおりです。\n何卒よろしくお願いいたします。"),
    ],
)
def test_a_subject_is_read_if_the_text_does_not_describe_the_matter(subject: str, text: str) -> None:
    found = read(mail(text, subject=subject))
    assert found["kind.incident"].quote in subject
    assert {"impact.high", "impact.medium"} & {one.meaning for one in found.values() if one.state == "value"}


def test_a_text_that_describes_the_matter_is_quoted_before_the_subject() -> None:
    found = read(mail("My mouse wheel is stuck.", subject="Nobody at the clinic can open records"))
    assert "mouse wheel" in found["item.symptom"].quote


@pytest.mark.parametrize(
    ("request_", "polite"),
    [
        ("Please send us the event log.", "Please let us know if you have any questions."),
        ("Was the antenna covered during painting?", "Please feel free to reach out if you need anything else."),
        ("Please send us the event log.", "If you have any further questions, do not hesitate to contact us."),
        ("Please send us the event log.", "Please keep the case number in the subject."),
        ("- Please send us the event log.", "Could you please answer the following questions?"),
        ("イベントログをご送付ください。", "何かございましたらご連絡ください。"),
        ("1. イベントログをご送付ください。", "以下の点についてご教示いただけますでしょうか。"),
    ],
)
def test_a_polite_closing_and_the_line_above_a_list_are_no_requests(request_: str, polite: str) -> None:
    orders = [f"Hello,\n{polite}\n{request_}\n", f"Hello,\n{request_}\n{polite}\n"]
    for text in orders[: 1 if request_[0] in "-1" else 2]:
        assert asked(text) == {request_}


@pytest.mark.parametrize(
    ("text", "units", "shapes"),
    [
        (
            "お世話になっております。田中です。\n発生日時: 11/10 9:15頃\n・再起動しました\n",
            ["お世話になっております。", "田中です。", "発生日時: 11/10 9:15頃", "・再起動しました"],
            ["sentence", "sentence", "form", "list"],
        ),
        (
            "Could you please:\n1. Upload the event log. It is large.\n10. 再起動してください。\n",
            ["Could you please:", "1. Upload the event log.", "It is large.", "10. 再起動してください。"],
            ["form", "list", "sentence", "list"],
        ),
    ],
)
def test_sentences_list_lines_and_form_lines_are_units_with_offsets(
    text: str, units: list[str], shapes: list[str]
) -> None:
    found = split_units(text)
    assert [unit.text for unit in found] == units
    assert [unit.shape for unit in found] == shapes
    assert all(text[unit.start : unit.end] == unit.text for unit in found)


def test_hard_wrapped_lines_are_one_sentence() -> None:
    text = (
        "The labels that come out of the printer in the dispensary are blank on\n"
        "every second sheet since Tuesday. We use another one.\n"
    )
    assert [unit.start for unit in split_units(text)] == [0, 105]


def test_the_work_on_a_hostile_text_is_bounded() -> None:
    for text in ("a" * 1_000_000, "あ" * 100_000, "「（(" * 100_000, "\n".join("no. " * 5 for _ in range(50_000))):
        units = split_units(text)
        assert len(units) <= MAX_UNITS
        assert all(len(unit.text) <= MAX_UNIT for unit in units)
        READER.read(mail(text, language="ja"))


def test_impact_is_quoted_from_the_sentence_that_describes_the_matter() -> None:
    matter = "please give Ruth the right to print labels at the packing table on floor 2."
    found = read(mail(f"Hello,\n{matter}\nNo rush at all.\nSteve"))
    assert found["impact.low"].quote == matter  # and not "Steve"
    assert found["urgency.low"].quote == "No rush at all."


@pytest.mark.parametrize(
    "text",
    ["Thank you, since yesterday evening every scan has gone through again. No more queue!",
     "昨夕の交換のあと、止まらずに使えるようになりました。ありがとうございました。"],
)  # fmt: skip
def test_a_confirmation_without_reply_headers_is_read_as_a_reply(text: str) -> None:
    given = mail(text, written_at=datetime(2026, 11, 27, 9, tzinfo=UTC))
    assert read(given).keys() & {"act.confirm_resolved", "recovered"}
    assert not READER.decide(given).view.mail.opens
