"""What a vendor's or an automatic mail says about whose turn it is, besides the table of weights (``turn``)."""

from math import log

from mailrules.judgement import Reading
from mailrules.statement import NextSide
from mailrules.thread import Side
from service.cases.asks import SOMETHING

GOING_ON = frozenset(("progress", "escalated"))
_SURELY_NOT_TEAM, _SURELY_VENDOR = log(0.15), log(0.75)
"""By the words of a vendor's mail: the least chance of the team if the mail asks for something, and of the vendor if it
answers. Many mails say both that the vendor works on the case and what the team needs for its part."""
_FINAL = frozenset(("answer", "scope_statement"))


def state_told(reading: Reading) -> Side | str | None:
    """Return whose turn it is by the status in a notice: a side, `closed`, or None without a status.

    A mail that also requests, promises or reports progress does not close the case.
    """
    for meaning, side in (("desk.vendor", "vendor"), ("desk.customer", "team")):
        if reading.says(meaning):
            return side
    more = reading.asks or reading.says("act.promise") or not GOING_ON.isdisjoint(reading.acts)
    return "closed" if reading.says("desk.closed") and not more else None


def told_by_alarm(reading: Reading) -> Side | None:
    """Return who has to act on an automatic mail that reports a live problem: the team, or the vendor who works on it.

    None if it reports none.
    """
    if reading.report not in ("alarm", "attack", "outage"):
        return None
    return "vendor" if reading.report == "outage" else "team"


def goes_on(reading: Reading) -> bool:
    """Whether the vendor will write next, by its acts: for readings that do not say who has to act next."""
    if "escalated" in reading.acts or reading.says("act.promise"):
        return True
    return "progress" in reading.acts and "answer" not in reading.acts


def for_the_team(reading: Reading, said: NextSide) -> bool:
    """Whether the team has to act after a vendor's mail although the table says otherwise."""
    if reading.asks and said == "nobody":
        return True
    if said != "vendor" or not reading.next_scores:
        return False
    team, vendor = reading.next_scores[:2]
    if reading.asks:
        return team >= _SURELY_NOT_TEAM and any(ask.what != SOMETHING for ask in reading.asks)
    follows = reading.promises or "escalated" in reading.acts
    return vendor < _SURELY_VENDOR and not follows and not _FINAL.isdisjoint(reading.acts)
