"""Topics for later. In a mail about a bill, a refund is the matter itself."""

from datetime import UTC, datetime

import pytest

from mailrules.library import load
from mailrules.thread import RuleInput

RULES = load()
NOON = datetime(2031, 9, 2, 3, 0, tzinfo=UTC)


def parked(text: str, language: str) -> list[str | None]:
    mail = RuleInput(
        "1", "team", "ren@lab.test", text, "", date=NOON, language=language, towards=frozenset({"vendor"}), begins=True
    )
    return [one.value for one in RULES.judge((mail,)).parked]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The gate was down for nine hours on Monday. It works again. We claim the SLA credit for this outage.", "en"),
        ("10時に復旧を確認しました。止まっていた9時間分の利用料の返金をお願いします。", "ja"),
    ],
)
def test_a_refund_for_an_outage_is_for_later(text: str, language: str) -> None:
    assert "compensation" in parked(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("We were charged twice for October. Please refund the second payment of 8,800 EUR.", "en"),
        ("二重に引き落とされた10月分の返金はいつになりますか。", "ja"),
    ],
)
def test_a_refund_of_a_wrong_bill_is_not_for_later(text: str, language: str) -> None:
    assert parked(text, language) == []
