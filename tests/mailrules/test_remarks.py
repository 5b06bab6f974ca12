"""What our people write above a forwarded mail decides the case only if it tells something about the matter."""

from datetime import UTC, datetime

import pytest

from mailrules.judgement import UNREAD, Judgement
from mailrules.thread import RuleInput, Side
from tests.mailrules.mails import RULES, language_of

NOON = datetime(2031, 9, 2, 3, 0, tzinfo=UTC)
WORKS = (
    "Planned maintenance of your lift controllers",
    "We will carry out planned maintenance on Sunday 7 September from 02:00 to 04:00. No action is required.",
)
INVOICE = ("9月分ご請求書", "ご請求書をお送りします。請求書番号 70031、ご請求金額は120,000円です。")
INSPECTION = ("点検のお知らせ", "9月7日の午前2時から4時まで、定期点検を実施いたします。お客様の作業は不要です。")


def judge(line: str, inner: tuple[str, str], side: Side = "vendor") -> Judgement:
    language = language_of(inner[1])
    forwarded = RuleInput(
        "1", side, "desk@maker.test", inner[1], inner[0], date=NOON, language=language, towards=frozenset({"team"})
    )
    above = RuleInput(
        "2", "team", "ren@lab.test", line, f"Fwd: {inner[0]}", False, wrapper=True, date=NOON, language=language
    )
    return RULES.judge((forwarded, above), (UNREAD, UNREAD))


@pytest.mark.parametrize(
    ("line", "inner", "kind", "level"),
    [
        # a remark leaves the kind and the priority of the forwarded mail
        *(
            (line, WORKS, "notice", "P4")
            for line in ("", "FYI", "Please see below.", "Does anyone know about this?", "For the porters")
        ),
        *(
            (line, inner, kind, "P4")
            for line in ("", "共有です。", "ご参考までに転送します。", "どなたか分かりますか？")
            for inner, kind in ((INVOICE, "billing"), (INSPECTION, "notice"))
        ),
        # a line that tells the effect decides, and a question about the matter, too
        ("Nobody in the whole hospital can use the lifts, and there is no other way to move beds.", WORKS,
         "incident", "P1"),
        ("病院全体でエレベーターが使えません。ほかに運ぶ手段もありません。", INSPECTION, "incident", "P1"),
        ("How do I switch this on for my ward?", WORKS, "howto", "P4"),
        ("これはどこで設定すればよいですか。", INSPECTION, "howto", "P4"),
    ],
)  # fmt: skip
def test_a_line_decides_if_it_tells_something(line: str, inner: tuple[str, str], kind: str, level: str) -> None:
    judged = judge(line, inner)
    assert (judged.kind, judged.priority.level) == (kind, level)
    assert not (kind == "notice" and judged.priority.needs_triage)
    assert judged.excerpt in (line if kind in ("incident", "howto") else inner[1])


def test_a_line_that_says_that_it_works_again_ends_the_doubt() -> None:
    judged = judge("It works again, you can close this.", ("Lift controllers", "Please restart the lift controllers."))
    assert (judged.priority.level, judged.recovered) == ("P4", True)


def test_a_line_that_reports_phishing_decides_before_the_mail_of_the_stranger() -> None:
    bait = ("Invoice 4471 overdue", "Please pay invoice 4471 today. Open the attached document to confirm the amount.")
    assert judge("This is a phishing mail. Two nurses entered their password.", bait, "unknown").kind == "security"
    assert judge("FYI", bait, "unknown").kind == "billing"


def test_a_forward_alone_is_judged_by_its_line() -> None:
    above = RuleInput("1", "team", "ren@lab.test", "FYI", "Fwd: lifts", False, wrapper=True, date=NOON, language="en")
    assert RULES.judge((above,), (UNREAD,)).kind is not None
