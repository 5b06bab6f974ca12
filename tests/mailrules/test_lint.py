"""What lint finds in a pack: each finding names file, line and rule, and says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailrules.library import PackError, Source, build, gather, read_pack
from mailrules.lint import lint

SHELF = """pack: own.shelf
title: words of this site
checklist: [{id: product, label: {ja: 製品, en: Product}}]
signals:
  - id: gate
    phrases: [gate]
    patterns: ['door\\d+']
    examples: [The gate is shut.]
    near_misses: [The window is shut.]
  - id: shut
    phrases: [shut]
    examples: [It is shut.]
    near_misses: [It is open.]
decisions:
  - id: own.gate
    when: gate && shut && ours
    then: {item: product}
    examples: [The gate is shut.]
    near_misses: [The gate is open.]
"""


def shelf(tmp_path: Path, *changes: tuple[str, str]) -> Source:
    text = SHELF
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "own.yaml"
    file.write_text(text, encoding="utf-8")
    return read_pack(file, shipped=False)


def found(source: Source) -> list[str]:
    library = gather([source])
    return [str(problem) for problem in lint(library, build(library))]


def test_a_sound_pack_has_no_problem(tmp_path: Path) -> None:
    assert found(shelf(tmp_path)) == []


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (
            ("gate && shut && ours", "gate && shut && !gate"),
            15,
            "error: own.gate: can never hold: its condition",
        ),
        (("shut && ours", "shut && side == 'vendor' && side == 'team'"), 15, "error: own.gate: can never hold"),
        (("    near_misses: [It is open.]\n", ""), 10, "error: shut: has no near-miss: write a text that comes close"),
        (("    near_misses: [The gate is open.]\n", ""), 15, "error: own.gate: has no near-miss"),
        (("    examples: [It is shut.]\n", ""), 10, "error: shut: has no example: write a text on which it must"),
        (
            ("phrases: [shut]", "phrases: [shut]\n    patterns: ['door\\d+']"),
            10,
            "shut: the pattern 'door\\\\d+' is in gate",
        ),
        (("['door\\d+']", "['door\\d+', 'door\\d+']"), 5, "warning: gate: a pattern stands there twice: drop one"),
        (("phrases: [gate]", "phrases: [gate, gate four]"), 5, "the phrase 'gate four' is noticed by 'gate' already"),
        (("gate && shut && ours", "gate && ours"), 10, "warning: shut: no decision asks for it: name it in a `when`"),
        (("[{id: product,", "[{id: item,"), 15, "no pack lists the item 'product'"),
        (("phrases: [shut]", "patterns: ['(?!x)y']"), 10, "shut: RE2 does not take '(?!x)y': invalid perl operator"),
        (("phrases: [shut]", "patterns: ['(?<=x)y']"), 10, "(say it with not, not_after or not_before)"),
        (("phrases: [shut]", "patterns: ['(x)\\1']"), 10, "shut: RE2 does not take"),
    ],
)
def test_each_fault_is_named_with_its_place(tmp_path: Path, change: tuple[str, str], line: int, words: str) -> None:
    try:
        said = found(shelf(tmp_path, change))
    except PackError as error:
        said = [str(error)]
    assert any(one.startswith(f"{tmp_path / 'own.yaml'}:{line}: ") and words in one for one in said), said


TWICE = """  - id: own.gate_again
    when: shut && ours
    then: {item: product}
    examples: [The gate is shut.]
    near_misses: [It is open.]
"""


def test_a_decision_that_tells_nothing_new_is_named(tmp_path: Path) -> None:
    twice = ("near_misses: [The gate is open.]\n", "near_misses: [The gate is open.]\n" + TWICE)
    said = found(shelf(tmp_path, twice))
    assert [one.split(": ", 1)[1] for one in said] == [
        "warning: own.gate: own.gate_again tells each of its examples already: drop it, or give an example that only it"
        " tells",
        "warning: own.gate_again: own.gate tells each of its examples already: drop it, or give an example that only it"
        " tells",
    ]
    other = (
        "    examples: [The gate is shut.]\n    near_misses: [It is open.]",
        "    examples: [It is shut.]\n    near_misses: [It is open.]",
    )
    assert [one for one in found(shelf(tmp_path, twice, other)) if "gate_again: own.gate" in one] == []


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        ("['door\\d+', 'the gate is|lid']", "'the gate is' is noticed by 'gate' already: drop it"),
        ("['door\\d+', 'lid|front door[0-9]?7']", ""),
        ("['door\\d+', 'lid|front door\\d+ (?:is|was)']", "'front door\\\\d+ (?:is|was)' is noticed by"),
        ("['door\\d+', 'lid|lid']", "'lid' is noticed by 'lid' already: drop it"),
        ("['door\\d+', 'gateway|interstate']", ""),
        ("['door\\d+', '(?P<value>door\\d+) is']", ""),
    ],
)
def test_a_way_that_notices_nothing_of_its_own_is_named(tmp_path: Path, patterns: str, told: str) -> None:
    said = found(shelf(tmp_path, ("['door\\d+']", patterns)))
    assert [told in one and ":5: warning: gate: " in one for one in said] == ([True] if told else []), said


def test_where_the_place_of_the_words_matters_only_what_stands_twice_is_named(tmp_path: Path) -> None:
    ways = "['door\\d+', 'lid|the lid|lid']\n    not_after: ['^ is open']"
    assert [one.split("gate: ")[1] for one in found(shelf(tmp_path, ("['door\\d+']", ways)))] == [
        "'lid' is noticed by 'lid' already: drop it"
    ]


ODDS = """  - id: own.other
    when: {when}
    then: {then}
    examples: [{example}]
    near_misses: [It is open.]
"""


@pytest.mark.parametrize(
    ("then", "when", "example", "about"),
    [
        ("{item: product, state: none}", "shut && ours", "It is shut.", "whether product is none or value"),
        ("{item: product, state: unknown}", "shut && ours", "It is shut.", ""),
        ("{item: product, state: none}", "shut && !gate && ours", "It is shut.", ""),
        ("{kind: request}", "shut && ours", "It is shut.", ""),
    ],
)
def test_two_decisions_at_odds_about_the_same_words_are_named(
    tmp_path: Path, then: str, when: str, example: str, about: str
) -> None:
    other = ODDS.format(then=then, when=when, example=example)
    said = found(shelf(tmp_path, ("near_misses: [The gate is open.]\n", "near_misses: [The gate is open.]\n" + other)))
    told = f"own.other: is at odds with own.gate about {about} in 'The gate is shut.': name what tells them apart"
    assert [told in one for one in said] == ([True] if about else []), said


@pytest.mark.parametrize(("weight", "named"), [(1, True), (2, False)])
def test_kinds_of_the_same_weight_on_the_same_words_are_at_odds(tmp_path: Path, weight: int, named: bool) -> None:
    first = ("then: {item: product}", "then: {kind: howto}")
    other = ODDS.format(then=f"{{kind: request, weight: {weight}}}", when="shut && ours", example="It is shut.")
    added = ("near_misses: [The gate is open.]\n", "near_misses: [The gate is open.]\n" + other)
    said = [one for one in found(shelf(tmp_path, first, added)) if "is at odds with own.gate about whether" in one]
    assert bool(said) is named
