"""What becomes of new messages, found out with as few of the stored ones as it takes.

Most mails answer one that is known: ids and numbers say where they belong, and they change nothing of what is known.
So that is found out first, without a look at anybody's content. Then only what content may still join is compared:
messages that open something, and what was written in these very minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    if _stirs(found, known) or any(is_late(n, received) for n in fresh):
        reach = Reach()
        look_around(conn, come, known, reach, received)
        return known, decide(known.values(), reach=reach)
    openers = {n.id for n in fresh if _becomes(n.id, found) in reach.openers}
    again = {reach.openers[_becomes(n, found)] for n in openers} & known.keys()
    reach = Reach()
    look_ahead(conn, fresh, openers, known, reach)
    look_at_content(conn, [known[i] for i in sorted(again)], known, reach, received)
    if after := _after(fresh, known):
        found = decide(known.values(), reach=(first := Reach()))
        look_at_content(conn, [n for n in after if n.id in first.openers], known, reach, received)
    if reach.complete:
        found = decide(known.values(), reach=reach)
    return known, found


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


def _after(fresh: Sequence[Node], known: Mapping[int, Node]) -> list[Node]:
    """What was written meanwhile and may be joined otherwise now."""
    keys, since = {key for n in fresh for key in content_keys(n)}, written_since(fresh)
    return [n for n in known.values() if n.at >= since and seeks(n) and keys & content_sought(n)]
