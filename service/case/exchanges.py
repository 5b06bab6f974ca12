"""An exchange with a vendor goes on without header or number: under a subject of its own, or by another person."""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.case.group import Group, Groups
from service.case.keys import content_keys
from service.case.node import Node
from service.case.reach import EARLY, WAIT, Alive, Join, Scored, clearest, names_writer, told_in_openers
from service.case.reports import fresh_inquiry
from service.case.words import IDENTIFIER, STRONG, likeness_of_runs, together, weight

_SALES = re.compile(
    r"見積|満了|更新のご?案内|セミナー|ウェビナー|キャンペーン|展示会|休業|webinar|quotation|offer|renewal|promotion"
    r"|newsletter|unsubscribe|advisory|accountmanager|^(?:please)?join(?!ing|t)|joinus|signup|配信停止"
)
"""What a vendor's people write of a product at any time (in a squashed text)."""
_NOTICE = re.compile(
    r"お知らせ|注意喚起|アンケート|メンテナンス|ご案内|リリースノート|releasenotes|survey|maintenance|what.snew|changesin|announc"
)
"""What a vendor's people write to all its customers (in a squashed text)."""
_TAKES_OVER = re.compile(
    r"(?:より|から)(?:担当を)?引き?継(?:ぎ(?:ました|まして|ましたので)|いで|がせて)|itookoverfrom|i(?:have|'ve)takenover(?:your|this|it|from)"
    r"|i(?:am|'m)takingover(?:your|this|it|from)|handedovertome|passed(?:it|this)?(?:on)?tome"
)
"""A vendor's person says that a colleague's matter is his now (in a squashed text)."""
_CONTRACT = re.compile(r"contract|契約|renew|invoice|請求書")
_COMMERCE = ("billing", "howto", "request")
"""Kinds of what a vendor's people write of a product at any time."""
_OPENING = 60
"""Characters of a squashed text in which its writer greets."""
_ENOUGH = 3.0
"""The weight of what a person's mail must share with the exchange in which he wrote or was written to, where an
identifier, a code or a figure is among it."""
_PLAIN = 6.0
"""The same where none is: an invoice or a visit names the thing as well."""
_BESIDE = 3
"""So many words more must another person of the vendor's share: machine, place and contract are named at any time."""
_CAUSE = 6.0
"""The weight of the words that a request for the cause must share with the exchange that it asks about."""
_CLEARLY = 1.5
"""So many times what the next best shares."""


def goes_on(candidates: Sequence[Group], answer: Node, keys: frozenset[str]) -> Join | None:
    """The one exchange with this very person that shares telling words beside those of a subject; else the one with the
    vendor, of those to whom he writes, that shares an identifier and more."""
    scored: Scored = []
    beside = set(answer.words) - set(answer.subject_words)
    for other in candidates:
        written = _exchange(other, answer)
        if written and not _of_contracts(answer):
            # the vendor's first mail names the thing, what he wrote himself may not
            his = {m.id for m in written}
            late = _exchange_with_vendor(other, answer, answer.vendor)
            written = [m for m in late if m.id in his or m.side == "vendor"]
        score, words = _shared(beside, written, keys)
        if words and answer.base and any(m.base == answer.base for m in written):
            score += 2.0
        told = beside & told_in_openers(written, keys)
        if words and score >= (_ENOUGH if any(weight(word) >= STRONG for word in told) else _PLAIN):
            pointed = next((m for m in reversed(written) if answer.author in m.to), written[-1])
            scored.append((score, other, pointed, words))
    return clearest(scored, answer, _CLEARLY) if scored else _taken_over(candidates, answer, keys)


def _taken_over(candidates: Sequence[Group], answer: Node, keys: frozenset[str]) -> Join | None:
    """Several people write for a vendor: another one than was asked takes over, under a subject of his own. What a
    vendor's people write of a product at any time, offers and invitations, shares no more than its name, unless it is
    that very thing which the exchange is about, or its writer says that he takes over."""
    follows = bool(_TAKES_OVER.search(answer.text)) and "accountmanager" not in answer.text
    if answer.kind in _COMMERCE and not follows:
        return None
    scored: Scored = []
    theirs = {*answer.words, *answer.subject_words}
    for other in candidates:
        written = _exchange_with_vendor(other, answer, answer.vendor)
        score, words = _shared(theirs, written, keys)
        if words:
            scored.append((score, other, written[-1], words))
    join = clearest(scored, answer, _CLEARLY)
    if join is None:
        return None
    written = [m for m in _exchange_with_vendor(join.group, answer, answer.vendor) if keys & content_keys(m)]
    told = [m for m in written if m.side != "requester" or m.to_vendor]
    people = {p for m in told for p in (*m.to, *m.cc, *(() if m.side == "vendor" else (m.author,)))}
    known = told_in_openers(written, keys)
    sells = not known.issuperset(_SALES.findall(answer.text)) or answer.kind in _COMMERCE
    if not people & {*answer.to, *answer.cc} or (sells and not follows):
        return None
    common = theirs & known
    beside = common - {word for m in written for word in m.subject_words}
    if not sells and _much(beside):
        return join
    named = any(m.side == "requester" and names_writer(answer, m) for m in written)
    if named and not sells and beside and len(together(common)) > _BESIDE:
        return join
    asked = any(m.side == "team" and m.to_vendor == answer.vendor and _greets(answer, m) for m in written)
    waits = asked and not join.group.settled(answer.at) and not _NOTICE.search(answer.text)
    return join if waits and _answers_in_plain_words(scored, common, beside) else None


def _answers_in_plain_words(scored: Scored, common: set[str], beside: set[str]) -> bool:
    """Whoever asked is answered: much is shared, twice as much as with any other exchange, beside the subject too."""
    best, *rest = sorted((score for score, *_ in scored), reverse=True)
    clear = not rest or best >= 2 * rest[0]
    return clear and best >= _PLAIN and len(together(common)) > _BESIDE and len(together(beside)) >= 2


def _greets(answer: Node, asked: Node) -> bool:
    """Whether a mail is written to whoever asked, and by name."""
    names = [part for part in asked.author_name.casefold().replace(",", " ").split() if len(part) > 1]
    return asked.author in answer.to and any(name in answer.text[:_OPENING] for name in names)


def _of_contracts(answer: Node) -> bool:
    return answer.kind in _COMMERCE or bool(_SALES.search(answer.text)) or bool(_CONTRACT.search(answer.text))


def asks_for_the_cause(groups: Groups, others: Sequence[Group], group: Group, alive: Alive) -> Join | None:
    """Our mail to a vendor that asks for the cause of what is over, under a new subject: the exchange about that."""
    ours = fresh_inquiry(group)
    if ours is None or ours.kind != "rca" or not (keys := alive.of(ours)):
        return None
    scored: Scored = []
    for other in alive.near(groups, others, group, keys):
        written = [m for m in _exchange_with_vendor(other, ours, ours.to_vendor) if m.at < ours.at]
        score, words = _shared({*ours.words, *ours.subject_words}, written, keys)
        if words:
            scored.append((score, other, written[-1], words))
    join = clearest(scored, ours, _CLEARLY, least=_CAUSE)
    if join is None:
        return None
    told = told_in_openers(_exchange_with_vendor(join.group, ours, ours.to_vendor), keys)
    return join if any(weight(word) >= STRONG for word in told & {*ours.words, *ours.subject_words}) else None


def _much(shared: set[str]) -> bool:
    """An identifier, or two figures such as the minutes at which a fault began and ended; and more."""
    identifiers = {word for word in shared if weight(word) >= IDENTIFIER}
    figures = {word for word in shared if STRONG <= weight(word) < IDENTIFIER}
    if len(figures) >= 2:
        return len(together(shared)) > len(figures)
    return bool(identifiers) and len(together(shared)) >= len(identifiers) + _BESIDE


def _shared(theirs: set[str], written: Sequence[Node], keys: frozenset[str]) -> tuple[float, str]:
    words = told_in_openers(written, keys)
    return likeness_of_runs(theirs, words), " ".join(sorted(theirs & words)[:8])


def _exchange(group: Group, answer: Node) -> list[Node]:
    """What we wrote to this person of a vendor's, and he to us, in a case that still goes on."""
    if group.settled(answer.at):
        return []
    who = answer.author
    written = [m for m in _of_late(group, answer) if m.author == who or (m.side == "team" and who in m.to)]
    return written if any(m.side == "team" and m.origin != "quoted" for m in written) else []


def _exchange_with_vendor(group: Group, answer: Node, vendor: str | None) -> list[Node]:
    """What we and a vendor wrote to each other of late, and the reports it is about; a settled case may be spoken of.

    The vendor's receipt repeats what we asked in a portal."""
    late = _of_late(group, answer, receipts=True)
    if not any(vendor in (m.vendor if m.side == "vendor" else None, m.to_vendor) for m in late):
        return []
    return [m for m in late if m.side != "unknown"]


def _of_late(group: Group, answer: Node, *, receipts: bool = False) -> list[Node]:
    if group.pinned is not None:
        return []
    late = [m for m in group.members if -EARLY <= answer.at - m.at <= WAIT]
    return [m for m in late if not m.automatic or (receipts and m.side == "vendor" and m.automatic == "auto_reply")]
