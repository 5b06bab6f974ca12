"""Reads events in order, for the event stream, webhooks, and the history of a case."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, func, select

from service.store.cases import key_of, stamp
from service.store.tables import events

_EVENTS = select(events)


def since(conn: Connection, last: int, limit: int, prefix: str) -> list[dict[str, Any]]:
    """Return up to ``limit`` events with an id above ``last``, oldest first."""
    return _told(conn, _EVENTS.where(events.c.id > last).order_by(events.c.id).limit(limit), prefix)


def newest(conn: Connection) -> int:
    """Return the id of the newest event, or 0 if there is none."""
    return int(conn.execute(select(func.coalesce(func.max(events.c.id), 0))).scalar_one())


def of_case(
    conn: Connection, case_id: int, prefix: str, limit: int = 100, *, by_people: bool = False
) -> list[dict[str, Any]]:
    """Return the events of one case, newest first; ``by_people``: only what people did."""
    query = _EVENTS.where(events.c.case_id == case_id).order_by(events.c.id.desc()).limit(limit)
    return _told(conn, query.where(events.c.who != "") if by_people else query, prefix)


def _told(conn: Connection, query: Select[Any], prefix: str) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "case": None if row.case_id is None else key_of(row.case_id, prefix),
            "at": stamp(row.at),
            "who": row.who,
            "data": row.data,
            "undone_by": row.undone_by,
        }
        for row in conn.execute(query)
    ]
