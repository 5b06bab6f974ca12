"""Suggestions: cases that a mail may belong to, and what people decided about them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select, update

from service.cases.placement.known import Suggestion
from service.errors import Conflict, NotFound
from service.store import links
from service.store.cases import key_of, titles_of
from service.store.neighbours import aliases_of
from service.store.sql import exists, write_rows
from service.store.tables import messages, suggestions


def add(conn: Connection, found: Sequence[tuple[int, int, int, Suggestion]], now: datetime) -> None:
    """Store suggestions, given as (message, its case, other case, suggestion)."""
    names = ("message_id", "case_id", "other_id", "score", "reasons", "state", "created_at")
    rows = [(message, case, other, its.score, its.reasons, "open", now) for message, case, other, its in found]
    write_rows(conn, suggestions, [dict(zip(names, row, strict=True)) for row in rows if row[1] != row[2]])


def of_case(conn: Connection, case: int, prefix: str) -> list[dict[str, Any]]:
    """Return the open suggestions of a case as part of its document, the highest score first."""
    parts = [case, *links.merged_into(conn, case)]
    query = (
        select(suggestions, messages.c.subject)
        .join(messages, messages.c.id == suggestions.c.message_id)
        .where(suggestions.c.state == "open")
        .where(or_(suggestions.c.case_id.in_(parts), suggestions.c.other_id.in_(parts)))
        .order_by(suggestions.c.score.desc(), suggestions.c.id)
        .limit(50)
    )
    rows = conn.execute(query).all()
    survivors = aliases_of(conn, {id for row in rows for id in (row.case_id, row.other_id)})
    shown: dict[int, dict[str, Any]] = {}
    for row in rows:
        pair = {survivors.get(id, id) for id in (row.case_id, row.other_id)}
        others = pair - {case}
        if case not in pair or not others:
            continue  # the two cases were merged meanwhile
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
    titles = titles_of(conn, list(shown))
    return [{**document, "title": titles.get(other, "")} for other, document in shown.items()]


def find(conn: Connection, number: int) -> Any:
    """Return an open suggestion as a row. Raises NotFound, and Conflict if the suggestion is not open any more."""
    row = conn.execute(select(suggestions).where(suggestions.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("there is no such suggestion")
    if row.state != "open":
        raise Conflict(f"this suggestion was already {row.state}")
    return row


def decide(conn: Connection, numbers: Sequence[int], state: str, who: str, now: datetime) -> None:
    """Store a person's decision about suggestions: ``accepted``, ``dismissed`` or ``open``."""
    values = {"state": state, "decided_by": who, "decided_at": now}
    conn.execute(update(suggestions).where(suggestions.c.id.in_(numbers)).values(**values))


def dismissed(conn: Connection, pair: Sequence[int]) -> bool:
    """Return whether a person dismissed a suggestion that links two cases."""
    linked = (suggestions.c.case_id.in_(pair), suggestions.c.other_id.in_(pair))
    return exists(conn, select(suggestions.c.id).where(*linked, suggestions.c.state == "dismissed"))


def between(conn: Connection, pair: Sequence[int]) -> list[int]:
    """Return the ids of the open suggestions that link two cases, or cases merged into them."""
    first, second = ([case, *links.merged_into(conn, case)] for case in pair)
    a, b = suggestions.c.case_id, suggestions.c.other_id
    linked = or_(and_(a.in_(first), b.in_(second)), and_(a.in_(second), b.in_(first)))
    return list(conn.execute(select(suggestions.c.id).where(suggestions.c.state == "open", linked)).scalars())
