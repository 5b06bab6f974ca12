"""Chooses cases to compare with a mail, and says how rare the words of the mail are."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from service.cases.facts.content_words import weight
from service.cases.facts.message_facts import MessageFacts
from service.cases.placement.keys import MONTH

_MOST = 6  # maximum number of cases compared with one mail
NEWEST = 3  # of these, the cases that received mail last: mails in two languages share no word
_CROWD = 10  # if more messages than this share a key, the key adds almost nothing to the rank of a case
_WORTH = {"who": 2.0, "ven": 0.5, "sub": 3.0}


def choose_candidates(found: Mapping[str, Sequence[int]], newest: Sequence[int]) -> list[int]:
    """Return the candidate cases.

    ``found``: key → the case of each message with this key. ``newest``: the cases that received mail last.
    """
    points: dict[int, float] = defaultdict(float)
    for key, rows in found.items():
        _, kind, value = key.split(":", 2)
        worth = weight(value) if kind == "word" else _WORTH.get(kind, 0.0)
        worth /= len(rows) if len(rows) <= _CROWD else 10 * _CROWD
        for case in set(rows):
            points[case] += worth
    ranked = sorted(points, key=lambda case: (-points[case], -case))
    return list(dict.fromkeys((*ranked[: _MOST - NEWEST], *newest[:NEWEST], *ranked)))[:_MOST]


def rarity(nodes: Iterable[MessageFacts], shared: Mapping[str, int]) -> Callable[[str], float]:
    """Return a function that returns the rarity of a word in the months around a mail.

    The rarity is between 0.8 (one message contains the word) and 0.1. For a word without a count it is 0.4.
    """
    months = {str(n.at.toordinal() // MONTH + step) for n in nodes for step in (-1, 0, 1)}
    counts: dict[str, int] = defaultdict(int)
    for key, count in shared.items():
        month, kind, word = key.split(":", 2)
        if kind == "word" and month in months:
            counts[word] += count

    def rare(word: str) -> float:
        many = counts.get(word)
        return 0.4 if many is None else 1.0 / (1.0 + many / 4.0) if many <= _CROWD else 0.1

    return rare
