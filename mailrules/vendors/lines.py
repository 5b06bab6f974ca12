"""The lines of a mail as vendors' numbers and names are looked for in them."""

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
"""Lines of a mail that are looked at."""
_MOST = 100_000
"""Characters of a mail that are looked at."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the new text, folded. `labelled`: it is a form line; `log`: it was pasted from a log."""

    text: str
    labelled: bool
    log: bool


def lines_of(turn: RuleInput) -> tuple[Line, ...]:
    """The lines of a mail's new text that hold something, quoted ones left out."""
    folded = (line.strip() for line in fold(turn.text[:_MOST])[0].split("\n")[: _ENOUGH * 3])
    kept = [line for line in folded if line and line[0] != ">"]
    return tuple(Line(line, bool(_LABEL.match(line[:60])), bool(_LOG.match(line[:300]))) for line in kept[:_ENOUGH])
