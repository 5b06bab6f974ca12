"""Suggestions: cases that a mail may belong to, and what people decided about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, insert, or_, select, update

from service.cases.placement.plan import Suggestion
from service.errors import Conflict, NotFound
from service.store import links
from service.store.cases import key_of
from service.store.neighbours import aliases_of
from service.store.tables import messages, suggestions


def add(conn: Connection, found: Sequence[tuple[int, int, int, Suggestion]], now: datetime) -> set[int]:
    """Store suggestions (message, its case, other case, suggestion). Returns the cases involved."""
    rows = [
        {
            "message_id": message,
            "case_id": case,
            "other_id": other,
            "score": one.score,
            "reasons": list(one.reasons),
            "state": "open",
            "created_at": now,
        }
        for message, case, other, one in found
        if case != other
    ]
    if rows:
        conn.execute(insert(suggestions), rows)
    return {number for _, case, other, _ in found for number in (case, other)}


def of_case(conn: Connection, case: int, prefix: str) -> list[dict[str, Any]]:
    """Return the open suggestions of a case for its document, highest score first."""
    parts = [case, *links.merged_into(conn, case)]
    query = (
        select(suggestions, messages.c.subject)
        .join(messages, messages.c.id == suggestions.c.message_id)
        .where(suggestions.c.state == "open")
        .where(or_(suggestions.c.case_id.in_(parts), suggestions.c.other_id.in_(parts)))
        .order_by(suggestions.c.score.desc(), suggestions.c.id)
        .limit(50)
    )
    found = conn.execute(query).all()
    ends = aliases_of(conn, {number for row in found for number in (row.case_id, row.other_id)})
    shown: dict[int, dict[str, Any]] = {}
    for row in found:
        sides = {ends.get(number, number) for number in (row.case_id, row.other_id)}
        others = sides - {case}
        if case not in sides or not others:
            continue  # they were merged in the meantime
        [other] = others
        document = {
            "id": row.id,
            "case": key_of(other, prefix),
            "score": row.score,
            "reasons": row.reasons,
            "message": str(row.message_id),
            "subject": row.subject,
        }
        shown.setdefault(other, document)
    return list(shown.values())


def find(conn: Connection, number: int) -> Any:
    """Return an open suggestion. Raises NotFound, Conflict (decided already)."""
    row = conn.execute(select(suggestions).where(suggestions.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("there is no such suggestion")
    if row.state != "open":
        raise Conflict(f"this suggestion was already {row.state}")
    return row


def decide(conn: Connection, numbers: Sequence[int], state: str, who: str, now: datetime) -> None:
    """Store the decision about suggestions: ``accepted``, ``dismissed``, or ``open`` again."""
    values = {"state": state, "decided_by": who, "decided_at": now}
    conn.execute(update(suggestions).where(suggestions.c.id.in_(numbers)).values(**values))


def dismissed(conn: Connection, one: int, other: int) -> bool:
    """Whether a person dismissed a suggestion between two cases."""
    query = select(suggestions.c.id).where(
        suggestions.c.case_id.in_([one, other]),
        suggestions.c.other_id.in_([one, other]),
        suggestions.c.state == "dismissed",
    )
    return conn.execute(query.limit(1)).first() is not None


def between(conn: Connection, one: int, other: int) -> list[int]:
    """Return the ids of open suggestions between two cases, including the cases merged into them."""
    parts = [[case, *links.merged_into(conn, case)] for case in (one, other)]
    a, b = suggestions.c.case_id, suggestions.c.other_id
    either = or_(and_(a.in_(parts[0]), b.in_(parts[1])), and_(a.in_(parts[1]), b.in_(parts[0])))
    return list(conn.execute(select(suggestions.c.id).where(suggestions.c.state == "open", either)).scalars())
