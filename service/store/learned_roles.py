"""The stored team members and partners that sodan learned from mail.

The mail of a partner is treated like vendor mail. This also applies to earlier mail. Each mail is read alone, before it
is placed. So the role of an author can become known later, from another mail of the batch, another worker, or a later
mail. All mail of this author is then read again, because the meaning of a text depends on the role of the author.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select, text, update

from mailrules.judgement import Reading
from mailrules.thread import RuleInput, Side
from service.cases.facts.extracted import ExtractedMessage, Message, with_reading
from service.cases.facts.roles import NOTHING_LEARNED, LearnedRoles, companies_above, company_of
from service.cases.placement.keys import MONTH, key_of, monthly
from service.errors import NotFound
from service.store import replaying
from service.store.case_messages import messages_of_cases
from service.store.message_rows import ReadMail
from service.store.neighbours import look_up
from service.store.sql import THESE, chunks, upsert
from service.store.tables import learned_team, messages, partners, thread_keys

Read = Callable[[RuleInput], Reading]  # a function that finds the statements in a message

_MAX_READ_AGAIN = 100  # maximum number of earlier messages of new partners that are read again, newest first

_TEAM = select(learned_team.c.address)
_PARTNERS = select(partners.c.company, partners.c.refused)
_FROM_REQUESTERS = select(messages.c.id, messages.c.case_id).where(
    messages.c.author_address.in_(THESE), text("messages.author_role = 'requester'")
)
_FROM_UNKNOWN = (
    select(messages.c.id, messages.c.case_id, messages.c.author_address)
    .join(thread_keys, thread_keys.c.message_id == messages.c.id)
    .where(thread_keys.c.key.in_(THESE), text("messages.author_role = 'unknown'"))
    .order_by(messages.c.id.desc())
    .limit(_MAX_READ_AGAIN)
)


def learned(conn: Connection) -> LearnedRoles:
    """Return all learned team addresses and partners, and the partners that a person refused."""
    companies = conn.execute(_PARTNERS).all()
    return LearnedRoles(
        frozenset(conn.execute(_TEAM).scalars()),
        frozenset(row.company for row in companies if not row.refused),
        frozenset(row.company for row in companies if row.refused),
    )


def listing(conn: Connection) -> list[dict[str, Any]]:
    """Return team members and partners, each with side, address and time of learning."""
    team = select(learned_team.c.address, learned_team.c.learned_at).order_by(learned_team.c.address)
    companies = select(partners.c.company, partners.c.learned_at).where(partners.c.refused.is_(False))
    rows = [("team", *row) for row in conn.execute(team)]
    rows += [("partner", *row) for row in conn.execute(companies.order_by(partners.c.company))]
    return [dict(zip(("side", "address", "learned_at"), row, strict=True)) for row in rows]


def remove(conn: Connection, address: str) -> None:
    """Remove a team address, or refuse a partner for ever. Raises NotFound. Earlier mail is not read again."""
    key = address.strip().casefold()
    changed = conn.execute(delete(learned_team).where(learned_team.c.address == key)).rowcount
    changed += conn.execute(update(partners).where(partners.c.company == key).values(refused=True)).rowcount
    if not changed:
        raise NotFound(f"{key} is not in the list of `sodan team list`, so there is nothing to remove")


def learn(conn: Connection, extracted: Sequence[ExtractedMessage], read: Read, now: datetime) -> list[int]:
    """Store the team members and partners learned from messages, and read their stored mail again.

    Returns the cases with this mail.
    """
    at = {company: message.node.at for message in extracted for company in message.learned.partners}
    addresses = {address for message in extracted for address in message.learned.team}
    known = {*look_up(conn, "learned", sorted(addresses), sorted(at))}
    new_team = [address for address in sorted(addresses) if ("team", address) not in known]
    new_partners = [company for company in sorted(at) if ("partner", company) not in known]
    team = _insert_new(conn, learned_team, new_team, learned_at=now)
    companies = _insert_new(conn, partners, new_partners, learned_at=now, refused=False)
    sides: dict[int, dict[int, Side]] = defaultdict(dict)  # case id → message id → side of the author
    for row in conn.execute(_FROM_REQUESTERS, {"these": team}) if team else ():
        sides[row.case_id][row.id] = "team"
    months = {company: at[company].toordinal() // MONTH for company in companies}
    near = (-1, 0, 1)  # the month in which the team wrote, the one before and the one after
    keys = [monthly(key_of("ven", company), month + by) for company, month in months.items() for by in near]
    for id, case, author in conn.execute(_FROM_UNKNOWN, {"these": keys}) if keys else ():
        if not set(companies).isdisjoint(companies_above(author)):
            sides[case][id] = "vendor"
    for case, before in messages_of_cases(conn, sorted(sides)).items():
        after = [
            _with_side(message, sides[case][message.id], read)
            if message.id in sides[case] and not message.node.doubted
            else message
            for message in before
        ]
        replaying.save_messages(conn, after, {message.id: message for message in before})
    return sorted(sides)


def _insert_new(conn: Connection, table: Table, values: Sequence[str], **columns: Any) -> list[str]:
    """Insert a row for each value that the table does not have, and return these values."""
    if not values:
        return []
    [key] = table.primary_key.columns
    statement = upsert(conn, table).on_conflict_do_nothing().returning(key)
    return [
        new
        for chunk in chunks(values)
        for new in conn.execute(statement.values([{key.name: value, **columns} for value in chunk])).scalars()
    ]


def with_learned_roles(conn: Connection, arrived: Sequence[ReadMail], read: Read) -> list[ReadMail]:
    """Return the mails. A message is read again if its author's role was learned meanwhile, or from these mails."""
    messages = [message for mail in arrived for message in mail.extracted]
    authors = {(message.node.side, message.node.author) for message in messages if message.node.author}
    companies = sorted({name for role, author in authors if role == "unknown" for name in companies_above(author)})
    found = look_up(conn, "learned", sorted({author for role, author in authors if role == "requester"}), companies)
    learned = NOTHING_LEARNED.with_more(message.learned for message in messages)
    team = learned.team | {name for kind, name in found if kind == "team"}
    partner_companies = learned.partners | {name for kind, name in found if kind == "partner"}
    if not team and not partner_companies:
        return list(arrived)

    def with_known_role(message: ExtractedMessage) -> ExtractedMessage:
        author = message.node.author
        if message.node.side == "requester" and author in team:
            return _with_side(message, "team", read)
        from_partner = not message.node.doubted and not partner_companies.isdisjoint(companies_above(author))
        if message.node.side == "unknown" and from_partner:
            return _with_side(message, "vendor", read)
        return message

    return [replace(mail, extracted=tuple(map(with_known_role, mail.extracted))) for mail in arrived]


def _with_side(message: Message, side: Side, read: Read) -> Message:
    """Return the message with another side of its author, read again."""
    partner = company_of(message.node.author) if side == "vendor" else None
    node = message.node.evolve(side=side, vendor=message.turn.vendor, partner=partner)
    turn = replace(message.turn, side=side, partner=node.counterpart)
    return with_reading(replace(message, node=node, turn=turn), read(turn))
