"""Selects cases to replay, finds their raw mails and saves the result."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, select, update

from service.cases.facts.case_message import CaseMessage
from service.cases.facts.extracted import ExtractedMessage
from service.cases.facts.sender import Handover
from service.cases.placement.keys import stored_keys
from service.store.message_rows import extra_facts, key_rows
from service.store.sql import write_rows
from service.store.tables import cases, deliveries, messages, spool, thread_keys, to_json


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of a message: raw mail, part of the mail, time of arrival, recipients."""

    spool_id: str
    part: str
    received_at: datetime
    recipients: tuple[str, ...]
    handed: Handover


def cases_changed_since(
    conn: Connection, since: datetime | None, after: int, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """Return (id, document) of unmerged cases that changed at ``since`` or later, in order of id.

    Returns up to ``limit`` cases with an id above ``after``.
    """
    query = select(cases.c.id, cases.c.document).where(cases.c.id > after, cases.c.merged_into.is_(None))
    if since is not None:
        query = query.where(cases.c.updated_at >= since)
    return [(row.id, row.document) for row in conn.execute(query.order_by(cases.c.id).limit(limit))]


def origins(conn: Connection, case_id: int) -> dict[int, Origin]:
    """Return message id → raw mail from which the text of the message was read, for one case."""
    columns = [spool.c[name] for name in ("received_at", "rcpt_tos", "channel", "peer", "authserv")]
    way = and_(deliveries.c.message_id == messages.c.id, deliveries.c.spool_id == messages.c.spool_id)
    query = (
        select(messages.c.id, messages.c.spool_id, deliveries.c.part, *columns)
        .join_from(messages, deliveries, way)
        .join(spool, spool.c.id == messages.c.spool_id)
        .where(messages.c.case_id == case_id)
        .order_by(deliveries.c.part.desc())
    )
    return {
        id: Origin(spool_id, part, at, tuple(recipients), Handover(channel, peer, at, authserv))
        for id, spool_id, part, at, recipients, channel, peer, authserv in conn.execute(query)
    }


_NEW_FACTS = (
    "side vendor to_vendor partner to_partner hands_on trust forged hosted stated mentioned told kind automatic "
    "tells_previous fresh continues"
).split()


def with_new_facts(line: CaseMessage, extracted: ExtractedMessage) -> CaseMessage:
    """Return the stored message with the facts that the current rules extract from its mail.

    The case, the author and facts from other copies of the mail are not changed.
    """
    node, new = line.node, extracted.node
    side = "team" if line.turn.side == "team" and new.hands_on else extracted.turn.side
    node = node.evolve(**{name: getattr(new, name) for name in _NEW_FACTS})
    turn = replace(
        line.turn,
        side=side,
        automatic=new.automatic,
        towards=extracted.turn.towards,
        vendor=extracted.turn.vendor,
        partner=extracted.turn.partner,
        subject_is_new=extracted.turn.subject_is_new,
        begins=new.fresh,
    )
    sides = dict(extracted.sides)
    people = tuple((address, name, sides.get(address, role)) for address, name, role in line.people)
    return replace(line, node=node, turn=turn, people=people)


def save_messages(conn: Connection, lines: Sequence[CaseMessage], before: Mapping[int, CaseMessage]) -> None:
    """Store the new readings of these messages. ``before``: id → message as stored now."""
    changed = [line for line in lines if line != before[line.id]]
    if not changed:
        return
    these = update(messages).where(messages.c.id == bindparam("number"))
    conn.execute(these, [{"number": line.id, **_row(line)} for line in changed])
    renewed = [line for line in changed if line.node != before[line.id].node]
    if renewed:
        conn.execute(delete(thread_keys).where(thread_keys.c.message_id.in_([line.id for line in renewed])))
        keys = [row for line in renewed for row in key_rows(stored_keys(line.node), line.id, line.node.case or 0)]
        write_rows(conn, thread_keys, keys)


def is_unchanged(conn: Connection, case_id: int, document: Mapping[str, Any]) -> bool:
    """Whether the stored document equals ``document``, except ``clocks`` and ``updated_at``."""
    kept = conn.execute(select(cases.c.document).where(cases.c.id == case_id)).scalar_one()
    return _without_clocks(kept) == _without_clocks(json.loads(to_json(document)))


def _without_clocks(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("updated_at", "clocks")}


def _row(line: CaseMessage) -> dict[str, Any]:
    node = line.node
    sides = {address: side for address, _, side in line.people}
    return {
        "author_role": line.author_side,
        "automatic": node.automatic,
        "vendor": node.vendor,
        "statements": line.reading,
        "facts": node.document() | extra_facts(line.turn, sides),
    }
