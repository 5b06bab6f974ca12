"""Finds the cases for which something is due because time passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from service.store.tables import cases, outbox

MOST = 500
"""Cases looked at in one round."""
_OPEN = (cases.c.status == "open", cases.c.merged_into.is_(None))


def overdue_promises(conn: Connection, now: datetime) -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """(case, promise, document) of promises whose date has passed and that no mail has kept."""
    for row in _open_cases(conn):
        for promise in row.document.get("promises") or []:
            if not promise.get("kept") and promise.get("due") and datetime.fromisoformat(promise["due"]) < now:
                yield row.id, promise, row.document


def untriaged(conn: Connection) -> Iterator[tuple[int, dict[str, Any], datetime]]:
    """(case, document, opened at) of open cases of which nobody has said how bad they are."""
    for row in _open_cases(conn):
        if row.document.get("needs_triage"):
            yield row.id, row.document, row.opened_at


def waiting_on_team(conn: Connection) -> list[dict[str, Any]]:
    """Documents of open cases whose turn is ours, most urgent first, then those that wait longest."""
    query = (
        select(cases.c.document)
        .where(*_OPEN, cases.c.waiting_on == "team")
        .order_by(cases.c.priority, cases.c.waiting_since, cases.c.id)
        .limit(MOST)
    )
    return list(conn.execute(query).scalars())


def waiting_on_requester(conn: Connection, since: datetime) -> list[tuple[int, dict[str, Any], datetime]]:
    """(case, document, waiting since) of open cases that have waited on their requester, not reminded yet."""
    reminded = select(outbox.c.case_id).where(outbox.c.kind == "reminder", outbox.c.case_id.is_not(None))
    query = (
        select(cases.c.id, cases.c.document, cases.c.waiting_since)
        .where(*_OPEN, cases.c.waiting_on == "requester", cases.c.waiting_since <= since, cases.c.id.not_in(reminded))
        .order_by(cases.c.waiting_since, cases.c.id)
        .limit(MOST)
    )
    return [(row.id, row.document, row.waiting_since) for row in conn.execute(query)]


def came_due(conn: Connection, now: datetime) -> list[dict[str, Any]]:
    """Documents of cases with a promise that is overdue, or parked topics that wait since service is back."""
    query = (
        select(cases.c.document).where(cases.c.merged_into.is_(None)).order_by(cases.c.updated_at.desc()).limit(MOST)
    )
    found = []
    for document in conn.execute(query).scalars():
        over = any(
            not one.get("kept") and one.get("due") and datetime.fromisoformat(one["due"]) < now
            for one in document.get("promises") or []
        )
        parked = document.get("parked") and document.get("status") != "open"
        if (over and document.get("status") == "open") or parked:
            found.append(document)
    return found


def asked_last(conn: Connection, case_id: int) -> list[str]:
    """Items that the requester was asked for last."""
    query = (
        select(outbox.c["items"])
        .where(outbox.c.case_id == case_id, outbox.c.kind.in_(("acknowledgement", "questions")))
        .order_by(outbox.c.id.desc())
        .limit(1)
    )
    return list(conn.execute(query).scalar() or ())


def _open_cases(conn: Connection) -> list[Any]:
    query = select(cases.c.id, cases.c.document, cases.c.opened_at).where(*_OPEN).order_by(cases.c.priority).limit(MOST)
    return list(conn.execute(query))
