"""Removes the statement of a recovery from a mail that also says that a part still fails."""

import re
from collections.abc import Sequence, Set

from ..statement import Statement
from .mailview import MailView

_OVER = frozenset(("time.over", "settled.works"))
_SOLVED = ("act.confirm_resolved", "recovered")
_PAST = re.compile(
    r"\b(?:was|were|had|did|could)(?: not|n.t)? still\b|\bstill (?:was|were|had|did|could)\b"
    r"|(?:まだ|依然|まま)[^。、]{0,30}た(?:[がけ。、]|$)"
)


def without_partial_recovery(found: Sequence[Statement], view: MailView) -> list[Statement]:
    """Replace the statement of a recovery by `ongoing` if a clause says that a part still fails or is not included.

    A clause about the past counts only in a later sentence: "it was still down at nine, but works now".
    """
    since = min((one.start for one in found if one.meaning in _SOLVED), default=None)
    for unit, reading in zip(view.units, view.readings, strict=True):
        if since is None or (unit.start <= since and _PAST.search(reading.folded)):
            continue
        if any(map(_leaves_a_part, reading.clause_concepts, reading.clauses.properties)):
            ongoing = Statement("ongoing", "value", unit.text, unit.start, unit.end)
            return [ongoing, *(one for one in found if one.meaning not in (*_SOLVED, "ongoing"))]
    return [*found]


def _leaves_a_part(concepts: Set[str], properties: Set[str]) -> bool:
    """Whether a clause says that something still fails, or that a recovery leaves something out."""
    if not properties.isdisjoint(("question", "condition")) or "left.told" in concepts:
        return False
    over = not concepts.isdisjoint(_OVER)
    if "left.out" in concepts and over and properties.isdisjoint(("negated", "plan")):
        return True
    fails = "noun.error_message" in concepts or any(one.startswith("stop.") for one in concepts)
    return "left.fails" in concepts or ("left.still" in concepts and (fails or "negated" in properties))
