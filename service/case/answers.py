"""A vendor's mail that answers no mail we know: the inquiry that waits for it, or the exchange that it goes on with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from service.case.exchanges import goes_on
from service.case.group import Group, Groups
from service.case.keys import content_keys
from service.case.node import Node
from service.case.reach import EARLY, WAIT, Alive, Join, Scored, own_of, until
from service.case.reports import told_by_users, waiting_report
from service.case.words import covered, likeness, weight

_BEGINS = re.compile(r"creat|open|submit|receiv|regist|raise|受け?付|作成|登録|起票|新規")
_ENDS = re.compile(
    r"clos|(?:daily|weekly|monthly)summary|digest|planned|schedul|resolv|solved|完了|クローズ|終了|定期|予定"
)
"""A portal's word on a ticket that begins, and what is no such word (in a squashed text)."""
QUICK = timedelta(minutes=30)
"""How soon a receipt comes that is joined by time alone."""
SELF_EVIDENT = 8.0
"""The score of a subject that repeats the other's."""


def unasked_answer(group: Group) -> Node | None:
    """The first mail of a group, when it is a vendor's and was not asked for by any mail in the group."""
    first = next(iter(own_of(group.members)), None)
    if first is None or first.side != "vendor" or first.vendor is None or group.pinned is not None:
        return None
    if first.automatic in ("calendar", "bounce", "receipt"):
        return None
    return first if _numbered(group, first) or not first.automatic else None


def answers_by_words(groups: Groups, others: Sequence[Group], group: Group, alive: Alive) -> Join | None:
    """Where a vendor's unasked answer goes by what it says."""
    return _join_answer(groups, others, group, alive, by_time=False)


def answers_by_time(groups: Groups, others: Sequence[Group], group: Group, alive: Alive) -> Join | None:
    """The same for receipts of which only the time speaks as well."""
    return _join_answer(groups, others, group, alive, by_time=True)


def _join_answer(groups: Groups, others: Sequence[Group], group: Group, alive: Alive, *, by_time: bool) -> Join | None:
    answer = unasked_answer(group)
    if answer is None or not (keys := alive.of(answer)):
        return None
    candidates = alive.near(groups, others, group, keys)
    if not _numbered(group, answer):
        return None if by_time else goes_on(candidates, answer, keys)
    scored: Scored = []
    for other in candidates:
        inquiry = _waiting_inquiry(other, answer)
        if inquiry is not None and keys & content_keys(inquiry):
            score, words = _answers(answer, group, inquiry)
            if score >= (SELF_EVIDENT if answer.automatic == "notification" else 0.0):
                scored.append((score if _to_its_writer(answer, inquiry) else score - 3.0, other, inquiry, words))
        elif inquiry is None and (report := waiting_report(other, answer)) is not None:
            # no inquiry by mail: the team may have asked by the vendor's portal, for a user
            if report.vendor not in (answer.vendor, None) or not keys & content_keys(report):
                continue
            score, words = _answers(answer, group, report)
            told, told_words = _tells_of(answer, group, other)
            if report.vendor is None or told > score:
                score, words = told, told_words
            # who names no vendor must say the more: an identifier, or much
            identified = not _identifiers(report).isdisjoint(words.split())
            less = 2.5 if identified else 3.0 if report.about == answer.vendor else 4.5
            if answer.automatic == "notification":
                if not _BEGINS.search(answer.text) or _ENDS.search(answer.text):
                    continue
                less += 1.0
            scored.append((score - less, other, report, words))
        elif inquiry is None and (asked := _asked_elsewhere(other, answer)) is not None and keys & content_keys(asked):
            repeated = _identifiers(asked) & {word for m in _said(group, answer) for word in _identifiers(m)}
            if len(repeated) >= 2 and _to_its_writer(answer, asked):
                scored.append((3.0 * len(repeated) - 3.0, other, asked, " ".join(sorted(repeated)[:8])))
    return _best(scored, answer, by_time)


def _best(scored: Scored, answer: Node, by_time: bool) -> Join | None:
    if not scored:
        return None
    scored.sort(key=lambda s: (-s[0], -s[2].at.timestamp(), s[1].index))
    best = scored[0]
    clear = len(scored) == 1 or best[0] >= scored[1][0] + 1.0
    if best[0] >= 2.0 and clear:
        return Join(answer, *best[1:])
    if by_time and best[0] < 2.0:
        soon = [s for s in scored if timedelta(0) <= answer.at - s[2].at <= QUICK and _to_its_writer(answer, s[2])]
        if len(soon) == 1 and answer.automatic == "auto_reply" and soon[0][2].to_vendor == answer.vendor:
            return Join(answer, soon[0][1], soon[0][2], "the only inquiry that waits for a receipt")
        if len(scored) == 1 and soon and best[0] >= 1.0:
            return Join(answer, *best[1:])
    return None


def _numbered(group: Group, answer: Node) -> bool:
    return any(vendor == answer.vendor for m in _said(group, answer) for vendor, _ in (*m.stated, *m.mentioned))


def _said(group: Group, answer: Node) -> list[Node]:
    """The answer with all that was said until a person wrote for the vendor: a receipt alone may say little."""
    return until(group.members, _spoken(group, answer))


def _spoken(group: Group, answer: Node) -> datetime:
    people = (m.at for m in group.members if m.side == "vendor" and not m.automatic and m.origin != "quoted")
    return max(answer.at, next(people, answer.at))


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
    told = until(group.members, answer.at)
    known = {ref for m in told if not m.fresh for ref in (*m.stated, *m.mentioned) if ref[0] == vendor}
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


_SHOWN_BY_MANY = re.compile(r"0x[0-9a-f]+|kb\d+|\d{6,}+(?:t\d*+)?z?")
"""Error codes, updates, dates: machines that have nothing to do with each other show them."""


def _identifiers(node: Node) -> set[str]:
    """Serial numbers, names of machines, versions."""
    words = (word for word in (*node.words, *node.subject_words) if weight(word) >= 3.0)
    found = {word for word in words if not _SHOWN_BY_MANY.fullmatch(word)}
    return {word for word in found if not any(word in other for other in found - {word})}


def _asked_elsewhere(group: Group, answer: Node) -> Node | None:
    """Our inquiry to a partner, who may have had it taken on by the maker."""
    if group.pinned is not None or group.settled(answer.at):
        return None
    told = until(group.members, answer.at)
    if any(m.side == "vendor" and m.vendor == answer.vendor for m in told):
        return None
    inquiries = (m for m in told if m.side == "team" and m.to_vendor and m.headerless and answer.at - m.at <= WAIT)
    return next((m for m in inquiries if m.to_vendor != answer.vendor), None)


def _answers(answer: Node, group: Group, inquiry: Node) -> tuple[float, str]:
    """How much a vendor's mail speaks of an inquiry: its subject repeated, identifiers and telling words shared."""
    theirs = {w for m in _said(group, answer) if m.side == "vendor" for w in (*m.words, *m.subject_words)}
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


def _tells_of(answer: Node, group: Group, other: Group) -> tuple[float, str]:
    """How much an exchange with a vendor speaks of a user's case: the vendor's words and ours that are quoted there,
    against all that users had written by then."""
    theirs = {w for m in _said(group, answer) for w in (*m.words, *m.subject_words)}
    users = told_by_users(other, _spoken(group, answer))
    return min(likeness(theirs, users), SELF_EVIDENT - 0.5), " ".join(sorted(theirs & users)[:8])
