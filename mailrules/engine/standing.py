"""Which statements stand in a case after its last mail.

Statements of our own people count (those of all people where none of ours wrote, those of machines where nobody did).
`rules/standing.yaml` says which earlier statements a later mail replaces.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailrules.engine.conditions import Hit
from mailrules.engine.mails import ours, view_of
from mailrules.engine.rulefile import RuleFile
from mailrules.judgement import Reading
from mailrules.thread import Thread, Turn


def standing(thread: Thread, readings: Sequence[Reading], rules: RuleFile) -> tuple[Hit, ...]:
    """The statements that stand, oldest first."""
    kept: list[Hit] = []
    replaced: set[str] = set()
    for turn, reading in reversed(speaking(thread, readings)):
        view = view_of(turn, reading)
        kept += [hit for hit in reversed(view.hits) if hit.statement.meaning not in replaced]
        replaced |= {name.strip() for fired in rules.fire(view) for name in fired.gives.split(",")}
    return tuple(reversed(kept))


def speaking(thread: Thread, readings: Sequence[Reading]) -> list[tuple[Turn, Reading]]:
    """The mails whose statements count for the case."""
    pairs = list(zip(thread, readings, strict=True))
    own = [pair for pair in pairs if ours(pair[0])]
    people = [pair for pair in pairs if pair[0].automatic is None]
    return own or people or pairs
