"""Learns roles from mail: who forwards vendor mail is team; a company the team writes to is a partner.

A partner's mail is treated as vendor mail. Both also apply to earlier mail. A mail is read before it is placed, and
independently of others, so the role of its author may become known later: from the same batch, another worker, or a
later mail. Mail that was read as from a requester or an unknown sender is then read again, since the words of each role
are interpreted differently (products of a vendor, numbers recognised by a label).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text, update

from mailrules.judgement import Reading
from mailrules.thread import RuleInput, Side
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.extracted import ExtractedMessage, node_as_read, with_reading
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.roles import LearnedRoles, companies_above, company_of
from service.cases.placement.keys import company_keys
from service.errors import NotFound
from service.store import replaying
from service.store.lines import lines_of
from service.store.message_rows import ArrivedMail
from service.store.neighbours import look_up
from service.store.statements import THESE, chunks
from service.store.tables import learned_team, messages, partners, thread_keys

Read = Callable[[RuleInput], Reading]

# built once, since building a statement takes longer than running it

_MOST_READ_ANEW = 100
"""Messages of new partners that are read again, newest first."""

_TEAM = select(learned_team.c.address)
_PARTNERS = select(partners.c.company, partners.c.refused)
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


def learned(conn: Connection) -> LearnedRoles:
    """Return the learned team addresses, and the learned and the refused partners."""
    known = conn.execute(_PARTNERS).all()
    return LearnedRoles(
        frozenset(conn.execute(_TEAM).scalars()),
        frozenset(row.company for row in known if not row.refused),
        frozenset(row.company for row in known if row.refused),
    )


def listing(conn: Connection) -> list[dict[str, Any]]:
    """List learned team members and partners: side, address or company, when learned."""
    team = select(learned_team.c.address, learned_team.c.learned_at).order_by(learned_team.c.address)
    known = select(partners.c.company, partners.c.learned_at).where(partners.c.refused.is_(False))
    rows = [("team", *row) for row in conn.execute(team)]
    rows += [("partner", *row) for row in conn.execute(known.order_by(partners.c.company))]
    return [dict(zip(("side", "address", "learned_at"), row, strict=True)) for row in rows]


def add(conn: Connection, address: str, now: datetime) -> bool:
    """Add an address to the team; returns False if it is there already.

    `sodan replay` reads its earlier mail again.
    """
    key = address.strip().casefold()
    if conn.execute(_OF_THEM, {"these": [key]}).first() is not None:
        return False
    conn.execute(insert(learned_team), [{"address": key, "learned_at": now}])
    return True


def remove(conn: Connection, address: str) -> None:
    """Remove a learned team address, or refuse a partner for good. Raises NotFound if it is neither.

    `sodan replay` reads its earlier mail again.
    """
    key = address.strip().casefold()
    gone = conn.execute(delete(learned_team).where(learned_team.c.address == key)).rowcount
    gone += conn.execute(update(partners).where(partners.c.company == key).values(refused=True)).rowcount
    if not gone:
        raise NotFound(f"{key} is not in the list of `sodan team list`, so there is nothing to remove")


def learn(conn: Connection, arrived: Sequence[ArrivedMail], read: Read | None, now: datetime) -> list[int]:
    """Store who forwards a vendor's mail and which companies the team writes to; read their earlier mail again.

    Returns the cases that contain mail of new team members or partners.
    """
    every = [b for one in arrived for b in one.extracted]
    team = _unknown_to(conn, _OF_THEM, {address for b in every for address in b.learned.team})
    companies = _unknown_to(conn, _OF_THESE, {company for b in every for company in b.learned.partners})
    if team:
        conn.execute(insert(learned_team), [{"address": address, "learned_at": now} for address in team])
    if companies:
        rows = [{"company": company, "learned_at": now, "refused": False} for company in companies]
        conn.execute(insert(partners), rows)
    theirs: dict[int, dict[int, Side]] = defaultdict(dict)
    for row in conn.execute(_WRITTEN, {"these": team}) if team else ():
        theirs[row.case_id][row.id] = "team"
    at = {company: b.node.at for b in every for company in b.learned.partners}
    keys = [key for company in companies for key in company_keys(company, at[company])]
    for id, case, author in conn.execute(_STRANGERS, {"these": keys}) if keys else ():
        if not set(companies).isdisjoint(companies_above(author)):
            theirs[case][id] = "vendor"
    for case, lines in lines_of(conn, sorted(theirs)).items():
        sides = {line.id: theirs[case].get(line.id) for line in lines if not line.node.doubted}
        anew = [_line_by(line, side, read) if (side := sides.get(line.id)) else line for line in lines]
        replaying.keep(conn, anew, {line.id: line for line in lines})
    return sorted(theirs)


def _unknown_to(conn: Connection, query: Any, come: set[str]) -> list[str]:
    known = {one for chunk in chunks(sorted(come)) for one in conn.execute(query, {"these": chunk}).scalars()}
    return sorted(come - known)


def as_known(conn: Connection, arrived: Sequence[ArrivedMail], read: Read | None) -> list[ArrivedMail]:
    """Return the same mails, each message with the currently known role of its author."""
    authors = {(b.role, b.node.author) for one in arrived for b in one.extracted if b.node.author}
    companies = sorted({one for role, author in authors if role == "unknown" for one in companies_above(author)})
    addresses = sorted({author for role, author in authors if role == "requester"})
    found = {*look_up(conn, "learned", addresses, companies)} if addresses or companies else set()
    if not found:
        return list(arrived)
    team = {one for what, one in found if what == "team"}
    known = {one for what, one in found if what == "partner"}

    def again(extracted: ExtractedMessage) -> ExtractedMessage:
        author = extracted.node.author
        if extracted.role == "requester" and author in team:
            return _as_written_by(extracted, "team", read)
        if extracted.role == "unknown" and not extracted.node.doubted and not known.isdisjoint(companies_above(author)):
            return _as_written_by(extracted, "vendor", read)
        return extracted

    return [replace(one, extracted=tuple(map(again, one.extracted))) for one in arrived]


def _as_written_by(extracted: ExtractedMessage, side: Side, read: Read | None) -> ExtractedMessage:
    """Return the message as written by this side."""
    node, turn = _of(extracted.node, side, extracted.turn.vendor), _turn_of(extracted.turn, extracted.node, side)
    again = replace(extracted, role=side, node=node, turn=turn, reading=None)
    return again if read is None else with_reading(again, read(turn))


def _line_by(line: CaseMessage, side: Side, read: Read | None) -> CaseMessage:
    node, turn = _of(line.node, side, line.turn.vendor), _turn_of(line.turn, line.node, side)
    if read is None:
        return replace(line, node=node, turn=turn, reading=None)
    reading = read(turn)
    return replace(line, node=node_as_read(node, reading, turn.text), turn=turn, reading=reading)


def _of(node: MessageFacts, side: Side, vendor: str | None) -> MessageFacts:
    return replace(node, side=side, vendor=vendor, partner=company_of(node.author) if side == "vendor" else None)


def _turn_of(turn: RuleInput, node: MessageFacts, side: Side) -> RuleInput:
    return replace(turn, side=side, partner=_of(node, side, None).counterpart)
