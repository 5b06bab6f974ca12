"""Patterns are tried only where the words stand that they need; plainly trying every one finds the same."""

from __future__ import annotations

import random
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from mailrules.fold import fold, lower
from mailrules.library import build, collect
from mailrules.patterns import compile_pattern
from mailrules.signals import Spotter

PIECES = ("、", "。", " ", "-", "_", "1", "x", "が", "です", "İ", "ſ", "K", "\u200b", "①", "ﾃﾞｽ", "ＶＰＮ", "…", "'")


@cache
def spotter() -> Spotter:
    return build(collect()).reader.spotter


@cache
def texts() -> list[str]:
    """What stands beside the rules."""
    return [
        example.text
        for signal in spotter().signals
        for example in (*signal.examples, *signal.near_misses)
        if example.text
    ]


@cache
def needed() -> list[tuple[str, bool, list[frozenset[int]]]]:
    """Every pattern of every signal and guard, with the words it is said to need: clauses, one word of each."""
    found = spotter()
    return [
        (pattern, signal.case, found.vocabulary.needed(pattern, clauses))
        for signal in found.signals
        for patterns, clauses in ((signal.patterns, 2), ((*signal.not_, *signal.not_after, *signal.not_before), 1))
        for pattern in patterns
    ]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_pattern_matches_where_its_words_do_not_stand(seed: int) -> None:
    chance = random.Random(seed)
    text = spliced(chance)
    words, _ = spotter().vocabulary.look(lower(text))
    for pattern, case, clauses in needed():
        if any(clause.isdisjoint(words) for clause in clauses):
            match = compile_pattern(pattern, case, groups="(?P<" in pattern).search(text)
            assert match is None, (pattern, text)


def spliced(chance: random.Random) -> str:
    """Pieces of several examples, put together at random places, cut and grown."""
    parts = []
    for _ in range(chance.randint(1, 6)):
        text = chance.choice(texts())
        start = chance.randrange(len(text))
        parts.append(text[start:] if chance.random() < 0.4 else text)
        parts.append(chance.choice(PIECES) if chance.random() < 0.5 else "")
    joined = "".join(parts)
    changed = joined.upper() if chance.random() < 0.2 else joined
    return fold(changed)[0].replace("\n", " ")
