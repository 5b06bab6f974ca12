"""Reads the mails that opened cases, with the facts needed before their authors are answered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from service.store.tables import cases, messages

UNVERIFIED = frozenset({"dmarc-failed", "sender-unverified", "sender-forged"})
"""Defects that mean that the sender of a mail is not confirmed."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The mail that opened a case, with the current document of the case."""

    case_id: int
    message: int
    spool_id: str
    author: str
    name: str
    role: str
    origin: str
    automatic: str | None
    verified: bool
    subject: str
    language: str
    message_id: str | None
    references: tuple[str, ...]
    headers: dict[str, str]
    date: datetime | None
    received_at: datetime
    document: dict[str, Any]


def openings(conn: Connection, case_ids: Sequence[int], spool_ids: Collection[str]) -> list[Opening]:
    """Return the first delivered mail of each case, if its spool id is in ``spool_ids``; no merged cases."""
    found = []
    for case_id in case_ids:
        first = select(func.min(messages.c.id)).where(messages.c.case_id == case_id, messages.c.origin == "delivered")
        query = (
            select(messages, cases.c.document)
            .join(cases, cases.c.id == messages.c.case_id)
            .where(messages.c.id == first.scalar_subquery(), cases.c.merged_into.is_(None))
        )
        row = conn.execute(query).first()
        if row is not None and row.spool_id in spool_ids:
            found.append(_opening(row))
    return found


def opening(conn: Connection, case_id: int, origins: Sequence[str] = ("delivered",)) -> Opening | None:
    """Return the first mail by a requester in this case, or None.

    ``origins``: how it arrived. A person may also answer the author of a mail that a colleague forwarded.
    """
    query = (
        select(messages, cases.c.document)
        .join(cases, cases.c.id == messages.c.case_id)
        .where(messages.c.case_id == case_id, messages.c.origin.in_(origins), messages.c.author_role == "requester")
        .order_by(messages.c.id)
        .limit(1)
    )
    row = conn.execute(query).first()
    return None if row is None else _opening(row)


def _opening(row: Any) -> Opening:
    return Opening(
        case_id=row.case_id,
        message=row.id,
        spool_id=row.spool_id,
        author=row.author_address,
        name=row.author_name,
        role=row.author_role,
        origin=row.origin,
        automatic=row.automatic,
        verified=not UNVERIFIED.intersection(row.defects),
        subject=row.subject,
        language=row.language,
        message_id=row.message_id,
        references=tuple(row.refs),
        headers=dict(row.headers),
        date=row.date,
        received_at=row.received_at,
        document=row.document,
    )
