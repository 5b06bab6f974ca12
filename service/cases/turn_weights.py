"""The table of weights by which the words, the author and the addressee of a mail decide who has to act next.

``python -m bench.fit_turn`` computes the weights in ``words/turn.yaml``.
"""

from collections.abc import Collection, Mapping, Sequence

from mailrules.statement import NEXT_SIDES, NextSide
from mailrules.thread import RuleInput
from service.mail.word_lists import load

WRITERS = ("team", "team_to_vendor", "team_to_requester", "requester", "vendor", "unknown")
BEFORE = ("first", *NEXT_SIDES)
"""Rows and columns of the table: who wrote to whom, and who had to act before (`first`: the case begins)."""
_WEIGHTS: Mapping[str, Mapping[str, Sequence[float]]] = load("turn", "service.cases")


def writer(turn: RuleInput) -> str:
    """Return who wrote a mail to whom, as the name of a row."""
    if turn.side in ("team", "requester") and "vendor" in turn.towards:
        return "team_to_vendor"  # a user who writes to the vendor does it for the team
    return "team_to_requester" if turn.side == "team" and "requester" in turn.towards else turn.side


def side_by_weights(turn: RuleInput, before: str, chances: Sequence[float], possible: Collection[NextSide]) -> NextSide:
    """Return the possible side with the highest sum of weights.

    ``before``: who had to act, or `first`; ``chances``: of each side by the words of the mail (`next_scores`).
    """
    row = writer(turn)
    if row == "team_to_vendor" and turn.side == before:
        before = "team"  # the user has to act, and does it for the team
    sums = _WEIGHTS[row][before]
    for side, chance in zip(NEXT_SIDES, chances, strict=True):
        sums = [one + chance * weight for one, weight in zip(sums, _WEIGHTS["words"][side], strict=True)]
    return max(zip(sums, NEXT_SIDES, strict=True), key=lambda one: (one[1] in possible, one[0]))[1]
