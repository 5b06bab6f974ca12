"""Text that mail systems add to a body: warnings above, disclaimers below, "reply above this line" of ticket
systems."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from service.mail.word_lists import alternatives, load

FRAME = re.compile(
    r"[\s>]*([-=_*~#+─━═＝－＿＊☆★◆◇■□●○∞・.:◎▽△▲▼┏┗┓┛┌└┐┘｡ﾟ＋+/\\|<>°。—–‐﹣ー])(?:[\s]?[-=_*~#+─━═＝－＿＊☆★◆◇■□●○∞・.:◎▽△▲▼┏┗┓┛┌└┐┘｡ﾟ＋/\\|<>°。—–‐﹣ー]){3,}\s*$"
)
"""Matches a line of four or more drawing characters."""
_LISTS: Final = load("around_text")


def _opening(name: str) -> re.Pattern[str]:
    """Return the pattern of a list for the beginning of a line."""
    return re.compile(rf"[\W_]*(?:{alternatives(_LISTS[name])})", re.I)


_DISCLAIMER, _BANNER, _BANNER_END = map(_opening, ("disclaimer", "banner", "banner_end"))
_ABOVE_LINE = re.compile(alternatives(_LISTS["reply_above"]), re.I)
_ABOVE_HINTS: Final = tuple(_LISTS["reply_above_hints"].splitlines())


def is_reply_line(line: str) -> bool:
    """Whether a line is a ticket system's "reply above this line", in one of several languages."""
    return len(line) < 300 and may_hold_reply_line(line) and _ABOVE_LINE.search(line) is not None


def may_hold_reply_line(text: str) -> bool:
    """Whether a line or text may contain such a line; a cheap first check."""
    if text.isascii():
        return (
            "above" in text.lower() or "sopra" in text or "boven deze" in text or "acima" in text or "oberhalb" in text
        )
    return any(hint in text for hint in _ABOVE_HINTS)


def banner_end(lines: Sequence[str]) -> int:
    """Return the number of leading lines that are a warning added by a mail system."""
    at = 0
    for _ in range(3):
        while at < len(lines) and not lines[at].strip():
            at += 1
        first = at
        if at < len(lines) and len(lines[at]) < 200 and FRAME.match(lines[at]):
            first = at + 1
        if first >= len(lines) or len(lines[first]) > 600 or not _BANNER.match(lines[first][:400]):
            break
        end = first + 1
        while (
            end < len(lines)
            and end - first < 6
            and lines[end].strip()
            and (_BANNER_END.match(lines[end][:200]) or FRAME.match(lines[end][:200]))
        ):
            end += 1
        at = end
    return at if at and any(line.strip() for line in lines[:at]) else 0


def disclaimer_start(lines: Sequence[str]) -> int | None:
    """Return the index of the first line near the end that begins a disclaimer; None if there is none, or nothing
    else."""
    for at in range(max(0, len(lines) - 40), len(lines)):
        line = lines[at]
        starts = at == 0 or not lines[at - 1].strip() or FRAME.match(lines[at - 1][:200]) is not None
        if starts and line.strip() and _DISCLAIMER.match(line[:400]):
            return at or None
    return None
