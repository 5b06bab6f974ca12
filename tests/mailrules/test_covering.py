"""One pattern finds something wherever another does: told from how both are written, and never wrongly."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mailrules.covering import covers, shape, text_of, ways


def covered(wide: str, narrow: str) -> bool:
    one, other = shape(wide), shape(narrow)
    return one is not None and other is not None and covers(one, other)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("詐欺", "サポート詐欺"),
        (r"(?:です|ます|た|る|い)ので", "なったので"),
        (r"\b(?:i|we|he)(?:'ve)? (?:tried|checked)\b", r"\bwe checked\b"),
        (r"backed (?:it )?out", r"\bwas backed out\b"),
        (r"経過[^。]{0,12}報告", "途中経過をご報告"),
        (r"\bout\b", "backed out-of-band"),
        (r"log[0-9]{1,3}", r"log\d?7|log[1-3]{2}"),
        (r"[^。]{0,20}です", "(?:青|赤)です"),
        ("a(?:b|c)d?", "xacd"),
        ("CAN", "we can not"),
        ("ab+", "abbb"),
        ("(?-i:AB)c", "x(?-i:AB)c"),
    ],
)
def test_what_is_covered(wide: str, narrow: str) -> None:
    if r"\d" not in narrow:
        assert covered(wide, narrow)
    assert not covered(narrow, wide)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (r"\bout\b", "without"),
        (r"\bout\b", "out"),
        ("^abc", "xabc"),
        (r"経過[^。]{0,2}報告", "経過をすぐにご報告"),
        ("(?:ab|cd)", "(?:ab|ce)"),
        ("[^ab]c", "[^a]c"),
        ("(?-i:AB)", "(?-i:ab)"),
        ("(?-i:AB)", "AB"),
        ("a{2,3}b", "ca{1,3}b"),
        ("ab", "a(?:x)?b"),
        ("ab*c", "a(?:b|d)*c"),
    ],
)
def test_what_comes_close_is_not_covered(wide: str, narrow: str) -> None:
    assert not covered(wide, narrow)


PARTS = ["a", "b", "ab", "[ab]", "[^b]", ".", r"\b", " ", "^", "$", "b?", "a{1,2}", "a{2}", "[ab]{0,2}", "a+"]
WIDER = ["{}", "{}", "{}", "(?:{}|b)", "(?:{})?", "(?:{}){{1,2}}", "a?{}", "[ab]{{0,3}}", "[^b]{{1,3}}", "", "a{{1,3}}"]


@st.composite
def akin(draw: st.DrawFn) -> tuple[str, str]:
    """Two patterns of which one may well cover the other: its parts made wider, one by one."""
    parts = draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5))
    wide = "".join(draw(st.sampled_from(WIDER)).format(part) for part in parts)
    before, after = draw(st.sampled_from(["", "a", "b ", "(?:a|b)"])), draw(st.sampled_from(["", "a", " b", "(?:a|b)"]))
    return wide, before + "".join(parts) + after


@settings(max_examples=400)
@given(pair=akin(), texts=st.lists(st.text("ab ", max_size=8), min_size=8, max_size=8))
def test_a_covered_pattern_never_finds_what_the_other_does_not(pair: tuple[str, str], texts: list[str]) -> None:
    wide, narrow = pair
    assume(covered(wide, narrow))
    for text in texts:
        assert re.search(wide, text) or not re.search(narrow, text)


def test_the_alternatives_as_they_are_written() -> None:
    assert ways(r"a|b(?:c|d)|[|)]\||e") == ["a", "b(?:c|d)", r"[|)]\|", "e"]
    assert ways(r"[^]|]|\[|x") == ["[^]|]", r"\[", "x"]


def test_a_text_that_a_pattern_matches() -> None:
    known = shape(r"no\d{3} (?:one|other)[^。]")
    assert known is not None
    assert [text_of(known), text_of(known, -1)] == ["no111 onex", "no111 otherx"]
    assert shape("(?P<value>a)(?=b)") is None
