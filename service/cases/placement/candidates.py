"""Selects the cases that a mail without strong evidence is compared with: most shared keys, or newest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

from service.cases.facts.content_words import weight
from service.cases.facts.message_facts import MessageFacts
from service.cases.placement.keys import MONTH

MOST = 8
"""Maximum number of cases compared with one mail."""
NEWEST = 3
"""Of these, the cases that received mail last: a report in one language and the inquiry in another share no word."""
CROWD = 10
"""A key shared by more messages than this adds almost nothing to the rank of a case."""
_WORTH = {"who": 2.0, "ven": 0.5, "sub": 3.0}


def choose(found: Mapping[str, Sequence[int]], newest: Sequence[int]) -> list[int]:
    """Return the candidate cases. ``found``: candidate key → the case of each message that has it.

    ``newest``: the cases that received mail last, newest first.
    """
    points: dict[int, float] = defaultdict(float)
    for key, rows in found.items():
        kind, _, value = key.partition(":")
        worth = weight(value.rpartition(":")[0]) if kind == "word" else _WORTH.get(kind, 0.0)
        worth /= len(rows) if len(rows) <= CROWD else 10 * CROWD
        for case in set(rows):
            points[case] += worth
    ranked = sorted(points, key=lambda case: (-points[case], -case))
    return list(dict.fromkeys((*ranked[: MOST - NEWEST], *newest[:NEWEST], *ranked)))[:MOST]


def rarity(nodes: Iterable[MessageFacts], shared: Mapping[str, int]) -> Callable[[str], float]:
    """Return a function that returns the rarity of a word in the months around a mail.

    It is 0.8 for a word of one stored message, down to 0.1 for a word of many; 0.4 for a word that was not looked up or
    not found. ``shared``: candidate key → number of messages.
    """
    months = {n.at.toordinal() // MONTH + step for n in nodes for step in (-1, 0, 1)}

    @cache
    def rare(word: str) -> float:
        counts = [n for month in months if (n := shared.get(f"word:{word}:{month}")) is not None]
        many = sum(counts)
        return (1.0 / (1.0 + many / 4.0) if many <= CROWD else 0.1) if counts else 0.4

    return rare
