"""A vendor that asks for two things in one sentence: the one that sodan does not recognise is a request too."""

from datetime import UTC, datetime

import pytest

from mailrules.library import load
from mailrules.thread import RuleInput

RULES = load()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("券売機の機番と、釣銭口の様子をお知らせください。", ["釣銭口の様子をお知らせください。"]),
        ("Could you send the firmware version and the time of the last jam?", ["the time of the last jam?"]),
        (
            "Please provide: 1) the event log, 2) three order numbers, 3) the name of the operator.",
            ["the name of the operator."],
        ),
        # one thing, or all of them are recognised
        ("To find the cause and the time of the fault, please send the event log.", []),
        ("Please send the event log and let us know.", []),
        ("Please collect the event log and send it to us.", []),
        ("イベントログを採取いただき、およびご返送をお願いいたします。", []),
        ("調査のため、イベントログをお送りいただけますでしょうか。", []),
        ("バージョンおよびビルド番号を教えてください。", []),
    ],
)
def test_the_part_that_is_not_recognised_is_a_request_of_its_own(text: str, parts: list[str]) -> None:
    language = "en" if text.isascii() else "ja"
    mail = RuleInput(
        id="1", author="hotline@tills.example", side="vendor", text=text, subject="Re: Ticket machine", is_reply=True,
        language=language, date=datetime(2026, 11, 10, tzinfo=UTC), towards=frozenset(["team"]),
    )  # fmt: skip
    asks = RULES.read(mail).asks
    assert [ask.finding.quote for ask in asks if ask.what == "something"] == parts
    assert any(ask.what != "something" for ask in asks)
    for ask in asks:
        assert text[ask.finding.start : ask.finding.end] == ask.finding.quote
