"""Cases joined by an argument over their content, where no header and no known number says so.

Two arguments, and only these:

* **The number that was waited for.** A vendor's mail that answers no mail we know, to one of us who wrote to that
  vendor (or noted a ticket there) shortly before and has got no number yet. It must repeat the subject, or share
  identifiers or telling words, with exactly one such inquiry more than with any other; a mere receipt may go by time
  alone, when only one inquiry waits.
* **The inquiry on behalf of a user.** Our team writes to a vendor under a new subject, while a user's case about that
  vendor's product waits for the team, and they share telling words, more than with any other waiting case.

Subject words and people alone join nothing. Each join names the words it rests on. Two mails are compared when they
share a key of content (``keys.content_keys``) that no crowd holds: a word, a person, a vendor that more than ``CROWD``
cases had in that fortnight, up to the mail in question, tells none of them from the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from service.case.group import Evidence, Group, Groups
from service.case.keys import content_keys, content_sought
from service.case.node import Node
from service.case.words import covered, likeness

WAIT = timedelta(days=10)
"""How long an inquiry may wait for the vendor's number."""
QUICK = timedelta(minutes=30)
"""How soon a receipt comes that is joined by time alone."""
BEHALF = timedelta(days=14)
"""How long a user's report may wait until the team asks the vendor."""


CROWD = 10
"""So many cases may share a key that still tells something."""
EARLY = timedelta(minutes=5)
"""How far a clock may be wrong: so much earlier than what it answers may a mail claim to be written."""


@dataclass(slots=True)
class Reach:
    """Which messages were compared with all that share their content; the others stay with the case they are in."""

    complete: set[int] = field(default_factory=set)
    crowded: dict[int, frozenset[str]] = field(default_factory=dict)
    """Message → keys that more than ``CROWD`` cases hold, which are not all here."""


def join_by_content(groups: Groups, reach: Reach | None = None) -> dict[int, Evidence]:
    """Join groups, in the order in which their mails were written; first by words, then by time. The new evidence."""
    found: dict[int, Evidence] = {}
    alive = _Alive(groups, reach)
    if reach is not None:
        _stay(groups, alive, found)
    if reach is not None and not reach.complete:
        return found
    for by_time in (False, True):
        for group in (all_of_them := groups.kept()):
            if groups.root(group.index) == group.index and (answer := _unasked_answer(group)) is not None:
                _join_answer(groups, all_of_them, group, answer, by_time, found, alive)
    for group in (all_of_them := groups.kept()):
        if groups.root(group.index) == group.index and (inquiry := _fresh_inquiry(group)) is not None:
            _join_inquiry(groups, all_of_them, group, inquiry, found, alive)
    return found


def seeks(node: Node) -> bool:
    """Whether content may join the mail to an earlier one: a vendor's, and the team's to a vendor. All others wait."""
    return node.side == "vendor" or (node.side == "team" and node.to_vendor is not None)


class _Alive:
    """The keys of content by which a message may be compared."""

    def __init__(self, groups: Groups, reach: Reach | None) -> None:
        self._groups = groups.kept()
        self._reach = reach
        self._since: dict[str, list[datetime]] | None = None
        self._of: dict[int, frozenset[str]] = {}

    def __contains__(self, message: int) -> bool:
        return self._reach is None or message in self._reach.complete

    def of(self, node: Node) -> frozenset[str]:
        if node.id not in self:
            return frozenset()
        if node.id not in self._of:
            if self._since is None:
                self._since = self._held_since()
            crowded = self._reach.crowded.get(node.id, frozenset()) if self._reach is not None else frozenset()
            until = node.at + EARLY
            self._of[node.id] = frozenset(
                key
                for key in content_sought(node) - crowded
                if key in self._since and sum(at <= until for at in self._since[key]) <= CROWD
            )
        return self._of[node.id]

    def _held_since(self) -> dict[str, list[datetime]]:
        """Key → when each case first had it."""
        since: dict[str, list[datetime]] = defaultdict(list)
        for group in self._groups:
            first: dict[str, datetime] = {}
            for member in group.members:
                for key in content_keys(member):
                    first.setdefault(key, member.at)
            for key, at in first.items():
                since[key].append(at)
        return since


def _stay(groups: Groups, alive: _Alive, found: dict[int, Evidence]) -> None:
    """Leave groups where content put them before, when they were not compared with all that may matter."""
    kept = groups.kept()
    of_case: dict[int, list[Group]] = defaultdict(list)
    for group in kept:
        for case in {m.case for m in group.members if m.case is not None}:
            of_case[case].append(group)
    for group in kept:
        for opener in (_unasked_answer(group), _fresh_inquiry(group)):
            if opener is None or opener.case is None or opener.placed != "content" or opener.id in alive:
                continue
            root = groups.root(group.index)
            other = next((one for one in of_case[opener.case] if groups.root(one.index) != root), None)
            if other is not None:
                groups.union(group, other)
                found[opener.id] = Evidence("content", "")


# ── the number that was waited for ───────────────────────────────────────────────────────────────────────────────────


def _unasked_answer(group: Group) -> Node | None:
    """The first mail of a group, when it is a vendor's and was not asked for by any mail in the group."""
    first = next((m for m in group.members if m.origin != "quoted"), None)
    if first is None or first.side != "vendor" or first.vendor is None or group.pinned is not None:
        return None
    if first.automatic in ("calendar", "bounce", "receipt"):
        return None
    numbered = any(vendor == first.vendor for m in group.members for vendor, _ in (*m.stated, *m.mentioned))
    return first if numbered else None


def _join_answer(
    groups: Groups,
    others: Sequence[Group],
    group: Group,
    answer: Node,
    by_time: bool,
    found: dict[int, Evidence],
    alive: _Alive,
) -> None:
    keys = alive.of(answer)
    if not keys:
        return
    scored: list[tuple[float, Group, Node, str]] = []
    for other in others:
        if other is group or groups.root(other.index) != other.index:
            continue
        inquiry = _waiting_inquiry(other, answer)
        if inquiry is not None and keys & content_keys(inquiry):
            score, words = _answers(answer, group, inquiry)
            if score >= (SELF_EVIDENT if answer.automatic == "notification" else 0.0):
                scored.append((score if _to_its_writer(answer, inquiry) else score - 3.0, other, inquiry, words))
        elif inquiry is None and (report := _waiting_report(other, answer)) is not None:
            # no inquiry by mail: the team may have asked by the vendor's portal, for a user
            if report.vendor not in (answer.vendor, None) or not keys & content_keys(report):
                continue
            score, words = _answers(answer, group, report)
            told, told_words = _tells_of(group, other)
            if report.vendor is None or told > score:
                score, words = told, told_words
            # who names no vendor must say the more
            scored.append((score - (3.0 if report.about == answer.vendor else 4.5), other, report, words))
    if not scored:
        return
    scored.sort(key=lambda s: (-s[0], -s[2].at.timestamp(), s[1].index))
    best = scored[0]
    clear = len(scored) == 1 or best[0] >= scored[1][0] + 1.0
    if best[0] >= 2.0 and clear:
        _glue(groups, group, best[1], found, answer, best[2], best[3])
    elif by_time and best[0] < 2.0:
        soon = [s for s in scored if timedelta(0) <= answer.at - s[2].at <= QUICK and _to_its_writer(answer, s[2])]
        if len(soon) == 1 and answer.automatic == "auto_reply" and soon[0][2].to_vendor == answer.vendor:
            _glue(groups, group, soon[0][1], found, answer, soon[0][2], "the only inquiry that waits for a receipt")
        elif len(scored) == 1 and soon and best[0] >= 1.0:
            _glue(groups, group, best[1], found, answer, best[2], best[3])


SELF_EVIDENT = 8.0
"""The score of a subject that repeats the other's."""


def _to_its_writer(answer: Node, inquiry: Node) -> bool:
    """The vendor writes to whoever wrote to it, or to somebody who was written to as well."""
    return inquiry.author in (*answer.to, *answer.cc) or bool(set(answer.to) & {*inquiry.to, *inquiry.cc})


def _waiting_inquiry(group: Group, answer: Node) -> Node | None:
    """Our latest inquiry to the vendor in a group that still waits for the vendor's number."""
    if group.pinned is not None or group.settled(answer.at):
        return None
    vendor = answer.vendor
    if any(m.side == "vendor" and m.vendor == vendor and m.at <= answer.at for m in group.members):
        return None
    numbers = {*answer.stated, *answer.mentioned}
    known = {ref for m in group.members if not m.fresh for ref in (*m.stated, *m.mentioned) if ref[0] == vendor}
    if known and not known & numbers:
        return None
    found = [
        m
        for m in group.members
        if m.side in ("team", "requester")
        and not m.automatic
        and m.origin != "quoted"
        and -EARLY <= answer.at - m.at <= WAIT
        and (m.to_vendor == vendor or (m.vendor == vendor and not m.to_vendor and m.headerless and m.side == "team"))
    ]
    return found[-1] if found else None


def _answers(answer: Node, group: Group, inquiry: Node) -> tuple[float, str]:
    """How much a vendor's mail speaks of an inquiry: its subject repeated, identifiers and telling words shared."""
    theirs = {w for m in group.members if m.side == "vendor" for w in (*m.words, *m.subject_words)}
    squashed = "".join(answer.base.split())
    if len(inquiry.base) >= 6 and "".join(inquiry.base.split()) in (squashed + answer.text):
        return SELF_EVIDENT + 2.0, inquiry.base
    if len(squashed) >= 6 and squashed in "".join(inquiry.base.split()):
        return SELF_EVIDENT, answer.base
    shared = sorted(theirs & {*inquiry.words, *inquiry.subject_words})
    score = likeness(theirs, (*inquiry.words, *inquiry.subject_words))
    if inquiry.subject_words and covered(inquiry.subject_words, theirs) >= 0.6:
        score += 2.0
    return min(score, SELF_EVIDENT - 0.5), " ".join(shared[:8])


def _tells_of(group: Group, other: Group) -> tuple[float, str]:
    """How much an exchange with a vendor speaks of a user's case: the vendor's words and ours that are quoted there,
    against all that users wrote."""
    theirs = {w for m in group.members for w in (*m.words, *m.subject_words)}
    users = {w for m in other.members if m.side == "requester" for w in (*m.words, *m.subject_words)}
    return min(likeness(theirs, users), SELF_EVIDENT - 0.5), " ".join(sorted(theirs & users)[:8])


# ── the inquiry on behalf of a user ──────────────────────────────────────────────────────────────────────────────────


def _fresh_inquiry(group: Group) -> Node | None:
    """The team's first mail to a vendor, when nothing in the group came before it from a user."""
    first = next((m for m in group.members if m.origin != "quoted" and not m.automatic), None)
    if first is None or first.side != "team" or group.pinned is not None or not first.headerless or first.fresh:
        return None
    return first if first.to_vendor is not None else None


def _join_inquiry(
    groups: Groups,
    others: Sequence[Group],
    group: Group,
    inquiry: Node,
    found: dict[int, Evidence],
    alive: _Alive,
) -> None:
    keys = alive.of(inquiry)
    if not keys:
        return
    scored: list[tuple[float, Group, Node, str]] = []
    for other in others:
        if groups.root(other.index) != other.index:
            continue
        report = _waiting_report(other, inquiry)
        if other is group or report is None or not keys & content_keys(report):
            continue
        words = {w for m in other.members if m.side == "requester" for w in m.words}
        shared = sorted(words & {*inquiry.words, *inquiry.subject_words})
        score = likeness(words, (*inquiry.words, *inquiry.subject_words))
        if any(m.about == inquiry.to_vendor for m in other.members):
            score += 1.0
        if report.kind and inquiry.kind:
            score += 1.0 if report.kind == inquiry.kind else -0.5 if "incident" in (report.kind, inquiry.kind) else -1.0
        if any(m.author == inquiry.author for m in other.members) or inquiry.author in other.people:
            score += 0.5
        scored.append((score, other, report, " ".join(shared[:8])))
    if not scored:
        return
    scored.sort(key=lambda s: (-s[0], -s[2].at.timestamp(), s[1].index))
    best = scored[0]
    clear = len(scored) == 1 or best[0] >= scored[1][0] + 2.0 or best[0] >= 2 * scored[1][0]
    if clear and best[3] and best[0] >= _enough(best[2], inquiry, best[1]):
        _glue(groups, group, best[1], found, inquiry, best[2], best[3])


def _enough(report: Node, inquiry: Node, group: Group) -> float:
    """How much must be shared: little where both name the vendor, more where the report names none, or another."""
    if any(m.about == inquiry.to_vendor for m in group.members):
        return 3.5
    return 4.5 if report.vendor is None else 7.0


def _waiting_report(group: Group, inquiry: Node) -> Node | None:
    """A user's report that waits for the team: no vendor was asked yet."""
    if group.pinned is not None or group.settled(inquiry.at):
        return None
    before = [m for m in group.members if m.at <= inquiry.at and m.origin != "quoted"]
    if not before or before[0].side != "requester" or before[0].automatic:
        return None
    if any(m.side == "vendor" or m.to_vendor for m in before):
        return None
    last = before[-1]
    return before[0] if inquiry.at - last.at <= BEHALF else None


def _glue(
    groups: Groups, group: Group, other: Group, found: dict[int, Evidence], node: Node, pointed: Node, words: str
) -> None:
    groups.union(group, other)
    found[node.id] = Evidence("content", words, pointed.id)
