"""What becomes of new messages, found out with as few of the stored ones as it takes.

Most mails answer one that is known: ids and numbers say where they belong, and they change nothing of what is known.
So that is found out first, without a look at anybody's content. Then only what content may still join is compared:
messages that open something, and what was written in these very minutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from service.case.content import seeks
from service.case.keys import content_keys, content_sought
from service.case.node import Node
from service.case.reach import Reach
from service.case.threading import Plan, plan
from service.store.neighbours import (
    aliases_of,
    called_up,
    is_late,
    look_after,
    look_ahead,
    look_around,
    look_at_content,
    written_since,
)


def planned(
    conn: Connection, come: Sequence[Node], received: Mapping[int, datetime], reopen: timedelta
) -> tuple[dict[int, Node], Plan]:
    """The stored messages that have a say, and the plan.

    ``received``: when each of them came.
    """
    known, reach = called_up(conn, come), Reach()
    aliases = aliases_of(conn, {c for n in come for c in (*n.claims, n.token) if c is not None})
    decide = partial(plan, come=come, reopen=reopen, aliases=aliases)
    found = decide(known.values(), reach=reach)
    fresh = [n for n in come if _becomes(n.id, found) < 0]
    openers = {n.id for n in fresh if _becomes(n.id, found) in reach.openers}
    again = _again(fresh, openers, found, known, reach)
    if _stirs(found, known) or any(is_late(n, received) for n in fresh):
        reach = Reach()
        look_around(conn, come, known, reach, received)
        look_after(conn, again, known, reach, received)
        return known, _settled(conn, come, again, known, reach, received, decide)
    reach = Reach()
    since, told = written_since([*fresh, *again]), [*fresh, *again, *_company(fresh, found, known)]
    look_ahead(conn, told, openers, since, known, reach)
    look_at_content(conn, again, known, reach, received)
    if after := _after(told, since, known):
        found = decide(known.values(), reach=(first := Reach()))
        look_at_content(conn, [n for n in after if n.id in first.openers], known, reach, received)
    if reach.complete:
        found = _settled(conn, come, again, known, reach, received, decide)
    return known, found


def _settled(
    conn: Connection,
    come: Sequence[Node],
    again: Sequence[Node],
    known: dict[int, Node],
    reach: Reach,
    received: Mapping[int, datetime],
    decide: Callable[..., Plan],
) -> Plan:
    """The plan, when what moves by it was looked at as well: what was written after that may be thought otherwise."""
    looked: set[int] = set()
    while True:
        found = decide(known.values(), reach=reach)
        again_too = (*_moved(found, known), *_spoken_for(found, known), *_half_asked(reach, known))
        moved = [n for n in again_too if n.id not in looked]
        if not moved:
            return found
        looked |= {n.id for n in moved}
        reach = Reach()
        look_around(conn, come, known, reach, received)
        look_after(conn, [*again, *(known[i] for i in sorted(looked))], known, reach, received)


def _again(
    fresh: Sequence[Node], openers: Collection[int], found: Plan, known: Mapping[int, Node], reach: Reach
) -> list[Node]:
    """Whose place is asked again: what is argued about with those that open something, and what was written after
    these in the same case."""
    asked = {reach.openers[_becomes(n, found)] for n in openers}
    since, come = written_since(fresh), {_becomes(n.id, found) for n in fresh}
    beside = (standing.members for standing in found.standings if not come.isdisjoint(standing.members))
    later = {m for members in beside for m in members if m in known and known[m].at >= since}
    asked |= {reach.openers[m] for m in later & reach.openers.keys()}
    return [known[i] for i in sorted(asked & known.keys())]


def _becomes(message: int, found: Plan) -> int:
    """Negative for what nobody knew."""
    return found.recognised[message].message if message in found.recognised else message


def _stirs(found: Plan, known: Mapping[int, Node]) -> bool:
    """Whether anything known is other than it was, or stands elsewhere or beside what it did not stand beside."""
    if found.turned or any(found.nodes[i] != node for i, node in known.items()):
        return True
    seen: set[int | None] = set()
    for standing in found.standings:
        cases = {known[m].case for m in standing.members if m in known}
        if cases - {standing.case} or not cases.isdisjoint(seen):
            return True
        seen |= cases
    return False


def _moved(found: Plan, known: Mapping[int, Node]) -> list[Node]:
    """What is known and comes to stand elsewhere, or beside what it did not stand beside."""
    beside = [[known[m] for m in standing.members if m in known] for standing in found.standings]
    held = Counter(case for members in beside for case in {n.case for n in members})
    return [n for members in beside for n in members if held[n.case] > 1 or len({m.case for m in members}) > 1]


def _spoken_for(found: Plan, known: Mapping[int, Node]) -> list[Node]:
    """The receipts that a vendor's person speaks for from now on, who was joined to them by content."""
    joined = {i for i, one in found.evidence.items() if i < 0 and one.kind == "content"}
    joined = {i for i in joined if found.nodes[i].side == "vendor" and not found.nodes[i].automatic}
    beside = (standing.members for standing in found.standings if not joined.isdisjoint(standing.members))
    mails = (known[m] for members in beside for m in members if m in known)
    return [n for n in mails if n.side == "vendor" and n.automatic and content_keys(n)]


def _half_asked(reach: Reach, known: Mapping[int, Node]) -> list[Node]:
    """What content put into the group of something that is asked again, and was not asked itself."""
    beside = {other for asked in reach.complete for other in reach.beside.get(asked, ())} - reach.complete
    return [known[i] for i in sorted(beside & known.keys()) if known[i].placed == "content"]


def _company(fresh: Sequence[Node], found: Plan, known: Mapping[int, Node]) -> list[Node]:
    """What the messages come to: an answer tells more of its case, or that it is settled, and what was written after
    it may have been placed already."""
    come = {_becomes(n.id, found) for n in fresh}
    beside = (standing.members for standing in found.standings if not come.isdisjoint(standing.members))
    return [known[m] for members in beside for m in members if m in known]


def _after(told: Sequence[Node], since: datetime, known: Mapping[int, Node]) -> list[Node]:
    """What was written meanwhile and may be joined otherwise now."""
    keys = {key for n in told for key in content_keys(n)}
    return [n for n in known.values() if n.at >= since and seeks(n) and keys & content_sought(n)]
