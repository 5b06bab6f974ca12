"""Whose mails move a case: the law of trust, applied when a case is judged and when a mail is placed.

==================================================  ==========================================================
written by                                          moves the case
==================================================  ==========================================================
our own people, sender verified or local            always; names a case by its key only when verified
our own people, sender not verified                 only as the mail that opens the case, or by a signed token
somebody else's name (DMARC failed)                 never
the case's own vendor                               yes: a vendor that our people wrote to or name; or the number is
                                                    the case's, which has no other vendor; a hosted desk only from a
                                                    tenant seen in the case
somebody to whom mail of the case was sent          yes; also another address of a company that our people wrote to
anybody else                                        only as the mail that opens the case, or by a signed token
==================================================  ==========================================================

A mail that moves nothing is filed and shown. What was found inside a mail counts as that mail does. The answer does not
depend on the order of arrival, except between two mails that both could have opened the case: then the first received.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from service.cases.facts.freemail import is_freemail
from service.cases.facts.message_facts import MessageFacts

Doubt = Literal["forged", "unverified", "outsider"]
"""Why a message does not count."""
OURS = ("team", "requester")
BY_ITSELF = frozenset({"vendor_ref", "mention", "content", "person"})
"""Evidence that a vendor's mail brings in its own number or words; a header or a key can be copied from any mail."""
_GENERIC = frozenset("ac ad co com ed edu go gob gov gr lg ne net or org".split())
"""Labels before a country's, as in ``acme.co.jp``: they name no company."""


@dataclass(slots=True)
class Company:
    """Who takes part in a case, by the messages that count."""

    people: set[str] = field(default_factory=set)
    """Addresses of authors and recipients."""
    asked: set[str] = field(default_factory=set)
    """Domains that our own people wrote to, without consumer mail providers."""
    vendors: set[str] = field(default_factory=set)
    """Vendors that wrote or were written to, or whose number is stated."""
    makers: set[str] = field(default_factory=set)
    """Vendors whose product is named."""

    def add(self, node: MessageFacts, side: str) -> None:
        """Take in a message that counts."""
        self.people.update(address for address in (node.author, *node.to, *node.cc) if address)
        if side in OURS:
            domains = {_domain(address) for address in (*node.to, *node.cc)} - {_domain(node.author)}
            self.asked |= {domain for domain in domains if domain and not is_freemail(domain)}
        self.vendors |= {vendor for vendor in (node.vendor, node.to_vendor) if vendor}
        self.vendors |= {vendor for vendor, _ in (*node.stated, *node.mentioned)}
        if node.maker:
            self.makers.add(node.maker)

    def knows(self, node: MessageFacts, side: str) -> bool:
        """Whether the author of a message takes part, under a name that can be believed."""
        if node.doubted or not node.author:
            return False
        if node.author in self.people:
            return True
        domain = _domain(node.author)
        if side == "vendor":
            if node.hosted:
                return self._has_desk(domain) or node.partner in self.asked
            if not node.partner:
                return node.vendor in self.vendors or node.vendor in self.makers
        return domain in self.asked or node.partner in self.asked

    def has_no_other(self, node: MessageFacts) -> bool:
        """Whether the case has no vendor but the author's, and no other tenant of the host of its desk."""
        if self.vendors - {node.vendor}:
            return False
        domain = _domain(node.author)
        host = domain.partition(".")[2]
        desks = {seen for seen in map(_domain, self.people) if seen.partition(".")[2] == host} if node.hosted else set()
        return desks <= {domain}

    def _has_desk(self, domain: str) -> bool:
        """Whether a tenant at a host of help desks is one of the case's: seen in it, or named as a company is that our
        people wrote to (``acme.zendesk.com`` of ``acme.example``)."""
        tenant = domain.partition(".")[0]
        named = {_company_label(asked) for asked in self.asked if not asked.endswith(f".{domain}")}
        return tenant in named or domain in map(_domain, self.people)


def doubts(
    nodes: Sequence[MessageFacts], sides: Mapping[int, str], received: Mapping[int, datetime]
) -> dict[int, Doubt]:
    """The messages of a case that move nothing, each with the reason. ``nodes`` in the order of writing; ``sides``:
    message → side of its author; ``received``: message → when it was received."""
    if all(_is_ours(node, sides[node.id]) for node in nodes):
        return {}
    company = Company()
    counted: set[int] = set()
    pending = list(nodes)
    opener = _opener(nodes, received)
    outers: dict[int, list[MessageFacts]] = {}
    for node in nodes:
        for inner in node.holds:
            outers.setdefault(inner, []).append(node)

    def counts(node: MessageFacts) -> bool:
        if node.origin != "delivered" and outers.get(node.id):
            around = [outer for outer in outers[node.id] if outer.id in counted]
            return _inner_counts(sides[node.id], around, sides, opener)
        return _counts(node, sides[node.id], company, node.id == opener)

    def admit(good: Callable[[MessageFacts], bool]) -> bool:
        """Take in those that are good by now; whether there was one."""
        rest = []
        for node in pending:
            if good(node) and not node.forged:
                counted.add(node.id)
                company.add(node, sides[node.id])
            else:
                rest.append(node)
        found = len(rest) < len(pending)
        pending[:] = rest
        return found

    def by_own_number() -> set[int]:
        """Vendors' mails that count by their own number: asked last, when the case's own vendor is known.

        What was found inside a mail does not count: anybody can write what looks like a vendor's.
        """
        alone = [node for node in pending if node.origin == "delivered" or not outers.get(node.id)]
        return {node.id for node in alone if _brings_itself(node, sides[node.id], company)}

    while admit(counts) or ((fit := by_own_number()) and admit(lambda node: node.id in fit)):
        pass
    return {node.id: _reason(node, outers.get(node.id, ())) for node in pending}


def may_name(node: MessageFacts, company: Company) -> bool:
    """Whether its author may claim a case by its key, which anybody can guess."""
    if node.side in OURS:
        return node.trust != "local" and not node.doubted
    if node.side == "vendor" and node.vendor not in company.vendors and node.author not in company.people:
        return False
    return company.knows(node, node.side)


def answers(node: MessageFacts) -> tuple[str, ...]:
    """Message-IDs that a mail names as earlier ones."""
    return (*node.parents, *node.refs, *((node.bounced,) if node.bounced else ()))


def _is_ours(node: MessageFacts, side: str) -> bool:
    return side in OURS and not node.doubted and node.origin == "delivered" and not node.hands_on


def _counts(node: MessageFacts, side: str, company: Company, opens: bool) -> bool:
    if opens or _is_ours(node, side) or node.pinned is not None:
        return True
    if node.placed == "token" and node.token is not None:
        return True
    if node.joined is not None and not answers(node):
        return True  # it opened a case that a person united with this one
    return company.knows(node, side)


def _brings_itself(node: MessageFacts, side: str, company: Company) -> bool:
    """Whether a vendor's mail shows by its number or words that it is of this case, which knows no other vendor."""
    known = side == "vendor" and not node.partner
    return known and node.placed in BY_ITSELF and not node.doubted and company.has_no_other(node)


def _inner_counts(side: str, outers: Sequence[MessageFacts], sides: Mapping[int, str], opener: int | None) -> bool:
    """What was found inside mails. A stranger can write anything as a quote of ours."""
    return any(side not in OURS or sides[outer.id] != "unknown" or outer.id == opener for outer in outers)


def _opener(nodes: Sequence[MessageFacts], received: Mapping[int, datetime]) -> int | None:
    """The mail that opened the case: the first received of those that answer none of the others."""
    there = {node.message_id for node in nodes if node.message_id and not node.forged}
    first: tuple[datetime, int] | None = None
    for place, node in enumerate(nodes):
        if node.origin != "delivered" or node.forged or there.intersection(answers(node)):
            continue
        if first is None or (received[node.id], place) < first:
            first = (received[node.id], place)
    return None if first is None else nodes[first[1]].id


def _reason(node: MessageFacts, outers: Sequence[MessageFacts]) -> Doubt:
    for one in (node, *outers):
        if one.forged:
            return "forged"
        if one.trust == "unverified":
            return "unverified"
    return "outsider"


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _company_label(domain: str) -> str:
    """The label of a domain that names a company: ``acme`` of ``mail.acme.co.jp``."""
    labels = domain.split(".")[:-1]
    if len(labels) > 1 and labels[-1] in _GENERIC:
        labels.pop()
    return labels[-1] if labels else ""
