"""Mails of our own people that belong to a user's report although no header says so.

The team asks a vendor for the user, or asks again after a bounce; another user has the same trouble; somebody tells
that it works again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from service.case.group import Group, Groups
from service.case.keys import content_keys
from service.case.node import Node
from service.case.reach import Alive, Join, Scored, names_writer, own_of, people_of, told_in_openers, until
from service.case.words import IDENTIFIER, STRONG, alike, covered, likeness, likeness_of_runs, together, weight

BEHALF = timedelta(days=14)
"""How long a user's report may wait until the team asks the vendor, and how long word of recovery may take."""
SECOND = timedelta(days=3)
"""How long after a report another user may tell of the same trouble."""

_SOMETHING = 2.0
_CONCERNED = 2.5
"""What it counts that an inquiry goes to the user too, or names him; two short words must be shared beside it."""
BACK = 6.0
"""The weight of the words that who tells that his trouble is back must share with what was told of it."""


# ── the inquiry on behalf of a user ──────────────────────────────────────────────────────────────────────────────────


def fresh_inquiry(group: Group) -> Node | None:
    """The team's first mail to a vendor, when nothing in the group came before it from a user."""
    first = next((m for m in own_of(group.members) if not m.automatic), None)
    if first is None or first.side != "team" or group.pinned is not None or not first.headerless or first.fresh:
        return None
    return first if first.to_vendor is not None else None


def join_inquiry(groups: Groups, others: Sequence[Group], group: Group, alive: Alive) -> Join | None:
    """The report that an inquiry to a vendor is for."""
    inquiry = fresh_inquiry(group)
    if inquiry is None or not (keys := alive.of(inquiry)):
        return None
    scored: Scored = []
    for other in alive.near(groups, others, group, keys):
        report = waiting_report(other, inquiry)
        if report is None or not keys & content_keys(report):
            continue
        told = until(other.members, inquiry.at)
        words = {w for m in told if m.side == "requester" for w in m.words}
        shared = sorted(words & {*inquiry.words, *inquiry.subject_words})
        score = likeness(words, (*inquiry.words, *inquiry.subject_words))
        if any(m.about == inquiry.to_vendor for m in told):
            score += 1.0
        if report.kind and inquiry.kind:
            score += 1.0 if report.kind == inquiry.kind else -0.5 if "incident" in (report.kind, inquiry.kind) else -1.0
        if inquiry.author in people_of(told):
            score += 0.5
        concerned = report.author in (*inquiry.to, *inquiry.cc) or names_writer(inquiry, report)
        if concerned and likeness(words, (*inquiry.words, *inquiry.subject_words)) >= _SOMETHING:
            score += _CONCERNED
        scored.append((score, other, report, " ".join(shared[:8])))
    if not scored:
        return None
    scored.sort(key=lambda s: (-s[0], -s[2].at.timestamp(), s[1].index))
    best = scored[0]
    clear = len(scored) == 1 or best[0] >= scored[1][0] + 2.0 or best[0] >= 2 * scored[1][0]
    enough = bool(best[3]) and best[0] >= _enough(best[2], inquiry, best[1])
    return Join(inquiry, *best[1:]) if clear and enough else None


def _enough(report: Node, inquiry: Node, group: Group) -> float:
    """How much must be shared: little where both name the vendor, more where the report names none, or another."""
    if any(m.about == inquiry.to_vendor for m in until(group.members, inquiry.at)):
        return 3.5
    return 4.5 if report.vendor is None else 7.0


def waiting_report(group: Group, inquiry: Node) -> Node | None:
    """A user's report that waits for the team: no vendor was asked yet."""
    if group.pinned is not None or group.settled(inquiry.at):
        return None
    before = [m for m in own_of(group.members) if m.at <= inquiry.at]
    if not before or before[0].side != "requester" or before[0].automatic:
        return None
    if any(m.side == "vendor" or m.to_vendor for m in before):
        return None
    last = before[-1]
    return before[0] if inquiry.at - last.at <= BEHALF else None


# ── the inquiry came back ────────────────────────────────────────────────────────────────────────────────────────────


def join_again(groups: Groups, others: Sequence[Group], group: Group, alive: Alive) -> Join | None:
    """The same inquiry that bounced before."""
    inquiry = fresh_inquiry(group)
    if inquiry is None or not (keys := alive.of(inquiry)):
        return None
    for other in alive.near(groups, others, group, keys):
        if (bounced := _bounced(other, inquiry)) is not None and keys & content_keys(bounced):
            return Join(inquiry, other, bounced, bounced.base)
    return None


def _bounced(group: Group, inquiry: Node) -> Node | None:
    """The same inquiry of the same author, sent before, that came back: it is asked again, and nothing else."""
    if group.pinned is not None or group.settled(inquiry.at):
        return None
    told = until(group.members, inquiry.at)
    came_back = {m.bounced for m in told if m.bounced and m.automatic == "bounce"}
    for one in told:
        if one.message_id not in came_back or one.author != inquiry.author or not one.base:
            continue
        if timedelta(0) < inquiry.at - one.at <= BEHALF and one.base == inquiry.base:
            same = alike(one.text, inquiry.text) or covered(one.words, inquiry.words) >= 0.6
            return one if same else None
    return None


# ── another user has the same trouble, or tells that it is over ──────────────────────────────────────────────────────


def second_report(group: Group) -> Node | None:
    """A user's first mail, when it tells that others have the same trouble, that something works again, or no more; a
    colleague's note on the vendor's mail that he hands on, when nothing else came before."""
    own = own_of(group.members)
    noted = next((m for m in own if m.notes), None)
    first = next((m for m in own if noted is None or m.id not in noted.holds), None)
    if first is None or group.pinned is not None or not first.second:
        return None
    return first


def join_second(groups: Groups, others: Sequence[Group], group: Group, alive: Alive) -> Join | None:
    """The one case that a second report, or a word of recovery, speaks of."""
    second = second_report(group)
    if second is None or not (keys := alive.of(second)):
        return None
    theirs = {*second.words, *second.subject_words}
    if second.notes:
        theirs = {*second.words} - {*second.subject_words}  # the subject is the vendor's
    scored: Scored = []
    for other in alive.near(groups, others, group, keys):
        report = waiting_report(other, second) if second.notes else _told_before(other, second)
        told = until(other.members, second.at)
        words = told_in_openers((m for m in told if m.side in ("requester", "team")), keys)
        if report is None or not words:
            continue
        shared = theirs & words
        score = likeness(theirs, words)
        if second.about and any(m.about == second.about for m in told):
            score += 1.0
        named, concerned = names_writer(second, report), second.author in people_of(told)
        if second.returns and not (second.seconds or second.resolves):
            points = _points_back(shared, told, second, concerned)
        else:
            # plain words alone are those of any trouble with the same product
            strong = any(weight(word) >= (IDENTIFIER if second.notes else STRONG) for word in shared)
            points = named or strong or (concerned and second.resolves)
            mine = second.resolves and second.author == report.author
            score += 2.0 * named + 1.0 * mine + 1.0 * (concerned and second.resolves)
        if not points or (second.kind == "howto" and not second.resolves):
            continue
        scored.append((score, other, report, " ".join(sorted(shared)[:8])))
    if not scored:
        return None
    scored.sort(key=lambda s: (-s[0], -s[2].at.timestamp(), s[1].index))
    best = scored[0]
    clear = len(scored) == 1 or best[0] >= scored[1][0] + 1.5
    return Join(second, *best[1:]) if clear and best[3] and best[0] >= 4.0 else None


def _points_back(shared: set[str], told: Sequence[Node], second: Node, concerned: bool) -> bool:
    """Whether a trouble that is back is this one. "Again" is said in passing too: who took part must share much,
    anybody else an identifier and two words more, soon after."""
    if concerned:
        return any(weight(word) >= STRONG for word in shared) and likeness_of_runs(shared, shared) >= BACK
    codes = {word for word in shared if _CODE.fullmatch(word)}
    last = max(m.at for m in told if m.at <= second.at)
    return bool(codes) and len(together(shared)) >= len(codes) + 2 and _soon(last, second.at)


_CODE = re.compile(r"\d{4,6}|0x[0-9a-f]+|[a-z]{1,4}[-_]?\d{2,5}|\d{2,4}-\d{2,4}")
"""Of an error; names of machines and rooms may look alike, so it counts for what comes soon after only."""


def _told_before(group: Group, second: Node) -> Node | None:
    """What a case began with, when it may be what a second mail speaks of; one's own report is no other's."""
    if group.pinned is not None or (group.settled(second.at) and not second.returns):
        return None
    before = [m for m in own_of(group.members) if m.at <= second.at and not m.automatic]
    ours = [m for m in before if m.side in ("requester", "team")]
    if not ours:
        return None
    if second.resolves or second.returns:
        return ours[0] if second.at - before[-1].at <= BEHALF else None
    mine = second.author == before[0].author
    return before[0] if before[0].side == "requester" and not mine and _soon(before[0].at, second.at) else None


def _soon(first: datetime, second: datetime) -> bool:
    return timedelta(0) <= second - first <= SECOND


def told_by_users(group: Group, at: datetime) -> set[str]:
    """All telling words that users had written in a case by then."""
    users = (m for m in until(group.members, at) if m.side == "requester")
    return {w for m in users for w in (*m.words, *m.subject_words)}
