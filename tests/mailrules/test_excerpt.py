"""The sentence that tells the matter: what happens, never a greeting."""

import pytest

from mailrules.engine.problem import excerpt_of
from mailrules.judgement import Reading
from mailrules.library import load
from mailrules.statement import Statement
from mailrules.thread import RuleInput

RULES = load()
JA = "お疲れさまです。\n経費精算の画面が白くなります。\n今朝からです。"
URGENT = "【緊急】対応をお願いします。\n受注の画面が全社で使えません。"
EN = "Hello team,\nThe badge reader of gate 4 is dark.\nThanks"


def excerpt(text: str, *said: tuple[str, str]) -> str:
    turn = RuleInput(id="1", side="requester", author="a@corp.example", text=text, subject_is_new=True)
    statements = tuple(Statement(meaning, "value", quote, text.index(quote), 0) for meaning, quote in said)
    return excerpt_of((turn,), (Reading(turn="1", statements=statements),))


@pytest.mark.parametrize(
    ("text", "said", "expected"),
    [
        (JA, [("act.report", "お疲れさまです。"), ("item.symptom", "経費精算の画面が白くなります。")], 1),
        (JA, [("act.report", "お疲れさまです。")], 1),
        (JA, [("act.report", "今朝からです。"), ("item.symptom", "経費精算の画面が白くなります。")], 1),
        (JA, [], 1),
        (EN, [("act.report", "Hello team,")], 1),
        (EN, [("item.symptom", "The badge reader of gate 4 is dark.")], 1),
        (
            URGENT,
            [
                ("heard", "【緊急】対応をお願いします。"),
                ("act.report", "【緊急】対応をお願いします。"),
                ("impact.high", "受注の画面が全社で使えません。"),
            ],
            1,
        ),
        ("Hello, the till is dead.", [], 0),
        ("Hi, could someone restore the folder of last week?\nI need it for the meeting on Friday.", [], 0),
        ("Dear Sir or Madam,\nTill dead.", [], 1),
        ("お世話になっております\n紙詰まり", [], 1),
        ("お世話になっております。", [], 0),
        ("AWS サポート Kato 様\n昨日の障害の原因を教えてください。", [], 1),
        ("平素は弊社サービスをご利用いただき、誠にありがとうございます。\nサーバの移設を予定しております。", [], 1),
        ("いつもありがとうございます、受注の画面が開きません。", [], 0),
    ],
)
def test_the_matter_is_told_by_what_happens(text: str, said: list[tuple[str, str]], expected: int) -> None:
    assert excerpt(text, *said) == text.split("\n")[expected]


def test_a_mail_that_only_greets_leaves_the_matter_to_the_next_one() -> None:
    greeting = RuleInput("1", "team", "it@corp.example", "Dear Sir or Madam,")
    handed = RuleInput("2", "vendor", "a@vendor.example", "The till needs a new drawer.")
    assert excerpt_of((greeting, handed), (Reading(turn="1"), Reading(turn="2"))) == handed.text
    assert excerpt_of((greeting,), (Reading(turn="1"),)) == greeting.text


@pytest.mark.parametrize(
    ("subject_is_new", "statement"),
    [(False, "Our trainee Jo Park starts on Monday and needs a login."), (True, "Re: Printer")],
)
def test_a_reply_that_begins_another_matter_states_it_in_its_own_words(subject_is_new: bool, statement: str) -> None:
    """Its subject, its thanks and its good news are about the earlier matter."""
    text = "It prints again, thanks a lot for that.\nOur trainee Jo Park starts on Monday and needs a login.\n"
    own = {"subject": "Re: Printer", "subject_is_new": subject_is_new, "begins": True}
    turn = RuleInput("1", "requester", "jo@corp.example", text, **own)  # type: ignore[arg-type]
    solved = Statement("act.confirm_resolved", "value", text.partition("\n")[0], 0, 39)
    judged = RULES.judge((turn,), (Reading(turn="1", statements=(solved,)),))
    assert judged.problem.statement == statement
