"""Notes of the team about a case: shown to the team only, never sent."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from service.cases.state import stamp
from service.store import links
from service.store.cases import key_of
from service.store.database import one_at_a_time
from service.store.sql import write_event
from service.store.tables import notes

MOST = 500  # notes shown per case


def add(conn: Connection, case_id: int, text: str, who: str, now: datetime) -> int:
    """Add a note and return its id. The event contains only the id, because webhooks send events to other systems."""
    one_at_a_time(conn)
    statement = insert(notes).values(case_id=case_id, who=who, at=now, text=text).returning(notes.c.id)
    number = int(conn.execute(statement).scalar_one())
    write_event(conn, "case.noted", now, {"note": number}, case=case_id, who=who)
    return number


def of_case(conn: Connection, case_id: int, prefix: str) -> list[dict[str, Any]]:
    """Return the notes of a case and of the cases merged into it, oldest first."""
    parts = [case_id, *links.merged_into(conn, case_id)]
    query = select(notes).where(notes.c.case_id.in_(parts)).order_by(notes.c.id.desc()).limit(MOST)
    return [
        {"id": row.id, "case": key_of(row.case_id, prefix), "who": row.who, "at": stamp(row.at), "text": row.text}
        for row in reversed(conn.execute(query).all())
    ]
