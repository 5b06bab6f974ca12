"""Finds cases in which something is due because time has passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from service.store.tables import cases, outbox

MOST = 500
"""Cases examined per round."""
_OPEN = (cases.c.status == "open", cases.c.merged_into.is_(None))


def overdue_promises(conn: Connection, now: datetime) -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Yield (case id, promise, document) of promises that are overdue and not kept."""
    for row in _open_cases(conn):
        for promise in row.document.get("promises") or []:
            if not promise.get("kept") and promise.get("due") and datetime.fromisoformat(promise["due"]) < now:
                yield row.id, promise, row.document


def untriaged(conn: Connection) -> Iterator[tuple[int, dict[str, Any], datetime]]:
    """Yield (case id, document, opened at) of open cases that need triage."""
    for row in _open_cases(conn):
        if row.document.get("needs_triage"):
            yield row.id, row.document, row.opened_at


def waiting_on_team(conn: Connection) -> list[dict[str, Any]]:
    """Return documents of open cases that the team has to act on, by priority, then longest waiting first."""
    query = (
        select(cases.c.document)
        .where(*_OPEN, cases.c.waiting_on == "team")
        .order_by(cases.c.priority, cases.c.waiting_since, cases.c.id)
        .limit(MOST)
    )
    return list(conn.execute(query).scalars())


def waiting_on_requester(conn: Connection, since: datetime) -> list[tuple[int, dict[str, Any], datetime]]:
    """Return (case id, document, waiting since) of open cases that have waited on the requester since ``since``."""
    reminded = select(outbox.c.case_id).where(outbox.c.kind == "reminder", outbox.c.case_id.is_not(None))
    query = (
        select(cases.c.id, cases.c.document, cases.c.waiting_since)
        .where(*_OPEN, cases.c.waiting_on == "requester", cases.c.waiting_since <= since, cases.c.id.not_in(reminded))
        .order_by(cases.c.waiting_since, cases.c.id)
        .limit(MOST)
    )
    return [(row.id, row.document, row.waiting_since) for row in conn.execute(query)]


def came_due(conn: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return documents of open cases with an overdue promise, and of resolved or closed ones with parked topics."""
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
    """Return the items that the latest mail with questions asks for."""
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
