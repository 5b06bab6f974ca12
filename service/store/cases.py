"""Read cases: a page with keyset pagination, or one case. The worker writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, text

from mailrules.thread import Side
from service.cases.clocks import Calendar, Span, business
from service.errors import NotFound
from service.store import search
from service.store.cursor import beyond
from service.store.statements import one_row
from service.store.tables import case_items_missing, case_refs, cases, participants

SORTS = ("-updated", "updated", "-opened", "opened", "priority")

COUNTED = text("cases.status <> ''")
"""The condition of the partial index for counts, word for word, so that the planner uses that index."""

_SUMMARY = [
    cases.c[name]
    for name in (
        "id title status waiting_on waiting_since priority kind language vendor vendor_refs missing needs_triage "
        "requester excerpt open_asks messages opened_at updated_at owner"
    ).split()
]


@dataclass(frozen=True, slots=True)
class Filter:
    """Selects cases. All fields must match, except empty ones; several values of a field are alternatives."""

    status: tuple[str, ...] = ()
    waiting_on: tuple[str, ...] = ()  # ``none``: nobody has to act
    priority: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    needs_triage: bool | None = None
    vendor: tuple[str, ...] = ()
    vendor_ref: str | None = None
    missing: str | None = None  # an item id, or ``any``
    participant: str | None = None  # an address, or ``@domain``
    owner: str | None = None  # the name of a team member, or ``none``
    q: str | None = None
    updated_since: datetime | None = None
    older_than: datetime | None = None  # last updated before this time


@dataclass(frozen=True, slots=True)
class Found:
    """One case as stored, with the columns that the API needs besides the document."""

    id: int
    version: int
    merged_into: int | None
    document: dict[str, Any]
    updated_at: datetime


def key_of(number: int, prefix: str) -> str:
    return f"{prefix}-{number}"


def number_of(key: str, prefix: str) -> int:
    """Return the id of a case key. Raises NotFound if the text is not a case key."""
    head, dash, digits = key.rpartition("-")
    if dash and head.upper() == prefix.upper() and digits.isascii() and digits.isdigit() and len(digits) < 16:
        return int(digits)
    raise NotFound(f"there is no case {key[:40]}")


def stamp(moment: datetime | None) -> str | None:
    """Return the time as ISO 8601 in UTC with ``Z``, or None."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def page(
    conn: Connection, which: Filter, sort: str, limit: int, after: Sequence[Any] | None, prefix: str
) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """Return case summaries in order, and the position (cursor.py) of the last one if more follow, else None."""
    down = sort.startswith("-")
    moment = cases.c.updated_at if sort == "priority" else cases.c[sort.lstrip("-") + "_at"]
    order: list[Any] = [moment.desc(), cases.c.id.desc()] if down else [moment, cases.c.id]
    if sort == "priority":  # P1 first, then the case that was not updated for longest
        order.insert(0, cases.c.priority)
        if len(which.waiting_on) == 1:  # constant here, but it makes the order match an index
            order.insert(0, cases.c.waiting_on)
    query = select(*_SUMMARY).where(*_conditions(conn, which, prefix)).order_by(*order).limit(limit + 1)
    if after is not None:
        rest = beyond(moment, cases.c.id, after, down=down)
        level = after[0] or "P1"
        same = and_(cases.c.priority == level, rest)
        query = query.where(or_(cases.c.priority > level, same) if sort == "priority" else rest)
    rows = conn.execute(query).all()
    items = [_summary(dict(row._mapping), prefix) for row in rows[:limit]]
    if len(rows) <= limit:
        return items, None
    last = rows[limit - 1]._mapping
    return items, [last["priority"] if sort == "priority" else "", last[moment.name], last["id"]]


def find(conn: Connection, number: int) -> Found:
    """Return one case. Raises NotFound."""
    return Found(*one_row(conn, select(*_FOUND).where(cases.c.id == number), _MISSING))


_MISSING = "there is no such case"
_FOUND = [cases.c[name] for name in Found.__slots__]


def survivor(conn: Connection, number: int) -> int:
    """Follow merges to the case that this one is now part of; stops at a cycle. Raises NotFound."""
    seen: set[int] = set()
    while (into := merge_target(conn, number)) is not None and number not in seen:
        seen.add(number)
        number = into
    return number


def merge_target(conn: Connection, number: int) -> int | None:
    """Return the case that this one was merged into, if it was. Raises NotFound."""
    into: int | None = one_row(conn, select(cases.c.merged_into).where(cases.c.id == number), _MISSING)[0]
    return into


def documents_of(conn: Connection, case_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return case id → document of those cases that are not merged into another."""
    query = select(cases.c.id, cases.c.document).where(cases.c.id.in_(case_ids), cases.c.merged_into.is_(None))
    return {row.id: row.document for row in conn.execute(query)}


def count(conn: Connection, which: Filter, prefix: str, up_to: int = 1000) -> int:
    """Count the matching cases, up to ``up_to``; the limit keeps the query cheap."""
    some = select(cases.c.id).where(*_conditions(conn, which, prefix)).limit(up_to).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one())


def by_state(conn: Connection) -> list[tuple[str, str, int]]:
    """Return (status, priority, count) of all unmerged cases, for metrics. Uses the partial index for counts."""
    groups = (cases.c.status, cases.c.priority)
    query = select(*groups, func.count()).where(cases.c.merged_into.is_(None), COUNTED).group_by(*groups)
    return [(status, priority, number) for status, priority, number in conn.execute(query)]


def to_now(found: Found, now: datetime, calendars: Mapping[Side, Calendar] | None = None) -> dict[str, Any]:
    """Return the case document with clocks and promises updated from its last update to ``now``.

    The time since then is added to the side that has to act, also in business time if it has a calendar. Promises that
    became due since are marked as overdue.
    """
    document = dict(found.document)
    side: Any = document.get("waiting_on")
    since = found.updated_at
    clocks = document.get("clocks")
    if clocks and side in clocks and document.get("status") == "open":
        passed = max(0, int((now - since).total_seconds()))
        document["clocks"] = {**clocks, side: (clocks[side] or 0) + passed}
        if calendars and side in calendars and since < now:
            worked = business([Span(side, since, now)], side, calendars[side])
            before = clocks.get("business") or {}
            document["clocks"]["business"] = {**before, side: (before.get(side) or 0) + worked}
    promises = [_by_now(promise, since, now) for promise in document.get("promises") or []]
    if promises and document.get("status") == "open" and any(one["overdue"] for one in promises):
        document["promises"] = promises
        document["notes"] = list(dict.fromkeys([*(document.get("notes") or []), "overdue-promise"]))
    return document


def _by_now(promise: dict[str, Any], judged: datetime, now: datetime) -> dict[str, Any]:
    """Mark a promise as overdue if its due date has passed since the case was judged."""
    if promise.get("kept") or promise.get("overdue"):
        return promise
    due = datetime.fromisoformat(promise["due"])
    return {**promise, "overdue": judged <= due < now}


def _summary(values: dict[str, Any], prefix: str) -> dict[str, Any]:
    times = {name: stamp(values[name]) for name in ("waiting_since", "opened_at", "updated_at")}
    return {"key": key_of(values.pop("id"), prefix), **values, **times}


def _conditions(conn: Connection, which: Filter, prefix: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [cases.c.merged_into.is_(None)]
    for column, wanted in (
        (cases.c.status, which.status),
        (cases.c.priority, which.priority),
        (cases.c.kind, which.kind),
        (cases.c.vendor, which.vendor),
    ):
        if wanted:
            found.append(column == wanted[0] if len(wanted) == 1 else column.in_(wanted))
    if which.needs_triage is not None:
        found.append(cases.c.needs_triage.is_(which.needs_triage))
    if which.waiting_on:
        found.append(or_(*(cases.c.waiting_on == _or_none(side) for side in which.waiting_on)))
    if which.vendor_ref:
        found.append(cases.c.id.in_(select(case_refs.c.case_id).where(case_refs.c.ref == which.vendor_ref.strip())))
    if which.missing:
        item = exists().where(case_items_missing.c.case_id == cases.c.id)
        found.append(item if which.missing == "any" else item.where(case_items_missing.c.item == which.missing))
    if which.participant:
        who, address = which.participant.strip().casefold(), participants.c.address
        same = address.like(f"%{search.escape_like(who)}", escape="\\") if who.startswith("@") else address == who
        found.append(cases.c.id.in_(select(participants.c.case_id).where(same)))
    if which.owner:
        found.append(cases.c.owner == _or_none(which.owner))
    if which.updated_since:
        found.append(cases.c.updated_at >= which.updated_since)
    if which.older_than:
        found.append(cases.c.updated_at < which.older_than)
    if which.q and which.q.strip():
        found.append(search.matching(conn, which.q, prefix))
    return found


def _or_none(wanted: str) -> str | None:
    return None if wanted == "none" else wanted
