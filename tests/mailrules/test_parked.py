"""Topics for later. In a mail about a bill, a refund is the matter itself."""

from datetime import UTC, datetime

import pytest

from mailrules.judgement import UNREAD
from mailrules.thread import RuleInput, Side
from tests.mailrules.mails import RULES, language_of


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("The gate was down for nine hours on Monday. It works again. We claim the SLA credit for this outage.", True),
        ("10時に復旧を確認しました。止まっていた9時間分の利用料の返金をお願いします。", True),
        ("We were charged twice for October. Please refund the second payment of 8,800 EUR.", False),
        ("二重に引き落とされた10月分の返金はいつになりますか。", False),
    ],
)
def test_a_refund_for_an_outage_is_for_later_and_one_of_a_wrong_bill_is_not(text: str, topics: bool) -> None:
    noon, to = datetime(2031, 9, 2, 3, 0, tzinfo=UTC), frozenset[Side](["vendor"])
    mail = RuleInput("1", "team", "ren@lab.test", text, date=noon, language=language_of(text), towards=to, begins=True)
    parked = [one.value for one in RULES.judge((mail,), (UNREAD,)).parked]
    assert "compensation" in parked if topics else parked == []
