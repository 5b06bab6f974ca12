"""Strong evidence: what a message refers to and what refers to it, and the reasons not to follow such a link.

A link works in both directions. Two messages that name the same Message-ID or number are linked even if no message
with it has arrived yet. So the order of arrival makes no difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.trust import Participants, may_name
from service.cases.placement.identity import same_base
from service.cases.placement.keys import cited_ids, key_of, thread_index_keys
from service.cases.placement.known import CaseFacts, Known, leaves_topic

NEW_TOPIC = "its author begins a new topic"
SETTLED = "the case was settled too long ago"
UNKNOWN_SENDER_CLAIMS = "only an unknown sender names this case"
FORGED = "the sender is not verified"
TWO_NUMBERS = "the mail states the numbers of several cases"
_BY_ID = ("in_reply_to", "references", "bounce")
_BY_NUMBER = ("vendor_ref", "mention", "thread_index")


@dataclass(frozen=True, slots=True)
class Link:
    """One piece of strong evidence."""

    kind: str
    """See docs/placement.md."""
    words: str
    """The id, number or key that it is based on."""
    case: int | None = None
    """The case that it names, if it names no message."""
    other: MessageFacts | None = None
    """The message that it links to."""
    incoming: bool = False
    """Whether the other message refers to this one, not the reverse."""


def links_of(node: MessageFacts, known: Known) -> Iterator[Link]:
    """Yield every link of a message, strongest first; a link may lead to the message's own case."""
    if node.token is not None:
        yield Link("token", str(node.token), case=node.token)
    if node.bounced:
        yield from _to_id(node, node.bounced, "bounce", known)
    parents = [link for mid in node.parents for link in _to_id(node, mid, "in_reply_to", known)]
    numbers = list(_by_number(node, known))
    to_new_topic = any(link.other is not None and link.other.fresh for link in parents)
    yield from (*parents, *numbers) if to_new_topic else (*numbers, *parents)
    for mid in cited_ids(node):
        if mid not in node.parents and mid != node.bounced:
            yield from _to_id(node, mid, "references", known)
    for held in node.holds:
        if held in known.nodes:
            yield Link("recovered", "", other=known.nodes[held])
    for case in node.claims:
        yield Link("case_key", str(case), case=case)
    for key in thread_index_keys(node):
        yield from (Link("thread_index", node.thread_index or "", other=other) for other in known.owners(key))
    yield from _mentions(node, known)
    yield from _incoming(node, known)


def _to_id(node: MessageFacts, mid: str, kind: str, known: Known) -> Iterator[Link]:
    key = key_of("mid", mid)
    owners = [other for other in known.owners(key) if other.id != node.id]
    if kind == "references":  # a new topic in an old thread still carries its References
        owners = [other for other in owners if same_base(node, other)]
    if owners:
        best = min(owners, key=lambda n: (n.doubted, not same_base(node, n), n.side == "unknown", n.id))
        yield Link(kind, mid, other=best)
        return
    for other in known.citing(key):
        answers = mid in other.parents or mid == other.bounced
        if other.id != node.id and ((answers and kind != "references") or same_base(node, other)):
            yield Link(kind, mid, other=other)


def _numbers(node: MessageFacts, known: Known) -> Iterator[tuple[MessageFacts, str, str]]:
    """Yield the messages that share a number with this one, its vendor and the number; one of the two states it."""
    pairs = (*node.stated, *node.mentioned)
    keys = [key_of("ref", *pair) for pair in pairs]
    keys += [key_of("num", number) for number in (*(ref for _, ref in pairs), *node.numbers, *node.told)]
    for other in {n.id: n for key in keys for n in (*known.owners(key), *known.citing(key))}.values():
        for vendor, ref in dict.fromkeys((*stated_numbers(node), *stated_numbers(other))):
            yield other, vendor, ref


def _by_number(node: MessageFacts, known: Known) -> Iterator[Link]:
    for other, vendor, ref in _numbers(node, known):
        if _states(node, vendor, ref) and _states(other, vendor, ref):
            yield Link("vendor_ref", f"{vendor} {ref}", other=other)


def _states(node: MessageFacts, vendor: str, ref: str) -> bool:
    return (vendor, ref) in stated_numbers(node) or (ref in node.numbers and _fits(node, vendor))


def stated_numbers(node: MessageFacts) -> tuple[tuple[str, str], ...]:
    """The vendors' numbers that a message states. The only one of a vendor's own mail counts without a label, too."""
    own = node.side == "vendor" and not (node.automatic or node.tells_previous) and len(node.mentioned) == 1
    return node.mentioned if own and not node.stated and node.mentioned[0][0] == node.company else node.stated


def _mentions(node: MessageFacts, known: Known) -> Iterator[Link]:
    """Yield links by a number that one message states and the other mentions as its topic."""
    for other, vendor, ref in _numbers(node, known):
        if any((vendor, ref) in a.stated and speaks_of(b, vendor, ref) for a, b in ((node, other), (other, node))):
            yield Link("mention", f"{vendor} {ref}", other=other)


def speaks_of(node: MessageFacts, vendor: str, ref: str) -> bool:
    """Whether the number that a mail mentions is its topic: the only number, and not one of a previous case."""
    if node.tells_previous or node.automatic or node.side == "unknown" or vendor in {v for v, _ in node.stated}:
        return False
    own = {number for _, number in node.stated}
    labelled = {number for _, number in node.mentioned} - own
    if labelled:
        return labelled == {ref}
    partner = node.side == "vendor"  # only a partner may state his own number beside it
    return {*node.told} - own == {ref} and (partner or not own) and _fits(node, vendor)


def _incoming(node: MessageFacts, known: Known) -> Iterator[Link]:
    """Yield links to earlier messages that refer to this one."""
    if not node.message_id:
        return
    key = key_of("mid", node.message_id)
    owners = [other for other in known.owners(key) if other.id != node.id]
    uncertain = [one.side == "unknown" or one.doubted for one in (node, *owners)]
    if owners and (uncertain[0] or not all(uncertain)):
        return  # they answer the message that had the id first
    for other in known.citing(key):
        if other.id == node.id:
            continue
        if node.message_id in other.parents:
            yield Link("in_reply_to", node.message_id, other=other, incoming=True)
        elif node.message_id == other.bounced:
            yield Link("bounce", node.message_id, other=other, incoming=True)
        elif node.message_id in other.refs and same_base(node, other):
            yield Link("references", node.message_id, other=other, incoming=True)


def _fits(node: MessageFacts, vendor: str) -> bool:
    """Whether a number without a label may belong to this vendor."""
    return vendor in node.companies or node.side in ("team", "requester")


def objection(
    node: MessageFacts, link: Link, case: CaseFacts, members: Collection[MessageFacts], reopen: timedelta
) -> str:
    """Return why ``node`` must not follow a link into a case; empty if it may.

    ``members``: the loaded messages of the case; ``reopen``: how long after its last mail a resolved case accepts mail.
    """
    other = link.other
    inner = link.kind == "recovered" and other is not None and other.origin in ("forwarded", "attached")
    speaker = other if link.incoming and other is not None else node
    if (node.doubted and link.kind not in (*_BY_ID, "token")) or (link.incoming and speaker.doubted):
        return FORGED
    if leaves_topic(speaker) and link.kind not in ("token", "bounce", "case_key") and not inner:
        return NEW_TOPIC
    if other is not None and link.kind in _BY_NUMBER and (leaves_topic(other) or other.doubted):
        return NEW_TOPIC if leaves_topic(other) else FORGED
    if link.kind == "case_key" and not may_name(node, participants_of(case, members)):
        return UNKNOWN_SENDER_CLAIMS
    if other is not None and link.kind in ("vendor_ref", "mention") and not _may_name(node, other, link.words):
        return UNKNOWN_SENDER_CLAIMS
    if not node.automatic and not inner and case.settled_at is not None and node.at - case.settled_at > reopen:
        return SETTLED
    return ""


def _may_name(one: MessageFacts, other: MessageFacts, number: str) -> bool:
    """Whether a number may join two mails.

    Mail of an unknown sender or partner joins only mail that they wrote or received, or by a partner's own number.
    """
    pairs = ((one, other), (other, one))
    return all(
        not a.is_outsider
        or (a.partner is not None and number.startswith(f"{a.partner} "))
        or (a.author and a.author in (b.author, *b.to, *b.cc))
        for a, b in pairs
    )


def participants_of(case: CaseFacts, members: Collection[MessageFacts]) -> Participants:
    """Return the participants of a case, as far as its loaded messages and its facts show."""
    participants = Participants(people={*case.people}, vendors={vendor for vendor, _ in case.refs})
    for member in members:
        if member.trusted and (member.side != "unknown" or not case.guarded):
            participants.add(member, member.side)
    return participants


def takes_part(node: MessageFacts, case: CaseFacts, members: Collection[MessageFacts]) -> bool:
    """Whether the author takes part in the case."""
    return participants_of(case, members).knows(node, node.side)


def numbers_at_odds(one: CaseFacts, other: CaseFacts) -> bool:
    """Whether the two cases have numbers of the same vendor but none in common."""
    vendors = {v for v, _ in one.refs} & {v for v, _ in other.refs}
    return any(
        {r for v, r in one.refs if v == vendor}.isdisjoint(r for v, r in other.refs if v == vendor)
        for vendor in vendors
    )
