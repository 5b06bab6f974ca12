"""Participants of a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailrules.thread import Side
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.message_facts import MessageFacts, order_of
from service.cases.state import Participant


def is_team_here(node: MessageFacts, members: Sequence[MessageFacts]) -> bool:
    """Whether an unknown sender who forwards a vendor's mail counts as team, in this case only.

    True only if the forward opened the case, or if one of our people or the vendor wrote to the sender in this case
    before: anybody can write text that looks like a forwarded mail.
    """
    before = [m for m in members if m.id != node.id and m.id not in node.holds and order_of(m) < order_of(node)]
    written_to = any(m.side != "unknown" and node.author in (*m.to, *m.cc) for m in before if m.origin == "delivered")
    return node.hands_on and (not before or written_to)


def participants_of(lines: Sequence[CaseMessage], known: Mapping[str, str] | None = None) -> tuple[Participant, ...]:
    """Return authors and recipients in order, except forged ones. ``known``: address → name if no mail has one."""
    lines = [line for line in lines if not line.node.forged]
    roles: dict[str, Side] = {}
    names: dict[str, str] = {}
    order: dict[str, None] = {}
    for line in lines:
        author = line.node.author
        if author:
            roles[author] = line.turn.side
            names[author] = names.get(author) or line.name
            order.setdefault(author)
        for address, name, role in line.people:
            order.setdefault(address)
            names[address] = names.get(address) or name
            roles.setdefault(address, role)
    named = {address: names.get(address) or (known or {}).get(address, "") for address in order}
    return tuple(Participant(address, named[address], roles.get(address, "unknown")) for address in order)
