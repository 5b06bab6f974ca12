"""Reads events, for the event stream, webhooks, and the history of a case."""

from typing import Any

from sqlalchemy import Connection, Select, func, select

from service.cases.state import stamp
from service.store.cases import key_of
from service.store.tables import events

_CASE = events.c.case_id.label("case")
_EVENTS = select(events.c.id, events.c.kind, _CASE, events.c.at, events.c.who, events.c.data, events.c.undone_by)


def since(conn: Connection, last: int, limit: int, prefix: str) -> list[dict[str, Any]]:
    """Return up to ``limit`` events with an id above ``last``, oldest first."""
    return _read(conn, _EVENTS.where(events.c.id > last).order_by(events.c.id).limit(limit), prefix)


def newest(conn: Connection) -> int:
    """Return the id of the newest event, or 0 if there is none."""
    return int(conn.execute(select(func.coalesce(func.max(events.c.id), 0))).scalar_one())


def of_case(
    conn: Connection, case_id: int, prefix: str, limit: int = 100, *, by_people: bool = False
) -> list[dict[str, Any]]:
    """Return the events of one case, newest first. ``by_people``: only the changes that people made."""
    query = _EVENTS.where(events.c.case_id == case_id).order_by(events.c.id.desc()).limit(limit)
    return _read(conn, query.where(events.c.who != "") if by_people else query, prefix)


def _read(conn: Connection, query: Select[Any], prefix: str) -> list[dict[str, Any]]:
    rows = map(dict, conn.execute(query).mappings())
    return [row | {"case": row["case"] and key_of(row["case"], prefix), "at": stamp(row["at"])} for row in rows]
