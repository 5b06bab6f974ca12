"""Strong evidence: the messages and cases that a message refers to, and the messages that refer to it.

A link works in both directions. Two messages that name the same Message-ID or number are linked even if no message
with it has arrived yet. So the order of arrival makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from service.cases.facts.message_facts import MessageFacts
from service.cases.placement.identity import same_base
from service.cases.placement.keys import cited_ids, key_of, thread_index_keys
from service.cases.placement.known import Known

Kind = Literal[
    "person",
    "same",
    "token",
    "bounce",
    "vendor_ref",
    "in_reply_to",
    "references",
    "recovered",
    "case_key",
    "thread_index",
    "mention",
    "content",
    "new",
]
"""Kinds of evidence, strongest first (``new``: none). docs/placement.md explains each."""


@dataclass(frozen=True, slots=True)
class Link:
    """One piece of strong evidence."""

    kind: Kind
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
    to_new_topic = any(link.other is not None and link.other.fresh for link in parents)
    if to_new_topic:
        yield from parents
    yield from _by_number(node, known)
    if not to_new_topic:
        yield from parents
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


def _to_id(node: MessageFacts, mid: str, kind: Kind, known: Known) -> Iterator[Link]:
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


def _by_number(node: MessageFacts, known: Known) -> Iterator[Link]:
    for vendor, ref in stated_numbers(node):
        key = key_of("ref", vendor, ref)
        for other in (*known.owners(key), *known.citing(key)):
            if (vendor, ref) in stated_numbers(other):
                yield Link("vendor_ref", f"{vendor} {ref}", other=other)
        for other in known.citing(key_of("num", ref)):
            if ref in other.numbers and _fits(other, vendor):
                yield Link("vendor_ref", f"{vendor} {ref}", other=other)
    for number in node.numbers:
        key = key_of("num", number)
        for other in (*known.owners(key), *known.citing(key)):
            for vendor, ref in stated_numbers(other):
                if ref == number and _fits(node, vendor):
                    yield Link("vendor_ref", f"{vendor} {number}", other=other)


def stated_numbers(node: MessageFacts) -> tuple[tuple[str, str], ...]:
    """The vendors' numbers that a message states. The only one of a vendor's own mail counts without a label, too."""
    own = node.side == "vendor" and not (node.automatic or node.tells_previous) and len(node.mentioned) == 1
    return node.mentioned if own and not node.stated and node.mentioned[0][0] == node.company else node.stated


def _mentions(node: MessageFacts, known: Known) -> Iterator[Link]:
    """Yield links by a number that one message states and the other mentions as its topic."""
    for vendor, ref in node.stated:
        keys = (key_of("ref", vendor, ref), key_of("num", ref))
        for speaker in {n.id: n for key in keys for n in known.citing(key)}.values():
            if speaks_of(speaker, vendor, ref):
                yield Link("mention", f"{vendor} {ref}", other=speaker)
    cited = [key_of("ref", *pair) for pair in node.mentioned] + [key_of("num", number) for number in node.told]
    for other in {n.id: n for key in cited for n in known.owners(key)}.values():
        for vendor, ref in other.stated:
            if speaks_of(node, vendor, ref):
                yield Link("mention", f"{vendor} {ref}", other=other)


def speaks_of(node: MessageFacts, vendor: str, ref: str) -> bool:
    """Whether the number that a mail mentions is its topic: the only number, and not one of a previous case.

    A partner's mail may also state a number of its own.
    """
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
    if owners and (_is_uncertain(node) or not all(map(_is_uncertain, owners))):
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


def _is_uncertain(node: MessageFacts) -> bool:
    return node.side == "unknown" or node.doubted


def _fits(node: MessageFacts, vendor: str) -> bool:
    """Whether a number without a label may belong to this vendor."""
    return vendor in node.companies or node.side in ("team", "requester")
