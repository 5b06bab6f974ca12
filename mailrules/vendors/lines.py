"""Splits a mail into the lines in which vendors' names and case numbers are searched."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailrules.fold import fold
from mailrules.thread import RuleInput

_LABEL = re.compile(r"(?:[ \t]*[■□●○◆◇▼▽▲◎・※*•‣-]+)?[ \t]*[【<\[]?[^\s:=。、|][^:=。\n|]{0,38}[】>\]]?[ \t]*[:=|\t]")
_LOG = re.compile(
    r"[ \t]+at [\w.$/<>]{1,200}\(|[ \t]*\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d|Traceback |[ \t]*Caused by: "
)
_ENOUGH = 400
"""Maximum number of lines read per mail."""
_MOST = 100_000
"""Maximum number of characters read per mail."""


@dataclass(frozen=True, slots=True)
class Line:
    """A folded line of the new text. `labelled`: it begins with a label; `log`: it is from a log file."""

    text: str
    labelled: bool
    log: bool


def lines_of(turn: RuleInput) -> tuple[Line, ...]:
    """Return the lines of the new text that are neither empty nor quoted."""
    folded = (line.strip() for line in fold(turn.text[:_MOST])[0].split("\n")[: _ENOUGH * 3])
    kept = [line for line in folded if line and line[0] != ">"]
    return tuple(Line(line, bool(_LABEL.match(line[:60])), bool(_LOG.match(line[:300]))) for line in kept[:_ENOUGH])
