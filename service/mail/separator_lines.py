"""Separator lines around a mail in a mail, such as "---- Forwarded message ----"."""

# ruff: noqa: E501 -- patterns: a case a line

import re
from typing import Literal

from service.mail.client_phrases import END_ENDS, END_STARTS, FORWARD_MARKS, ORIGINAL_MARKS
from service.mail.word_lists import fold

Separator = Literal["forward", "original", "end", "unknown", "none"]
"""Kind of a separator line. ``original``: above a mail that is answered; ``end``: below a mail; ``unknown``: an unknown phrase."""

_DECORATED = re.compile(
    r"[\s>|]*+(?:[*_]\s++)?(?:[-=_~#*+–—━─]{2,}+|<{2,}+|\[)[ \t*]*+([^\s-].{2,78}?)[ \t:：]*+"
    r"(?:[-=_~#*+–—━─]{2,}+|>{2,}+|\])[\s*|]*+$"
)
"""Matches a phrase between dashes. Possessive quantifiers prevent backtracking on a line of dashes."""
_DRAWN = re.compile(
    r"[\s>]*([-=_*~#+─━═＝－＿＊☆★◆◇■□●○∞・.:◎▽△▲▼┏┗┓┛┌└┐┘｡ﾟ＋+/\\|<>°。—–‐﹣ー])(?:[\s]?[-=_*~#+─━═＝－＿＊☆★◆◇■□●○∞・.:◎▽△▲▼┏┗┓┛┌└┐┘｡ﾟ＋/\\|<>°。—–‐﹣ー]){3,}\s*$"
)
_FORWARDED_BY = re.compile(r"[\W_]*(?:forwarded by|forwarded message from|転送者)\b", re.I)


def separator_of(line: str) -> Separator:
    """Return the kind of separator line; ``none`` for any other line."""
    if len(line) > 200:
        return "none"
    stripped = line.strip()
    if not stripped:
        return "none"
    first = stripped[0]
    if first in "-=_~#*+–—━─<[":
        decorated = _DECORATED.match(line)
        if decorated is not None:
            phrase = fold(decorated[1]).strip(" \t*:：-_")
            if phrase.startswith(("forwarded by ", "転送者")):
                return "forward"
            return "end" if phrase.startswith(END_STARTS) or phrase.endswith(END_ENDS) else separator_of_phrase(phrase)
    if stripped[-1] in ":：" or first in "*_":
        phrase = fold(stripped).strip(" \t*:：-_")
        separator = separator_of_phrase(phrase)
        return "none" if separator == "unknown" or (separator == "forward" and len(phrase) < 7) else separator
    return "none"


def separator_of_phrase(phrase: str) -> Separator:
    """Return the kind of separator of a folded phrase without dashes, or ``unknown``."""
    return "forward" if phrase in FORWARD_MARKS else "original" if phrase in ORIGINAL_MARKS else "unknown"


def is_forwarded_by(line: str) -> bool:
    """Return whether the line is "Forwarded by X <x@y>", as the mail program Becky! writes it."""
    return len(line) < 300 and _FORWARDED_BY.match(line) is not None


def is_drawn_line(line: str) -> bool:
    """Return whether the line is four or more dashes, stars or other drawing characters."""
    return len(line) < 200 and _DRAWN.match(line) is not None
