"""Who takes part in a case."""

from __future__ import annotations

from collections.abc import Sequence

from mailrules.thread import Side
from service.case.line import Line
from service.case.state import Participant


def participants_of(lines: Sequence[Line]) -> tuple[Participant, ...]:
    """Authors and recipients, in the order in which they appear.

    A stranger who merely answers into a case is not let in: only who opened it, who was written to by somebody of the
    case, or where nobody of ours and no vendor takes part.
    """
    known_sides = any(line.turn.side != "unknown" for line in lines)
    roles: dict[str, Side] = {}
    names: dict[str, str] = {}
    order: dict[str, None] = {}
    for place, line in enumerate(lines):
        author = line.node.author
        let_in = line.turn.side != "unknown" or not known_sides or place == 0 or author in order
        if author:
            roles[author] = line.turn.side
            names[author] = names.get(author) or line.name
        if not let_in:
            continue
        if author:
            order.setdefault(author)
        for address, name, role in line.people:
            order.setdefault(address)
            names[address] = names.get(address) or name
            roles.setdefault(address, role)
    return tuple(Participant(address, names.get(address, ""), roles.get(address, "unknown")) for address in order)
