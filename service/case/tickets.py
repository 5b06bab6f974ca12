"""A ticket that was open before the user wrote: our answer to him says so, and no header does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from service.case.group import Group, Groups
from service.case.keys import content_keys
from service.case.node import Node
from service.case.reach import EARLY, Alive, Join, Scored, clearest, own_of, told_in_openers, until
from service.case.words import STRONG, likeness_of_runs, weight

_BEFORE = timedelta(days=1)
"""How long before our answer the ticket was opened at most."""
_MUCH = 4.5
"""The weight of what is shared where no identifier, code or figure is."""
_CLEARLY = 2.0
"""So many times what the next best shares."""


def told_ticket(group: Group) -> Node | None:
    """Our first word to a user that a ticket is open, in a case in which nothing else is known of it."""
    own = own_of(group.members)
    if group.pinned is not None or not own or own[0].side != "requester" or own[0].automatic:
        return None
    told = next((m for m in own if m.tells_ticket), None)
    if told is None:
        return None
    before = (m for m in group.members if m.at <= told.at and m.origin != "quoted")
    if any(m.side == "vendor" or m.to_vendor for m in before):
        return None
    return told


def join_told(groups: Groups, others: Sequence[Group], group: Group, alive: Alive) -> Join | None:
    """The one ticket that our answer to a user speaks of."""
    told = told_ticket(group)
    if told is None or not (keys := alive.of(told)):
        return None
    report = own_of(group.members)[0]
    theirs = {*report.words, *report.subject_words} - {told.vendor}
    scored: Scored = []
    for other in alive.near(groups, others, group, keys):
        receipt = _ticket(other, told)
        if receipt is None or not keys & content_keys(receipt):
            continue
        words = told_in_openers((m for m in until(other.members, told.at) if m.side == "vendor"), keys)
        shared, score = theirs & words, likeness_of_runs(theirs, words)
        if score >= _MUCH or any(weight(word) >= STRONG for word in shared):
            scored.append((score, other, receipt, " ".join(sorted(shared)[:8])))
    return clearest(scored, told, _CLEARLY)


def _ticket(group: Group, told: Node) -> Node | None:
    """The receipt of a ticket that waits for nobody's report: opened in a portal, or by telephone."""
    if group.pinned is not None or group.settled(told.at):
        return None
    own = [m for m in own_of(group.members) if m.at <= told.at + EARLY]
    if not own or own[0].automatic != "auto_reply" or own[0].vendor != told.vendor or not own[0].stated:
        return None
    if own[0].side != "vendor" or any(m.side == "requester" or (m.to_vendor and m.headerless) for m in own):
        return None
    return own[0] if -EARLY <= told.at - own[0].at <= _BEFORE else None
