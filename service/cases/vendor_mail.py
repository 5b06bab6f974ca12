"""Rules for who acts after a vendor's or an automatic mail, besides the weights (``turn``)."""

from math import log

from mailrules.judgement import Reading
from mailrules.statement import NextSide
from mailrules.thread import Side
from service.cases.asks import SOMETHING

_CONTINUING = frozenset(("progress", "escalated"))
_SURELY_NOT_TEAM, _SURELY_VENDOR = log(0.15), log(0.75)
"""Chances by the words of a vendor's mail. If the mail asks for something and the chance of the team is lower, the team
need not act. If the mail answers and the chance of the vendor is lower, the team has to act."""
_FINAL = frozenset(("answer", "scope_statement"))


def side_by_case_status(reading: Reading) -> Side | str | None:
    """Return who has to act according to the status that a notice states: a side, `closed`, or None.

    A mail that also answers or ``says_more`` does not close the case.
    """
    for meaning, side in (("desk.vendor", "vendor"), ("desk.customer", "team")):
        if reading.says(meaning):
            return side
    return "closed" if reading.says("desk.closed") and not says_more(reading, "answer") else None


def says_more(reading: Reading, *acts: str) -> bool:
    """Whether a vendor's mail requests, promises or reports progress, or does one of ``acts``."""
    return bool(reading.asks or reading.says("act.promise") or not {*_CONTINUING, *acts}.isdisjoint(reading.acts))


def side_by_alarm(reading: Reading) -> Side | None:
    """Return who has to act on an automatic mail about a problem that continues, or None.

    This is the vendor after a report of the vendor's outage, otherwise the team.
    """
    if reading.report not in ("alarm", "attack", "outage"):
        return None
    return "vendor" if reading.report == "outage" else "team"


def vendor_continues(reading: Reading) -> bool:
    """Whether a vendor's mail shows that the vendor has to act next, for example by a promise.

    Only for readings that do not say who has to act next.
    """
    if "escalated" in reading.acts or reading.says("act.promise"):
        return True
    return "progress" in reading.acts and "answer" not in reading.acts


def team_has_to_act(reading: Reading, said: NextSide) -> bool:
    """Whether the team has to act after a vendor's mail, although the weights give another side (``said``)."""
    if reading.asks and said == "nobody":
        return True
    if said != "vendor" or not reading.next_scores:
        return False
    team, vendor = reading.next_scores[:2]
    if reading.asks:
        return team >= _SURELY_NOT_TEAM and any(ask.what != SOMETHING for ask in reading.asks)
    follows = reading.promises or "escalated" in reading.acts
    return vendor < _SURELY_VENDOR and not follows and not _FINAL.isdisjoint(reading.acts)
