"""Writes a message as rows: text, attachments, deliveries, and the evidence for its case."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, delete, select, update

from mailrules.thread import RuleInput
from service.cases.facts.extracted import ExtractedMessage
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.sender import DEFECTS
from service.cases.placement.keys import stored_keys
from service.cases.placement.known import Evidence, Plan
from service.mail.message import Address, Earlier, Mail
from service.store.spool import Claimed
from service.store.sql import write_rows
from service.store.tables import attachments, deliveries, messages, thread_keys


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A claimed mail, with everything that follows from this mail alone."""

    claimed: Claimed
    extracted: tuple[ExtractedMessage, ...]


def content_row(one: ReadMail, extracted: ExtractedMessage) -> dict[str, Any]:
    """Return the columns of a message that come from the mail."""
    node, source = extracted.node, extracted.source
    turn = extracted.turn
    offset = turn.date.utcoffset() if turn.date is not None else None
    mail = source if isinstance(source, Mail) else None
    return {
        "origin": node.origin,
        "message_id": node.message_id,
        "in_reply_to": list(node.parents),
        "refs": list(source.references),
        "author_name": source.from_.name if source.from_ else "",
        "author_address": node.author,
        "author_role": node.side,
        "forwarded_by": extracted.forwarded_by,
        "to": _people(source.to),
        "cc": _people(source.cc),
        "subject": source.subject or "",
        "date": turn.date,
        "date_offset": int(offset.total_seconds() // 60) if offset is not None else None,
        "received_at": one.claimed.received_at,
        "text": turn.text,
        "quoted_text": mail.quoted_text if mail else "",
        "intro": mail.intro if mail else "",
        "automatic": node.automatic,
        "language": turn.language,
        "headers": dict(mail.headers) if mail else {},
        "defects": list(mail.defects) if mail else [DEFECTS[node.trust]] if node.trust in DEFECTS else [],
        "vendor": node.vendor,
        "statements": extracted.reading,
        "spool_id": one.claimed.id,
        "raw_part": source.raw_part if isinstance(source, Earlier) else None,
        "indexed": False,
    }


def new_row(one: ReadMail, extracted: ExtractedMessage, number: int, plan: Plan) -> dict[str, Any]:
    """Return the columns of a new message, without its ids and its evidence."""
    row = content_row(one, extracted) | {"deliveries": 1, "placed_by": plan.evidence[number].kind}
    row["facts"] = plan.nodes[number].document() | extra_facts(extracted.turn, dict(extracted.sides))
    if number in plan.reused:
        row["defects"] = sorted({*row["defects"], "message-id-reused"})
    return row


_EXTRA_FACTS = ("towards", "files", "subject_is_new", "turn_side", "turn_vendor", "sides", "wrapper")


def extra_facts(turn: RuleInput, sides: Mapping[str, str]) -> dict[str, Any]:
    """Return those facts for the rules that are not in ``MessageFacts``. The column ``facts`` stores both.

    ``sides``: address → side.
    """
    return {
        "towards": sorted(turn.towards),
        "files": [[f.filename, f.content_type, f.size, f.inline] for f in turn.files],
        "subject_is_new": turn.subject_is_new,
        "turn_side": turn.side,
        "turn_vendor": turn.vendor,
        "sides": sides,
        "wrapper": turn.wrapper,
    }


def _people(addresses: Sequence[Address]) -> list[dict[str, str]]:
    return [{"name": a.name, "address": a.address} for a in addresses]


def write_files(conn: Connection, stored: Iterable[tuple[int, ReadMail, ExtractedMessage]]) -> None:
    """Insert the attachments of messages, each given with its message id."""
    files = [
        {"message_id": message, "spool_id": one.claimed.id, **{name: getattr(file, name) for name in _OF_FILE}}
        for message, one, extracted in stored
        for file in extracted.source.attachments
    ]
    write_rows(conn, attachments, files)


_OF_FILE = ("filename", "content_type", "size", "sha256", "part", "inline")


def write_deliveries(
    conn: Connection, delivered: Sequence[tuple[ReadMail, ExtractedMessage, int]], again: Sequence[int]
) -> None:
    """Record how each message arrived. ``again``: for each further copy of a stored message, the id of this message."""
    write_rows(
        conn,
        deliveries,
        [
            {
                "spool_id": one.claimed.id,
                "part": extracted.part,
                "message_id": message,
                "way": extracted.node.origin,
                "received_at": one.claimed.received_at,
            }
            for one, extracted, message in delivered
        ],
    )
    write_rows(conn, _COUNT, [{"number": message, "times": count} for message, count in Counter(again).items()])


_COUNT = (
    update(messages)
    .where(messages.c.id == bindparam("number"))
    .values(deliveries=messages.c.deliveries + bindparam("times", type_=Integer))
)


def replace_facts(conn: Connection, message: int, node: MessageFacts, evidence: dict[str, Any] | None) -> None:
    """Replace the facts and keys of a stored message by those of a more complete copy."""
    row = conn.execute(select(messages.c.facts, messages.c.case_id).where(messages.c.id == message)).one()
    kept = {name: fact for name, fact in (row.facts or {}).items() if name in _EXTRA_FACTS}
    values: dict[str, Any] = {"facts": kept | node.document()}
    if evidence is not None:
        values["evidence"] = evidence
    conn.execute(update(messages).where(messages.c.id == message).values(**values))
    conn.execute(delete(thread_keys).where(thread_keys.c.message_id == message))
    write_rows(conn, thread_keys, key_rows(stored_keys(node), message, row.case_id))


def replace_text(conn: Connection, message: int, one: ReadMail, extracted: ExtractedMessage, why: str) -> None:
    """Replace the text of a known message by the text of a better copy. ``why``: how the copy was recognised."""
    names = ("message_id", "subject", "date", "to")
    query = select(*(messages.c[name] for name in (*names, "facts", "evidence"))).where(messages.c.id == message)
    known = conn.execute(query).mappings().one()
    row = content_row(one, extracted)
    row |= {name: known[name] for name in names if not row[name]}
    row["facts"] = (known["facts"] or {}) | extra_facts(extracted.turn, dict(extracted.sides))
    row["evidence"] = dict(known["evidence"] or {})
    same = {"kind": "same", "words": why, "message": None}
    row["evidence"]["evidence"] = [*row["evidence"].get("evidence", ()), same]
    del row["received_at"]
    conn.execute(update(messages).where(messages.c.id == message).values(**row))
    conn.execute(delete(attachments).where(attachments.c.message_id == message))
    write_files(conn, [(message, one, extracted)])


def key_rows(keys: tuple[set[str], set[str]], message: int, case: int) -> list[dict[str, Any]]:
    """Return the rows of ``thread_keys`` for a message. ``keys``: its ``stored_keys``, by which later mail finds it."""
    own, cited = (sorted(its) for its in keys)
    kinds = [(key, "own") for key in own] + [(key, "cites") for key in cited]
    return [{"key": key, "message_id": message, "kind": kind, "case_id": case} for key, kind in kinds]


def evidence_of(number: int, plan: Plan, case: Callable[[int], int], message: Callable[[int], int]) -> dict[str, Any]:
    """Return the evidence in the form of ``GET /api/messages/{id}/why``, with cases as ids."""

    def document(one: Evidence) -> dict[str, Any]:
        pointed = None if one.message is None else str(message(one.message))
        scored = {} if one.score is None else {"score": one.score, "margin": one.margin}
        return {"kind": one.kind, "words": one.words, "message": pointed, **scored}

    return {
        "evidence": [document(plan.evidence[number])],
        "runners_up": [
            {**document(one), "against": one.against, "case": case(one.case)} for one in plan.runners_up.get(number, ())
        ],
    }
