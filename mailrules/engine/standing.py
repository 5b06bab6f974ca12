"""Which statements of a case are valid after its last mail.

Only statements of people on our side count; if none of them wrote, those of all people; if nobody wrote, those of
automatic mail. `rules/standing.yaml` defines which earlier statements a later mail replaces.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailrules.engine.conditions import Hit
from mailrules.engine.mails import ConcludedMail, ours


def standing(concluded: Sequence[ConcludedMail]) -> tuple[Hit, ...]:
    """Return the valid statements, oldest first."""
    kept: list[Hit] = []
    replaced: set[str] = set()
    for one in reversed(speaking(concluded)):
        kept += [hit for hit in reversed(one.view.hits) if hit.statement.meaning not in replaced]
        replaced |= one.replaces
    return tuple(reversed(kept))


def speaking(concluded: Sequence[ConcludedMail]) -> Sequence[ConcludedMail]:
    """Return the mails whose statements count for the case."""
    own = [one for one in concluded if ours(one.turn)]
    people = [one for one in concluded if one.turn.automatic is None]
    return own or people or concluded
