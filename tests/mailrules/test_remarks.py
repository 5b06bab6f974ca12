"""What our people write above a forwarded mail decides the case only if it tells something about the matter."""

from datetime import UTC, datetime

import pytest

from mailrules.judgement import Judgement
from mailrules.library import load
from mailrules.thread import RuleInput, Side

RULES = load()
NOON = datetime(2031, 9, 2, 3, 0, tzinfo=UTC)
WORKS = (
    "Planned maintenance of your lift controllers",
    "We will carry out planned maintenance on Sunday 7 September from 02:00 to 04:00. No action is required.",
)
INVOICE = ("9月分ご請求書", "ご請求書をお送りします。請求書番号 70031、ご請求金額は120,000円です。")
INSPECTION = ("点検のお知らせ", "9月7日の午前2時から4時まで、定期点検を実施いたします。お客様の作業は不要です。")


def judge(line: str, inner: tuple[str, str], side: Side = "vendor") -> Judgement:
    language = "ja" if any(sign > "\u3000" for sign in inner[1]) else "en"
    forwarded = RuleInput(
        "1", side, "desk@maker.test", inner[1], inner[0], date=NOON, language=language, towards=frozenset({"team"})
    )
    above = RuleInput(
        "2", "team", "ren@lab.test", line, f"Fwd: {inner[0]}", False, wrapper=True, date=NOON, language=language
    )
    return RULES.judge((forwarded, above))


@pytest.mark.parametrize("line", ["", "FYI", "Please see below.", "Does anyone know about this?", "For the porters"])
def test_an_english_remark_leaves_the_kind_and_priority_of_the_forwarded_mail(line: str) -> None:
    judged = judge(line, WORKS)
    assert (judged.kind, judged.priority.level, judged.priority.needs_triage) == ("notice", "P4", False)
    assert judged.excerpt in WORKS[1]


@pytest.mark.parametrize("line", ["", "共有です。", "ご参考までに転送します。", "どなたか分かりますか？"])
@pytest.mark.parametrize(("inner", "kind"), [(INVOICE, "billing"), (INSPECTION, "notice")])
def test_a_japanese_remark_leaves_the_kind_and_priority_of_the_forwarded_mail(
    line: str, inner: tuple[str, str], kind: str
) -> None:
    judged = judge(line, inner)
    assert (judged.kind, judged.priority.level) == (kind, "P4")


@pytest.mark.parametrize(
    ("line", "inner"),
    [
        ("Nobody in the whole hospital can use the lifts, and there is no other way to move beds.", WORKS),
        ("病院全体でエレベーターが使えません。ほかに運ぶ手段もありません。", INSPECTION),
    ],
)
def test_a_line_that_tells_the_effect_decides(line: str, inner: tuple[str, str]) -> None:
    judged = judge(line, inner)
    assert (judged.kind, judged.priority.level) == ("incident", "P1")
    assert judged.excerpt in line


@pytest.mark.parametrize(
    ("line", "inner"),
    [("How do I switch this on for my ward?", WORKS), ("これはどこで設定すればよいですか。", INSPECTION)],
)
def test_a_question_about_the_matter_decides(line: str, inner: tuple[str, str]) -> None:
    assert judge(line, inner).kind == "howto"


def test_a_line_that_says_that_it_works_again_ends_the_doubt() -> None:
    judged = judge("It works again, you can close this.", ("Lift controllers", "Please restart the lift controllers."))
    assert (judged.priority.level, judged.recovered) == ("P4", True)


def test_a_line_that_reports_phishing_decides_before_the_mail_of_the_stranger() -> None:
    bait = ("Invoice 4471 overdue", "Please pay invoice 4471 today. Open the attached document to confirm the amount.")
    assert judge("This is a phishing mail. Two nurses entered their password.", bait, "unknown").kind == "security"
    assert judge("FYI", bait, "unknown").kind == "billing"


def test_a_forward_alone_is_judged_by_its_line() -> None:
    above = RuleInput("1", "team", "ren@lab.test", "FYI", "Fwd: lifts", False, wrapper=True, date=NOON, language="en")
    assert RULES.judge((above,)).kind is not None
