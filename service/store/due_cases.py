"""Finds the cases in which a promise, a reminder or a triage is due."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, select

from service.store.tables import cases, outbox

MOST = 500  # cases examined per query


def overdue_promises(
    conn: Connection, since: datetime, now: datetime
) -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Yield (case id, promise, document) of promises that became overdue after ``since``. Only open cases count."""
    promised = cases.c.document["promises"].as_string() != "[]"
    for row in _open_cases(conn, promised, cases.c.updated_at.desc(), cases.c.id.desc()):
        for promise in _overdue(row.document, now):
            if datetime.fromisoformat(promise["due"]) >= since:
                yield row.id, promise, row.document


def untriaged(conn: Connection) -> list[tuple[int, dict[str, Any], datetime]]:
    """Return (case id, document, opening time) of open cases that need triage, newest first."""
    rows = _open_cases(conn, cases.c.needs_triage.is_(True), cases.c.opened_at.desc(), cases.c.id.desc())
    return [(row.id, row.document, row.opened_at) for row in rows]


def waiting_on_team(conn: Connection) -> list[dict[str, Any]]:
    """Return the documents of cases that wait for the team, by priority, then waiting time."""
    rows = _open_cases(conn, cases.c.waiting_on == "team", cases.c.priority, cases.c.waiting_since, cases.c.id)
    return [row.document for row in rows]


def waiting_on_requester(conn: Connection, since: datetime) -> list[tuple[int, dict[str, Any], datetime]]:
    """Return (id, document, waiting since) of cases without a reminder that have waited since ``since`` or longer."""
    reminded = select(outbox.c.case_id).where(outbox.c.kind == "reminder", outbox.c.case_id.is_not(None))
    waiting = and_(cases.c.waiting_on == "requester", cases.c.waiting_since <= since, cases.c.id.not_in(reminded))
    rows = _open_cases(conn, waiting, cases.c.waiting_since.desc(), cases.c.id.desc())
    return [(row.id, row.document, row.waiting_since) for row in rows]


def to_follow_up(conn: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return open cases with an overdue promise, and resolved cases with parked topics."""
    query = select(cases.c.document).where(cases.c.merged_into.is_(None))
    return [
        document
        for document in conn.execute(query.order_by(cases.c.updated_at.desc()).limit(MOST)).scalars()
        if (any(_overdue(document, now)) if document.get("status") == "open" else document.get("parked"))
    ]


def last_asked_items(conn: Connection, case_id: int) -> list[str]:
    """Return the checklist items that the newest mail with questions asks for."""
    asking = (outbox.c.case_id == case_id, outbox.c.kind.in_(("acknowledgement", "questions")))
    query = select(outbox.c["items"]).where(*asking).order_by(outbox.c.id.desc()).limit(1)
    return list(conn.execute(query).scalar() or ())


def _overdue(document: dict[str, Any], now: datetime) -> Iterator[dict[str, Any]]:
    for promise in document.get("promises") or []:
        if not promise.get("kept") and promise.get("due") and datetime.fromisoformat(promise["due"]) < now:
            yield promise


def _open_cases(conn: Connection, which: Any, *order: Any) -> Sequence[Any]:
    query = select(cases.c.id, cases.c.document, cases.c.opened_at, cases.c.waiting_since)
    query = query.where(cases.c.status == "open", cases.c.merged_into.is_(None), which)
    return conn.execute(query.order_by(*order).limit(MOST)).all()
