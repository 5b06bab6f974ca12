"""Decides which mails of a case count. Only a mail that counts can change the state of the case.

==================================================  ==========================================================
author                                              counts
==================================================  ==========================================================
our own people, sender verified or local            always; may name a case by its key only if verified
our own people, sender not verified                 only as the mail that opens the case, or with a signed token
a forged sender (DMARC failed)                      never
the vendor of the case                              if our people wrote to this vendor or named it; or if its own
                                                    case number or text put the mail here and the case has no other
                                                    vendor. Help desk providers: only customers seen in the case
somebody who received mail of the case              yes; also other addresses of a company that our people wrote to,
                                                    and of the vendor whose mail opened the case
anybody else                                        only as the mail that opens the case, or with a signed token
==================================================  ==========================================================

A mail that does not count is still filed and shown. A message found inside a mail counts if that mail counts. The
result does not depend on the order of arrival, with one exception: if two mails could have opened the case, the mail
received first opened it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from service.cases.facts.case_message import CaseMessage
from service.cases.facts.message_facts import MessageFacts, order_of
from service.cases.facts.roles import is_freemail, registered_domain

Doubt = Literal["forged", "unverified", "outsider"]  # why a message does not count
OURS = ("team", "requester")
BY_ITSELF = frozenset({"vendor_ref", "mention", "content", "person"})
"""Evidence that nobody can copy from another mail, in contrast to a header or case key."""


@dataclass(slots=True)
class Participants:
    """Participants of a case, collected from the messages that count."""

    people: set[str] = field(default_factory=set)  # addresses of authors and recipients
    companies: set[str] = field(default_factory=set)
    """Domains to which our own people wrote, and that of a vendor whose mail opened the case; no consumer providers."""
    vendors: set[str] = field(default_factory=set)  # vendors that wrote or received mail, or whose case number appears
    makers: set[str] = field(default_factory=set)  # makers of the products named

    def add(self, node: MessageFacts, side: str) -> None:
        """Add the participants of a message that counts."""
        self.people.update(address for address in (node.author, *node.to, *node.cc) if address)
        if side in OURS:
            self.add_companies({_domain(address) for address in (*node.to, *node.cc)} - {_domain(node.author)})
        self.vendors |= {vendor for vendor in (node.vendor, node.to_vendor) if vendor}
        self.vendors |= {vendor for vendor, _ in (*node.stated, *node.mentioned)}
        if node.maker:
            self.makers.add(node.maker)

    def add_companies(self, domains: Iterable[str]) -> None:
        """Add domains, without those of consumer providers."""
        self.companies |= {domain for domain in domains if domain and not is_freemail(domain)}

    def knows(self, node: MessageFacts, side: str) -> bool:
        """Whether the author, or the author's company, takes part in the case and is trusted."""
        if node.doubted or not node.author:
            return False
        if node.author in self.people:
            return True
        domain = _domain(node.author)
        if side == "vendor":
            if node.hosted:
                return self._has_desk(domain) or node.partner in self.companies
            if not node.partner:
                return node.vendor in self.vendors or node.vendor in self.makers
        return domain in self.companies or node.partner in self.companies

    def has_no_other(self, node: MessageFacts) -> bool:
        """Whether the author's vendor is the only vendor that takes part.

        Every customer of a help desk provider counts as a separate vendor.
        """
        if self.vendors - {node.vendor}:
            return False
        domain = _domain(node.author)
        host = domain.partition(".")[2]
        desks = {seen for seen in map(_domain, self.people) if seen.partition(".")[2] == host} if node.hosted else set()
        return desks <= {domain}

    def _has_desk(self, domain: str) -> bool:
        """Whether the help desk ``acme.zendesk.com`` takes part, or our people wrote to "acme"."""
        tenant = domain.partition(".")[0]
        named = {registered_domain(one).partition(".")[0] for one in self.companies if not one.endswith(f".{domain}")}
        return tenant in named or domain in map(_domain, self.people)


def counted(lines: Sequence[CaseMessage]) -> list[CaseMessage]:
    """Return the messages that count; all messages if none counts."""
    doubted = doubts(lines)
    return [line for line in lines if line.id not in doubted] or list(lines)


def doubts(lines: Sequence[CaseMessage]) -> dict[int, Doubt]:
    """Return message id → why the message does not count. ``lines``: sorted by time of writing."""
    if all(map(_is_ours, lines)):
        return {}
    participants = Participants()
    pending = {line.id: line for line in lines}
    opener = _opener(lines)
    opened_by = (line.node.author for line in lines if line.id == opener and line.author_side == "vendor")
    participants.add_companies(map(_domain, opened_by))
    outers: dict[int, list[CaseMessage]] = {}
    for line in lines:
        for inner in line.node.holds:
            outers.setdefault(inner, []).append(line)

    def counts(line: CaseMessage) -> bool:
        if line.node.origin != "delivered" and line.id in outers:
            return _inner_counts(line, [outer for outer in outers[line.id] if outer.id not in pending], opener)
        return _counts(line, participants, line.id == opener)

    def admit(good: Callable[[CaseMessage], bool]) -> bool:
        """Count the pending messages that ``good`` accepts. Return whether there was one."""
        before = len(pending)
        for line in [*pending.values()]:
            if not line.node.forged and good(line):
                participants.add(line.node, line.author_side)
                del pending[line.id]
        return len(pending) < before

    def by_own_number() -> set[int]:
        """Return the ids of vendors' mails that count because of their own number or text.

        This is tried last, when the vendor of the case is known. Messages found inside a mail are excluded, because
        anybody can write text that looks like a vendor's mail.
        """
        alone = [line for line in pending.values() if line.node.origin == "delivered" or line.id not in outers]
        return {line.id for line in alone if _identifies_its_case(line, participants)}

    while admit(counts) or ((fit := by_own_number()) and admit(lambda line: line.id in fit)):
        pass
    return {id: _reason([line, *outers.get(id, ())]) for id, line in pending.items()}


def is_team_here(node: MessageFacts, members: Sequence[MessageFacts]) -> bool:
    """Whether an unknown sender who forwards a vendor's mail counts as team in this case.

    This must be limited, because anybody can write text that looks like a forwarded mail. It is true only if the
    forward opened the case, or if one of our people or the vendor wrote to the sender in this case before.
    """
    before = [m for m in members if m.id != node.id and m.id not in node.holds and order_of(m) < order_of(node)]
    written_to = any(m.side != "unknown" and node.author in (*m.to, *m.cc) for m in before if m.origin == "delivered")
    return node.hands_on and (not before or written_to)


def may_name(node: MessageFacts, participants: Participants) -> bool:
    """Whether a case key in the mail counts. Not every author can use one, because anybody could guess a key."""
    if node.side in OURS:
        return node.trust != "local" and not node.doubted
    if node.side == "vendor" and node.vendor not in participants.vendors and node.author not in participants.people:
        return False
    return participants.knows(node, node.side)


def answers(node: MessageFacts) -> tuple[str, ...]:
    """Return the Message-IDs that a message names: In-Reply-To, References, bounced mail."""
    return (*node.parents, *node.refs, *((node.bounced,) if node.bounced else ()))


def _is_ours(line: CaseMessage) -> bool:
    node = line.node
    return line.author_side in OURS and not node.doubted and node.origin == "delivered" and not node.hands_on


def _counts(line: CaseMessage, participants: Participants, opens: bool) -> bool:
    node = line.node
    if opens or _is_ours(line) or node.pinned is not None:
        return True
    if node.placed == "token" and node.token is not None:
        return True
    if node.joined is not None and not answers(node):
        return True  # this mail opened a case that a person merged into this case
    return participants.knows(node, line.author_side)


def _identifies_its_case(line: CaseMessage, participants: Participants) -> bool:
    """Whether a vendor's mail is in its case by number or text, and there is no other vendor."""
    node = line.node
    known = line.author_side == "vendor" and not node.partner
    return known and node.placed in BY_ITSELF and not node.doubted and participants.has_no_other(node)


def _inner_counts(line: CaseMessage, outers: Sequence[CaseMessage], opener: int | None) -> bool:
    """Whether a message found inside mails counts.

    If only an unknown sender quotes mail of our own people, the quote could be invented. It counts only if that
    sender's mail opened the case.
    """
    ours = line.author_side in OURS
    return any(not ours or outer.author_side != "unknown" or outer.id == opener for outer in outers)


def _opener(lines: Sequence[CaseMessage]) -> int | None:
    """Return the id of the mail that opened the case.

    It is the first received mail that answers no mail of the case.
    """
    mails = [line for line in lines if not line.node.forged]
    there = {line.node.message_id for line in mails if line.node.message_id}
    first = [line for line in mails if line.node.origin == "delivered" and there.isdisjoint(answers(line.node))]
    return min(first, key=lambda line: line.received_at).id if first else None


def _reason(lines: Sequence[CaseMessage]) -> Doubt:
    """Return why a message does not count. ``lines``: the message, and the mails in which it was found."""
    for line in lines:
        if line.node.forged:
            return "forged"
        if line.node.trust == "unverified":
            return "unverified"
    return "outsider"


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
