"""Strong evidence: references between messages, in both directions.

A link works in both directions. Two messages that name the same Message-ID or number are linked, even if the message
with this Message-ID has not arrived yet. So the order of arrival makes no difference.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.cases.facts.message_facts import MessageFacts
from service.cases.placement.identity import same_base
from service.cases.placement.keys import cited_ids, key_of, thread_index_keys
from service.cases.placement.known import Known

_FROM_FIRST_DIGIT = re.compile(r"[0-9].*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Link:
    """One piece of strong evidence."""

    kind: str  # see docs/placement.md
    words: str  # the id, number or key that makes the link
    case: int | None = None  # the linked case, if the link names no message
    other: MessageFacts | None = None  # the linked message
    incoming: bool = False  # whether the other message refers to this message, not the reverse


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


def _by_number(node: MessageFacts, known: Known) -> Iterator[Link]:
    """Yield links to the messages that state the same numbers.

    A message with several numbers of one kind links only to messages with exactly the same numbers of this kind.
    """
    for vendor, ref in stated_numbers(node):
        own = _same_kind(vendor, ref, node)
        for other in known.naming(key_of("ref", vendor, ref)):
            if _same_kind(vendor, ref, other) == own:
                yield Link("vendor_ref", f"{vendor} {ref}", other=other)


def _same_kind(vendor: str, ref: str, node: MessageFacts) -> set[str]:
    """Return the vendor's numbers in a message that begin with the same letters as ``ref``.

    A mail about one case may state several kinds of numbers, such as INC0010023 and MSG0020077.
    """
    kind = _FROM_FIRST_DIGIT.sub("", ref)
    return {its for whose, its in stated_numbers(node) if whose == vendor and _FROM_FIRST_DIGIT.sub("", its) == kind}


def stated_numbers(node: MessageFacts) -> tuple[tuple[str, str], ...]:
    """Return (vendor, number) of the case numbers that a message states as numbers of its own case.

    A number that is only mentioned counts if it is the single number of a vendor's mail, and a number of this vendor.
    It does not count in automatic mail, or if the mail names an earlier case.
    """
    own = node.side == "vendor" and not (node.automatic or node.tells_previous) and len(node.mentioned) == 1
    return node.mentioned if own and not node.stated and node.mentioned[0][0] == node.company else node.stated


def _mentions(node: MessageFacts, known: Known) -> Iterator[Link]:
    """Yield links by numbers that both messages contain. At least one message must state the number as its own."""
    numbers = dict.fromkeys((*(ref for _, ref in node.stated), *node.told)) if _names_one_matter(node) else ()
    for number in numbers:
        for other in filter(_names_one_matter, known.naming(key_of("num", number))):
            if any(number in (*n.matter_numbers, *(ref for _, ref in n.stated)) for n in (node, other)):
                vendors = {v for n in (node, other) for v, ref in (*n.stated, *n.mentioned) if ref == number}
                vendor = "" if len(vendors) != 1 else f"{min(vendors)} "
                yield Link("mention", f"{vendor}{number}", other=other)


def _names_one_matter(node: MessageFacts) -> bool:
    """Whether a message names no earlier case, and at most one number of each vendor and of an unknown vendor."""
    vendors, refs = {vendor for vendor, _ in node.stated}, {ref for _, ref in node.stated}
    return not node.tells_previous and len(vendors) == len(node.stated) and len({*node.matter_numbers} - refs) <= 1


def _incoming(node: MessageFacts, known: Known) -> Iterator[Link]:
    """Yield links to earlier messages that refer to this one."""
    if not node.message_id:
        return
    key = key_of("mid", node.message_id)
    owners = [other for other in known.owners(key) if other.id != node.id]
    uncertain = [one.side == "unknown" or one.doubted for one in (node, *owners)]
    if owners and (uncertain[0] or not all(uncertain)):
        return  # the references mean the message that had the id first
    for other in (one for one in known.citing(key) if one.id != node.id):
        if node.message_id in other.parents:
            yield Link("in_reply_to", node.message_id, other=other, incoming=True)
        elif node.message_id == other.bounced:
            yield Link("bounce", node.message_id, other=other, incoming=True)
        elif node.message_id in other.refs and same_base(node, other):
            yield Link("references", node.message_id, other=other, incoming=True)
