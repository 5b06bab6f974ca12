"""An exchange with a vendor goes on without header or number: under a subject of its own, or by another person."""

from __future__ import annotations

from collections.abc import Sequence

from service.case.group import Group, Groups
from service.case.node import Node
from service.case.reach import EARLY, WAIT, Alive, Join, Scored, standing, told_in_openers
from service.case.reports import STRONG, fresh_inquiry
from service.case.words import likeness, weight

_ENOUGH = 3.0
"""The weight of the words that a person's mail must share with the exchange in which he wrote or was written to."""
_MUCH = 4.5
"""The same for another person of the vendor's, where an identifier, a code or a figure is among them."""
_MORE = 6.0
"""The same where none is, and for our own mail to a person who wrote to us: what begins there is new more often."""
_CLEARLY = 1.5
"""So many times what the next best shares."""


def goes_on(candidates: Sequence[Group], answer: Node, keys: frozenset[str]) -> Join | None:
    """The one exchange with this very person that shares telling words beside those of a subject; else the one with the
    vendor, of those to whom he writes, that shares an identifier and more."""
    scored: Scored = []
    beside = set(answer.words) - set(answer.subject_words)
    for other in candidates:
        written = _exchange(other, answer, answer.author)
        score, words = _shared(beside, written, keys)
        if words and answer.base and any(m.base == answer.base for m in written):
            score += 2.0
        if words and score >= _ENOUGH:
            pointed = next((m for m in reversed(written) if answer.author in m.to), written[-1])
            scored.append((score, other, pointed, words))
    return _clearest(scored, answer) or _speaks_of(candidates, answer, keys)


def _speaks_of(candidates: Sequence[Group], answer: Node, keys: frozenset[str]) -> Join | None:
    """Several people write for a vendor: another one than was asked takes over, under a subject of his own."""
    scored: Scored = []
    theirs = {*answer.words, *answer.subject_words}
    for other in candidates:
        written = _exchange_with_vendor(other, answer, answer.vendor)
        score, words = _shared(theirs, written, keys)
        if words:
            scored.append((score, other, written[-1], words))
    join = _clearest(scored, answer)
    if join is None:
        return None
    written = _exchange_with_vendor(join.group, answer, answer.vendor)
    told = [m for m in written if m.side != "requester" or m.to_vendor]
    people = {p for m in told for p in (*m.to, *m.cc, *(() if m.side == "vendor" else (m.author,)))}
    enough = _MUCH if _tells_apart(theirs, written, keys) else _MORE
    return join if people & set(answer.to) and scored[0][0] >= enough else None


def goes_on_with(groups: Groups, others: Sequence[Group], group: Group, alive: Alive) -> Join | None:
    """Our mail to a person of a vendor's who wrote to us, under a new subject: the one exchange that it speaks of."""
    ours = fresh_inquiry(group)
    if ours is None or not (keys := alive.of(ours)):
        return None
    scored: Scored = []
    theirs = {*ours.words, *ours.subject_words}
    for other in standing(groups, others, group):
        written = _exchange_with_vendor(other, ours, ours.to_vendor)
        before = (m for m in written if m.at < ours.at)
        spoken = [m for m in before if m.side == "vendor" and not m.automatic and m.author in ours.to]
        score, words = _shared(theirs, written, keys)
        if spoken and score >= _MORE and _tells_apart(theirs, written, keys):
            scored.append((score, other, spoken[-1], words))
    return _clearest(scored, ours)


def _shared(theirs: set[str], written: Sequence[Node], keys: frozenset[str]) -> tuple[float, str]:
    words = told_in_openers(written, keys)
    return likeness(theirs, words), " ".join(sorted(theirs & words)[:8])


def _tells_apart(theirs: set[str], written: Sequence[Node], keys: frozenset[str]) -> bool:
    return any(weight(word) >= STRONG for word in theirs & told_in_openers(written, keys))


def _clearest(scored: Scored, answer: Node) -> Join | None:
    scored.sort(key=lambda s: (-s[0], s[1].index))
    if not scored or (len(scored) > 1 and scored[0][0] < scored[1][0] * _CLEARLY):
        return None
    return Join(answer, *scored[0][1:])


def _exchange(group: Group, answer: Node, person: str) -> list[Node]:
    """What we wrote to a person of a vendor's, and the person to us, in a case that still goes on."""
    written = [m for m in _of_late(group, answer) if m.author == person or (m.side == "team" and person in m.to)]
    return written if any(m.side == "team" and m.origin != "quoted" for m in written) else []


def _exchange_with_vendor(group: Group, answer: Node, vendor: str | None) -> list[Node]:
    """What we and a vendor wrote to each other in a case that still goes on, and the reports it is about.

    The vendor's receipt repeats what we asked in a portal."""
    late = _of_late(group, answer, receipts=True)
    if not any(vendor in (m.vendor if m.side == "vendor" else None, m.to_vendor) for m in late):
        return []
    return [m for m in late if m.side != "unknown"]


def _of_late(group: Group, answer: Node, *, receipts: bool = False) -> list[Node]:
    if group.pinned is not None or group.settled(answer.at):
        return []
    late = [m for m in group.members if -EARLY <= answer.at - m.at <= WAIT]
    return [m for m in late if not m.automatic or (receipts and m.side == "vendor" and m.automatic == "auto_reply")]
