"""Which cases a mail without strong evidence is compared with: the few that share most keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from service.cases.facts.content_words import weight
from service.cases.placement.keys import word_of

MOST = 8
"""Cases compared with one mail."""
CROWD = 10
"""A key that more messages have is ignored, unless nothing else is known."""
_WORTH = {"who": 2.0, "ven": 0.5, "sub": 3.0}


def choose(found: Mapping[str, Sequence[tuple[int, int]]]) -> list[int]:
    """Cases in order of what they share. ``found``: candidate key → (message, case) of those that have it."""
    points: dict[int, float] = defaultdict(float)
    for key, rows in found.items():
        cases = {case for _, case in rows}
        worth = worth_of(key) / (len(rows) if len(rows) <= CROWD else 10 * CROWD)
        for case in cases:
            points[case] += worth
    ranked = sorted(points, key=lambda case: (-points[case], -case))
    return ranked[:MOST]


def worth_of(key: str) -> float:
    """How much a shared key says, before it is known how many share it."""
    word = word_of(key)
    return weight(word) if word is not None else _WORTH.get(key.partition(":")[0], 0.0)


def rarity(word: str, shared: Mapping[str, int], months: Collection[int]) -> float:
    """1 for a word that one message has, less for what many share or what was not looked up.

    ``shared`` counts messages by key.
    """
    counts = [shared[key] for month in months if (key := f"word:{word}:{month}") in shared]
    if not counts:
        return 0.4
    many = sum(counts)
    return 1.0 / (1.0 + many / 4.0) if many <= CROWD else 0.1
