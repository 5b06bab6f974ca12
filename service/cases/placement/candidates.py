"""Selects the cases that a mail without strong evidence is compared with: the few that share most keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from service.cases.facts.content_words import weight
from service.cases.placement.keys import word_of

MOST = 8
"""Maximum number of cases compared with one mail."""
CROWD = 10
"""A key shared by more messages than this adds almost nothing to the rank of a case."""
_WORTH = {"who": 2.0, "ven": 0.5, "sub": 3.0}


def choose(found: Mapping[str, Sequence[tuple[int, int]]]) -> list[int]:
    """Return the best candidate cases, best first. ``found``: candidate key → (message, case) pairs that have it."""
    points: dict[int, float] = defaultdict(float)
    for key, rows in found.items():
        cases = {case for _, case in rows}
        worth = worth_of(key) / (len(rows) if len(rows) <= CROWD else 10 * CROWD)
        for case in cases:
            points[case] += worth
    ranked = sorted(points, key=lambda case: (-points[case], -case))
    return ranked[:MOST]


def worth_of(key: str) -> float:
    """Return the weight of a shared key, regardless of how many messages share it."""
    word = word_of(key)
    return weight(word) if word is not None else _WORTH.get(key.partition(":")[0], 0.0)


def rarity(word: str, shared: Mapping[str, int], months: Collection[int]) -> float:
    """Return the rarity of a word: 1 if no stored message has it, down to 0.1 if many do; 0.4 if it was not looked up.

    ``shared``: candidate key → number of messages; ``months``: 30-day periods to add up.
    """
    counts = [shared[key] for month in months if (key := f"word:{word}:{month}") in shared]
    if not counts:
        return 0.4
    many = sum(counts)
    return 1.0 / (1.0 + many / 4.0) if many <= CROWD else 0.1
