"""Who shows to be of the team by handing on a vendor's mail is so in every mail, whichever came first.

A mail is read before it is placed, and without a look at others: so its author's side may be known better by then, from
this very batch, from another worker, or only from a mail that comes later. Whatever was read in it as a user's is read
anew, since the team's words count otherwise (products of a vendor, numbers known by their label).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from mailrules.judgement import Reading
from mailrules.thread import Turn
from service.case.bringing import Brought, node_as_read, with_reading
from service.case.line import Line
from service.errors import NotFound
from service.store import replaying
from service.store.keeping import Arrived
from service.store.lines import lines_of
from service.store.neighbours import THESE, chunks
from service.store.tables import learned_team, messages

Read = Callable[[Turn], Reading]

# built once: what a statement costs to build is most of what it costs

_TEAM = select(learned_team.c.address)
_OF_THEM = select(learned_team.c.address).where(learned_team.c.address.in_(THESE))
_WRITTEN = select(messages.c.id, messages.c.case_id).where(
    messages.c.author_address.in_(THESE), text("messages.author_role = 'requester'")
)


def team(conn: Connection) -> frozenset[str]:
    """Everybody who showed to be of the team by forwarding a vendor's mail."""
    return frozenset(conn.execute(_TEAM).scalars())


def listing(conn: Connection) -> list[dict[str, Any]]:
    """Who is of the team beside `SODAN_TEAM`: address and since when."""
    rows = conn.execute(select(learned_team.c.address, learned_team.c.learned_at).order_by(learned_team.c.address))
    return [dict(row._mapping) for row in rows]


def add(conn: Connection, address: str, now: datetime) -> bool:
    """Count an address as team from now on; False where it does already. What it wrote before is read anew by
    `sodan replay`."""
    key = address.strip().casefold()
    if conn.execute(_OF_THEM, {"these": [key]}).first() is not None:
        return False
    conn.execute(insert(learned_team), [{"address": key, "learned_at": now}])
    return True


def remove(conn: Connection, address: str) -> None:
    """Count an address as team no longer. Raises NotFound where it does not; `sodan replay` reads its mail anew."""
    key = address.strip().casefold()
    if not conn.execute(delete(learned_team).where(learned_team.c.address == key)).rowcount:
        raise NotFound(f"{key} was not learned as team")


def learn(
    conn: Connection, arrived: Sequence[Arrived], read: Read | None, now: datetime
) -> tuple[list[str], list[int]]:
    """Remember who hands on a vendor's mail; what they wrote before becomes the team's.

    Addresses that nobody knew, and the cases where they wrote.
    """
    come = sorted({b.learned for one in arrived for b in one.brought if b.learned})
    if not come:
        return [], []
    fresh = sorted(set(come) - set(conn.execute(_OF_THEM, {"these": come}).scalars()))
    if not fresh:
        return [], []
    conn.execute(insert(learned_team), [{"address": address, "learned_at": now} for address in fresh])
    theirs: dict[int, set[int]] = defaultdict(set)
    for row in conn.execute(_WRITTEN, {"these": fresh}):
        theirs[row.case_id].add(row.id)
    for case, lines in lines_of(conn, sorted(theirs)).items():
        anew = [_of_the_team(line, read) if line.id in theirs[case] else line for line in lines]
        replaying.keep(conn, anew, {line.id: line for line in lines})
    return fresh, sorted(theirs)


def as_known(conn: Connection, arrived: Sequence[Arrived], read: Read | None) -> list[Arrived]:
    """The same mails, with those as the team's whose authors are known for it by now."""
    authors = sorted({b.node.author for one in arrived for b in one.brought if b.role == "requester" and b.node.author})
    known: set[str] = set()
    for chunk in chunks(authors):
        known.update(conn.execute(_OF_THEM, {"these": chunk}).scalars())
    if not known:
        return list(arrived)
    return [
        replace(one, brought=tuple(_brought_by_the_team(b, read) if b.node.author in known else b for b in one.brought))
        for one in arrived
    ]


def _brought_by_the_team(brought: Brought, read: Read | None) -> Brought:
    if brought.role != "requester":
        return brought
    turn = replace(brought.turn, side="team")
    if read is None:
        return replace(brought, role="team", node=replace(brought.node, side="team"), turn=turn, reading=None)
    node = replace(brought.node, side="team", vendor=turn.vendor)
    return with_reading(replace(brought, role="team", node=node, turn=turn), read(turn))


def _of_the_team(line: Line, read: Read | None) -> Line:
    turn = replace(line.turn, side="team")
    if read is None:
        return replace(line, node=replace(line.node, side="team"), turn=turn, reading=None)
    reading = read(turn)
    node = node_as_read(replace(line.node, side="team", vendor=turn.vendor), reading, turn.text)
    return replace(line, node=node, turn=turn, reading=reading)
