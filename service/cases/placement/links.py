"""Strong evidence: which messages or cases a message points to, and which point to it. Strongest first.

A link holds in both directions, and a Message-ID or number that nobody has yet is a placeholder: two messages that
name it meet there. So what arrives first makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from service.cases.facts.message_facts import MessageFacts
from service.cases.placement.keys import cited_ids, mid_key, number_key, ref_key, thread_index_key
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
"""Evidence, strongest first (``new``: none). docs/placement.md explains each."""


@dataclass(frozen=True, slots=True)
class Link:
    """One piece of strong evidence."""

    kind: Kind
    words: str
    """The id, number or key it rests on."""
    case: int | None = None
    """The case it names, where it names no message."""
    other: MessageFacts | None = None
    """The message at the other end."""
    incoming: bool = False
    """The other message names this one: its word, not ours."""


def links_of(node: MessageFacts, known: Known) -> Iterator[Link]:
    """Every link of a message, strongest first; a link may lead to the message's own case."""
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
    if node.thread_index and node.base:
        for other in known.owners(thread_index_key(node)):
            yield Link("thread_index", node.thread_index, other=other)
    yield from _mentions(node, known)
    yield from _incoming(node, known)


def reused_id(node: MessageFacts, known: Known) -> bool:
    """Whether another mail bears this Message-ID already."""
    return bool(node.message_id) and any(other.id != node.id for other in known.bearing(node.message_id or ""))


def _to_id(node: MessageFacts, mid: str, kind: Kind, known: Known) -> Iterator[Link]:
    owners = [other for other in known.bearing(mid) if other.id != node.id]
    if kind == "references":  # whoever writes about something else in an old thread carries its References along
        owners = [other for other in owners if _same_base(node, other)]
    if owners:
        best = min(owners, key=lambda n: (n.doubted, not _same_base(node, n), n.side == "unknown", n.id))
        yield Link(kind, mid, other=best)
        return
    for other in known.citing(mid_key(mid)):
        answers = mid in other.parents or mid == other.bounced
        if other.id != node.id and ((answers and kind != "references") or _same_base(node, other)):
            yield Link(kind, mid, other=other)


def _by_number(node: MessageFacts, known: Known) -> Iterator[Link]:
    for vendor, ref in node.stated:
        for other in known.owners(ref_key(vendor, ref)):
            if (vendor, ref) in other.stated:
                yield Link("vendor_ref", f"{vendor} {ref}", other=other)
        for other in known.citing(number_key(ref)):
            if ref in other.numbers and _fits(other, vendor):
                yield Link("vendor_ref", f"{vendor} {ref}", other=other)
    for number in node.numbers:
        for other in known.owners(number_key(number)):
            for vendor, ref in other.stated:
                if ref == number and _fits(node, vendor):
                    yield Link("vendor_ref", f"{vendor} {number}", other=other)


def _mentions(node: MessageFacts, known: Known) -> Iterator[Link]:
    """A number that one of the two states and the other mentions as the matter at hand."""
    for vendor, ref in node.stated:
        keys = (ref_key(vendor, ref), number_key(ref))
        for speaker in {n.id: n for key in keys for n in known.citing(key)}.values():
            if speaks_of(speaker, vendor, ref):
                yield Link("mention", f"{vendor} {ref}", other=speaker)
    for other in _staters(node, known):
        for vendor, ref in other.stated:
            if speaks_of(node, vendor, ref):
                yield Link("mention", f"{vendor} {ref}", other=other)


def _staters(node: MessageFacts, known: Known) -> Iterator[MessageFacts]:
    keys = [ref_key(*pair) for pair in node.mentioned] + [number_key(number) for number in node.told]
    yield from (known.nodes[i] for i in dict.fromkeys(n.id for key in keys for n in known.owners(key)))


def speaks_of(node: MessageFacts, vendor: str, ref: str) -> bool:
    """Whether a mail that mentions a number means it as its matter: the only one, and of no former case.

    A partner may state a number of his own beside it.
    """
    own = {v for v, _ in node.stated}
    if vendor in own or node.tells_previous or node.automatic or node.side == "unknown":
        return False
    mentioned = [pair for pair in node.mentioned if pair[0] not in own]
    if mentioned:
        return len(mentioned) == 1 and mentioned[0][1] == ref
    return node.told == (ref,) and not node.stated and _fits(node, vendor)


def _incoming(node: MessageFacts, known: Known) -> Iterator[Link]:
    """Messages that came before and name this one."""
    if not node.message_id:
        return
    owners = [other for other in known.bearing(node.message_id) if other.id != node.id]
    if any(other.side != "unknown" and not other.doubted for other in owners):
        return  # they answer the message that bore the id first
    if owners and (node.side == "unknown" or node.doubted):
        return
    for other in known.citing(mid_key(node.message_id)):
        if other.id == node.id:
            continue
        if node.message_id in other.parents:
            yield Link("in_reply_to", node.message_id, other=other, incoming=True)
        elif node.message_id == other.bounced:
            yield Link("bounce", node.message_id, other=other, incoming=True)
        elif node.message_id in other.refs and _same_base(node, other):
            yield Link("references", node.message_id, other=other, incoming=True)


def _same_base(one: MessageFacts, other: MessageFacts) -> bool:
    return one.base == other.base or not one.has_subject or not other.has_subject


def _fits(node: MessageFacts, vendor: str) -> bool:
    """Whether a number without a label may be this vendor's."""
    return vendor in node.companies or node.side in ("team", "requester")
