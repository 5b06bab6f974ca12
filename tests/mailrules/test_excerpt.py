"""The sentence that tells the matter: what happens, never a greeting."""

from __future__ import annotations

import pytest

from mailrules.engine.problem import excerpt_of
from mailrules.judgement import Reading
from mailrules.statement import Statement
from mailrules.thread import RuleInput

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
        ("お世話になっております。", [], 0),
    ],
)
def test_the_matter_is_told_by_what_happens(text: str, said: list[tuple[str, str]], expected: int) -> None:
    assert excerpt(text, *said) == text.split("\n")[expected]
