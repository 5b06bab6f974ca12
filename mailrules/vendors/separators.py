"""Separates a number from words and numbers next to it: 4471235-san, 00123456/00123457."""

import re
from itertools import pairwise

FILLER = ";"
"""Replaces text that is not part of a number. A space would end a URL."""
_TAIL = re.compile(
    r"(?<=[0-9]{3})(?:[-_](?:san|sama|logs?|traces?|dumps?|files?|screenshots?|photos?|report))+(?![-_/]?[0-9A-Za-z])",
    re.I,
)
"""Words that people write after a number. Other letters may belong to the number: INC-20261127-AB."""
_BEFORE_DATE = re.compile(r"(?<=[0-9])/(?=20[0-9]{2}([-/])[0-9]{1,2}\1[0-9]{1,2}(?![-_/]?[0-9A-Za-z]))")
_SLASHED = re.compile(r"(?<![-_./0-9A-Za-z])[0-9A-Za-z][-_0-9A-Za-z]*(?:/[0-9A-Za-z][-_0-9A-Za-z]*)+")
_LEAST = 5  # digits of each of two numbers with a slash between them; 0041/7720 is one number


def separate(text: str) -> str:
    """Replace words attached to a number, and slashes between numbers, by fillers. The text must be folded.

    A slash separates numbers if it is between two numbers of equal length, or before a date. Positions are unchanged.
    """
    text = _TAIL.sub(lambda match: FILLER * len(match.group()), text)
    return _SLASHED.sub(_apart, _BEFORE_DATE.sub(FILLER, text)) if "/" in text else text


def _apart(match: re.Match[str]) -> str:
    parts = match.group().split("/")
    pieces = [parts[0]]
    for one, other in pairwise(parts):
        equal = len(one) == len(other) and min(sum(map(str.isdigit, part)) for part in (one, other)) >= _LEAST
        pieces += [FILLER if equal else "/", other]
    return "".join(pieces)
