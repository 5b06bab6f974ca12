"""Why a rule did not fire: the part of its condition that was false, down to a signal's words or a fact's value."""

from __future__ import annotations

import random

import pytest

from mailrules.conditions import Part, blame, take_apart
from mailrules.judge import Rules
from mailrules.library import load
from mailrules.thread import Side, Turn
from service.terminal.explaining import lines

GATES = """pack: own.gates
title: words of this site
signals:
  - id: own_gate
    phrases: [正門ゲート, main gate]
    not: [訓練, drill]
    examples: [正門ゲートが開きません。]
    near_misses: [正門ゲートの訓練です。]
  - id: own_shut
    phrases: [閉まったまま, stays shut]
    not_after: ['^(?:なら|でしたら)']
    examples: [閉まったままです。]
    near_misses: [閉まったままなら]
  - id: own_answer
    side: [vendor]
    phrases: [ゲート担当]
    examples: [ゲート担当です。]
    near_misses: [ゲートです。]
decisions:
  - id: own.gate
    when: own_gate && (own_shut || own_answer) && ours && !(own_shut && mail.own_calm) && side != 'team'
    then: {item: product}
    examples: [正門ゲートが閉まったままです。]
    near_misses: [正門ゲートです。]
"""
CALM = """  - id: own_calm
    phrases: [急ぎません, no hurry]
    examples: [急ぎません。]
    near_misses: [急ぎます。]
decisions:
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    folder = tmp_path_factory.mktemp("packs")
    (folder / "own.yaml").write_text(GATES.replace("decisions:\n", CALM), encoding="utf-8")
    return load([folder])


def told(rules: Rules, text: str, rule: str = "own.gate", side: Side = "requester") -> list[str]:
    mail = Turn(id="1", side=side, author="a@corp.example", text=text)
    return [line.strip() for line in lines(rules.explain(mail, rule), rule)][1:]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "正門ゲートが開きません。",
            [
                "in “正門ゲートが開きません。”",
                "false: own_shut || own_answer",
                "false: own_shut (none of its words stand in the mail)",
                "false: own_answer (it listens to mails of vendor only, and this one is of requester)",
            ],
        ),
        (
            "The main gate stays shut. No hurry.",
            [
                "in “The main gate stays shut.”",
                "false: !(own_shut && mail.own_calm)",
                "true: own_shut && mail.own_calm",
                "true: own_shut (“stays shut”)",
                "true: mail.own_calm (“No hurry”)",
            ],
        ),
        (
            "The main gate drill: it stays shut.",
            [
                "in “The main gate drill: it stays shut.”",
                "false: own_gate (“main gate” does not count by not: drill)",
            ],
        ),
        (
            "正門ゲートが閉まったままなら連絡します。",
            [
                "in “正門ゲートが閉まったままなら連絡します。”",
                "false: own_shut || own_answer",
                "false: own_shut (“閉まったまま” does not count by not_after: ^(?:なら|でしたら))",
                "false: own_answer (it listens to mails of vendor only, and this one is of requester)",
            ],
        ),
        (
            "正門ゲートの件です。裏門も閉まったままです。",
            [
                "in “裏門も閉まったままです。”",
                "false: own_gate (“正門ゲート” stands elsewhere in the mail)",
            ],
        ),
    ],
)
def test_the_false_part_is_named_in_the_sentence_that_came_nearest(rules: Rules, text: str, words: list[str]) -> None:
    assert told(rules, text) == words


def test_facts_are_told_with_their_value(rules: Rules) -> None:
    said = told(rules, "The main gate stays shut.", side="team")
    assert said == ["in “The main gate stays shut.”", "false: side != 'team' (side is 'team')"]
    assert "false: ours (ours is false)" in told(rules, "正門ゲートが閉まったままです。", side="vendor")


def test_a_signal_asked_about_tells_its_words_and_those_that_a_guard_took(rules: Rules) -> None:
    text = "裏門が閉まったままです。正門が閉まったままなら連絡します。"
    assert told(rules, text, "own_shut") == [
        "“閉まったまま” (sentence)",
        "“閉まったまま” (sentence) does not count by not_after: ^(?:なら|でしたら)",
    ]
    assert told(rules, "Nothing.", "own_shut") == ["none of its words stand in the mail"]
    assert told(rules, "ゲート担当です。", "own_answer")[0].startswith("it listens to mails of vendor only")


def test_of_all_rules_those_that_came_near_are_told_at_length(rules: Rules) -> None:
    mail = Turn(id="1", side="requester", author="a@corp.example", text="正門ゲートが開きません。いつからですか。")
    said = list(lines(rules.explain(mail)))
    at = next(number for number, line in enumerate(said) if line.startswith("  not own.gate [own.gates]: own_gate &&"))
    assert said[at + 1].strip() == "in “正門ゲートが開きません。”"
    short = [line for line in said if ": false: " in line]
    assert short == said[-len(short) :]  # behind those that came near
    assert max(map(len, short)) < 300
    assert any(line.startswith("  not ask.info.version [core.asks_items]: false: names_version") for line in short)


def test_a_rule_about_the_whole_mail_and_one_where_nothing_came_near(rules: Rules) -> None:
    assert told(rules, "Nothing.")[0] == "false: own_gate (none of its words stand in the mail)"
    said = told(rules, "It is dark since noon.", "item.symptom_told", side="vendor")
    assert "false: ours (ours is false)" in said


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("a && b || !c", "any(all(a, b), not(c))"),
        ("!(a || b) && c == 'x || y'", "all(not(any(a, b)), c == 'x || y')"),
        ("((a))", "a"),
        ("!a != b", "!a != b"),
        ("!!a", "not(not(a))"),
        ("(a) && (b)", "all(a, b)"),
        ("side in ['a', 'b'] && !('x' in items)", "all(side in ['a', 'b'], not('x' in items))"),
    ],
)
def test_conditions_are_taken_apart_as_cel_reads_them(condition: str, wanted: str) -> None:
    def shown(part: Part) -> str:
        return f"{part.shape}({', '.join(shown(one) for one in part.parts)})" if part.parts else part.text

    assert shown(take_apart(condition)) == wanted


def test_the_parts_of_every_shipped_condition_come_to_what_cel_says(rules: Rules) -> None:
    choice = random.Random(7)
    values: dict[str, list[object]] = {
        "side": ["team", "vendor"],
        "kind": ["incident", "howto"],
        "items": [[], ["symptom"]],
        "asks": [[], ["logs"]],
    }
    asked: dict[tuple[str, str], bool] = {}
    for compiled in rules.reader.decider.compiled[::3]:
        condition = take_apart(compiled.decision.when)
        for _ in range(4):
            data: dict[str, object] = {name: choice.random() < 0.5 for name, _, _ in compiled.variables}
            for name in compiled.facts:
                free: list[object] = (
                    [False, True]
                    if name in ("ours", "automatic", "reply") or name.startswith(("to_", "has_"))
                    else [""]
                )
                data[name] = choice.choice(values.get(name, free))

            def leaf(text: str, data: dict[str, object] = data) -> tuple[bool, str]:
                if text in data:
                    return bool(data[text]), ""
                inside = {name: value for name, value in data.items() if name in text}
                key = (text, repr(inside))
                if key not in asked:
                    asked[key] = rules.reader.decider.ask(text, inside)
                return asked[key], ""

            whole = compiled.expression.eval(data=data).value()
            assert blame(condition, leaf).holds is whole, compiled.decision.when
