"""Sides that mail shows: who hands on a vendor's mail is of the team; a company that the team writes to is a partner,
whose mail is a vendor's. Both hold for every mail, whichever came first.

A mail is read before it is placed, and without a look at others: so its author's side may be known better by then, from
this very batch, from another worker, or only from a mail that comes later. Whatever was read in it as a user's or a
stranger's is read anew, since the words of each side count otherwise (products of a vendor, numbers known by a label).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from mailrules.judgement import Reading
from mailrules.thread import Side, Turn
from service.case.bringing import Brought, node_as_read, with_reading
from service.case.line import Line
from service.case.node import Node
from service.case.roles import Learned, company_of
from service.cases.placement.keys import company_keys
from service.errors import NotFound
from service.store import replaying
from service.store.keeping import Arrived
from service.store.lines import lines_of
from service.store.neighbours import THESE, chunks
from service.store.tables import learned_team, messages, partners, thread_keys

Read = Callable[[Turn], Reading]

# built once: what a statement costs to build is most of what it costs

_MOST_READ_ANEW = 100
"""Messages of a new partner that are read anew, the newest."""

_TEAM = select(learned_team.c.address)
_PARTNERS = select(partners.c.company)
_OF_THESE = select(partners.c.company).where(partners.c.company.in_(THESE))
_OF_THEM = select(learned_team.c.address).where(learned_team.c.address.in_(THESE))
_WRITTEN = select(messages.c.id, messages.c.case_id).where(
    messages.c.author_address.in_(THESE), text("messages.author_role = 'requester'")
)
_STRANGERS = (
    select(messages.c.id, messages.c.case_id, messages.c.author_address)
    .join(thread_keys, thread_keys.c.message_id == messages.c.id)
    .where(thread_keys.c.key.in_(THESE), text("messages.author_role = 'unknown'"))
    .order_by(messages.c.id.desc())
    .limit(_MOST_READ_ANEW)
)


def learned(conn: Connection) -> Learned:
    """Whom mail showed to be of the team, and partners of it."""
    return Learned(frozenset(conn.execute(_TEAM).scalars()), frozenset(conn.execute(_PARTNERS).scalars()))


def listing(conn: Connection) -> list[dict[str, Any]]:
    """Who counts as team or as partner by what mail showed: side, address or company, since when."""
    found = []
    for side, name, table in (("team", "address", learned_team), ("partner", "company", partners)):
        rows = conn.execute(select(table.c[name], table.c.learned_at).order_by(table.c[name]))
        found += [{"side": side, "address": row[0], "learned_at": row[1]} for row in rows]
    return found


def add(conn: Connection, address: str, now: datetime) -> bool:
    """Count an address as team from now on; False where it does already. What it wrote before is read anew by
    `sodan replay`."""
    key = address.strip().casefold()
    if conn.execute(_OF_THEM, {"these": [key]}).first() is not None:
        return False
    conn.execute(insert(learned_team), [{"address": key, "learned_at": now}])
    return True


def remove(conn: Connection, address: str) -> None:
    """Count an address as team, or a company as partner, no longer. Raises NotFound where it does not; `sodan replay`
    reads its mail anew."""
    key = address.strip().casefold()
    gone = [
        conn.execute(delete(table).where(column == key)).rowcount
        for table, column in ((learned_team, learned_team.c.address), (partners, partners.c.company))
    ]
    if not any(gone):
        raise NotFound(f"{key} was learned neither as team nor as partner")


def learn(
    conn: Connection, arrived: Sequence[Arrived], read: Read | None, now: datetime
) -> tuple[list[str], list[int]]:
    """Remember who hands on a vendor's mail and which companies the team writes to; what they wrote before is theirs.

    Addresses that are of the team from now on, and the cases where any of them wrote.
    """
    every = [b for one in arrived for b in one.brought]
    team = _unknown_to(conn, _OF_THEM, {address for b in every for address in b.learned.team})
    companies = _unknown_to(conn, _OF_THESE, {company for b in every for company in b.learned.partners})
    if team:
        conn.execute(insert(learned_team), [{"address": address, "learned_at": now} for address in team])
    if companies:
        conn.execute(insert(partners), [{"company": company, "learned_at": now} for company in companies])
    theirs: dict[int, dict[int, Side]] = defaultdict(dict)
    for row in conn.execute(_WRITTEN, {"these": team}) if team else ():
        theirs[row.case_id][row.id] = "team"
    at = {company: b.node.at for b in every for company in b.learned.partners}
    keys = [key for company in companies for key in company_keys(company, at[company])]
    for id, case, author in conn.execute(_STRANGERS, {"these": keys}) if keys else ():
        if company_of(author) in companies:
            theirs[case][id] = "vendor"
    for case, lines in lines_of(conn, sorted(theirs)).items():
        anew = [_line_by(line, theirs[case][line.id], read) if line.id in theirs[case] else line for line in lines]
        replaying.keep(conn, anew, {line.id: line for line in lines})
    return team, sorted(theirs)


def _unknown_to(conn: Connection, query: Any, come: set[str]) -> list[str]:
    return sorted(come - set(conn.execute(query, {"these": sorted(come)}).scalars())) if come else []


def as_known(conn: Connection, arrived: Sequence[Arrived], read: Read | None) -> list[Arrived]:
    """The same mails, each message with the side that its author is known to be on by now."""
    authors = {(b.role, b.node.author) for one in arrived for b in one.brought if b.node.author}
    companies = sorted({company_of(author) for role, author in authors if role == "unknown"})
    addresses = sorted({author for role, author in authors if role == "requester"})
    team: set[str] = set()
    known: set[str] = set()
    for query, come, found in ((_OF_THEM, addresses, team), (_OF_THESE, companies, known)):
        for chunk in chunks(come):
            found.update(conn.execute(query, {"these": chunk}).scalars())
    if not team and not known:
        return list(arrived)

    def again(brought: Brought) -> Brought:
        author = brought.node.author
        if brought.role == "requester" and author in team:
            return _brought_by(brought, "team", read)
        if brought.role == "unknown" and not brought.node.doubted and author and company_of(author) in known:
            return _brought_by(brought, "vendor", read)
        return brought

    return [replace(one, brought=tuple(map(again, one.brought))) for one in arrived]


def _brought_by(brought: Brought, side: Side, read: Read | None) -> Brought:
    """The message as one of this side's."""
    node, turn = _of(brought.node, side, brought.turn.vendor), _turn_of(brought.turn, brought.node, side)
    again = replace(brought, role=side, node=node, turn=turn, reading=None)
    return again if read is None else with_reading(again, read(turn))


def _line_by(line: Line, side: Side, read: Read | None) -> Line:
    node, turn = _of(line.node, side, line.turn.vendor), _turn_of(line.turn, line.node, side)
    if read is None:
        return replace(line, node=node, turn=turn, reading=None)
    reading = read(turn)
    return replace(line, node=node_as_read(node, reading, turn.text), turn=turn, reading=reading)


def _of(node: Node, side: Side, vendor: str | None) -> Node:
    return replace(node, side=side, vendor=vendor, partner=company_of(node.author) if side == "vendor" else None)


def _turn_of(turn: Turn, node: Node, side: Side) -> Turn:
    return replace(turn, side=side, partner=_of(node, side, None).counterpart)
