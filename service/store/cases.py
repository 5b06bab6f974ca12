"""Read cases: a page with keyset pagination, or one case. The worker writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, literal, or_, select, text, tuple_
from sqlalchemy.sql.elements import UnaryExpression

from mailrules.thread import Side
from service.cases.clocks import Calendar, Span, business
from service.errors import NotFound, Refused
from service.store import search
from service.store.tables import Instant, Number, case_items_missing, case_refs, cases, participants

SORTS = ("-updated", "updated", "-opened", "opened", "priority")

COUNTED = text("cases.status <> ''")
"""The condition of the partial index for counts, word for word, so that the planner uses that index."""

_SUMMARY = (
    cases.c.id,
    cases.c.title,
    cases.c.status,
    cases.c.waiting_on,
    cases.c.waiting_since,
    cases.c.priority,
    cases.c.kind,
    cases.c.language,
    cases.c.vendor,
    cases.c.vendor_refs,
    cases.c.missing,
    cases.c.needs_triage,
    cases.c.requester,
    cases.c.excerpt,
    cases.c.open_asks,
    cases.c.messages,
    cases.c.opened_at,
    cases.c.updated_at,
    cases.c.owner,
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Selects cases. All fields must match, except empty ones; several values of a field are alternatives."""

    status: tuple[str, ...] = ()
    waiting_on: tuple[str, ...] = ()
    """``none``: nobody has to act."""
    priority: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    needs_triage: bool | None = None
    vendor: tuple[str, ...] = ()
    vendor_ref: str | None = None
    missing: str | None = None
    """An item id, or ``any``."""
    participant: str | None = None
    """An address, or ``@domain``."""
    owner: str | None = None
    """The name of a team member, or ``none``."""
    q: str | None = None
    updated_since: datetime | None = None
    older_than: datetime | None = None
    """Last updated before this time."""


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
    """Return case summaries in order, and the position of the last one if more follow, else None."""
    column, order, beyond = _ordering(sort, after)
    if sort == "priority" and len(which.waiting_on) == 1:
        order = [cases.c.waiting_on.asc(), *order]  # constant here, but it makes the order match an index
    query = select(*_SUMMARY).where(*_conditions(conn, which, prefix)).order_by(*order).limit(limit + 1)
    if beyond is not None:
        query = query.where(beyond)
    rows = conn.execute(query).all()
    more = len(rows) > limit
    items = [_summary(row, prefix) for row in rows[:limit]]
    return items, _position(column, rows[limit - 1]) if more else None


def find(conn: Connection, number: int) -> Found:
    """Return one case. Raises NotFound."""
    row = conn.execute(
        select(cases.c.id, cases.c.version, cases.c.merged_into, cases.c.document, cases.c.updated_at).where(
            cases.c.id == number
        )
    ).one_or_none()
    if row is None:
        raise NotFound("there is no such case")
    return Found(row.id, row.version, row.merged_into, row.document, row.updated_at)


def survivor(conn: Connection, number: int) -> int:
    """Follow merges and return the id of the case that this one is now part of. Raises NotFound."""
    seen: set[int] = set()
    while (found := find(conn, number)).merged_into is not None and number not in seen:
        seen.add(number)
        number = found.merged_into
    return number


def count(conn: Connection, which: Filter, prefix: str, up_to: int = 1000) -> int:
    """Count the matching cases, up to ``up_to``; the limit keeps the query cheap."""
    some = select(cases.c.id).where(*_conditions(conn, which, prefix)).limit(up_to).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one())


def by_state(conn: Connection) -> list[tuple[str, str, int]]:
    """Return (status, priority, count) of all unmerged cases, for metrics. Uses the partial index for counts."""
    query = (
        select(cases.c.status, cases.c.priority, func.count())
        .where(cases.c.merged_into.is_(None), COUNTED)
        .group_by(cases.c.status, cases.c.priority)
    )
    return [(row[0], row[1], row[2]) for row in conn.execute(query)]


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


def _summary(row: Row[*tuple[Any, ...]], prefix: str) -> dict[str, Any]:
    values = dict(row._mapping)
    summary: dict[str, Any] = {"key": key_of(values.pop("id"), prefix), **values}
    for name in ("waiting_since", "opened_at", "updated_at"):
        summary[name] = stamp(summary[name])
    return summary


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
        sides = [side for side in which.waiting_on if side != "none"]
        turn: list[ColumnElement[bool]] = [cases.c.waiting_on == side for side in sides]
        if "none" in which.waiting_on:
            turn.append(cases.c.waiting_on.is_(None))
        found.append(or_(*turn))
    if which.vendor_ref:
        found.append(cases.c.id.in_(select(case_refs.c.case_id).where(case_refs.c.ref == which.vendor_ref.strip())))
    if which.missing == "any":
        found.append(exists().where(case_items_missing.c.case_id == cases.c.id))
    elif which.missing:
        found.append(
            exists().where(case_items_missing.c.case_id == cases.c.id, case_items_missing.c.item == which.missing)
        )
    if which.participant:
        who = which.participant.strip().casefold()
        same = (
            participants.c.address.like(f"%{search.escape_like(who)}", escape="\\")
            if who.startswith("@")
            else participants.c.address == who
        )
        found.append(cases.c.id.in_(select(participants.c.case_id).where(same)))
    if which.owner == "none":
        found.append(cases.c.owner.is_(None))
    elif which.owner:
        found.append(cases.c.owner == which.owner)
    if which.updated_since:
        found.append(cases.c.updated_at >= which.updated_since)
    if which.older_than:
        found.append(cases.c.updated_at < which.older_than)
    if which.q and which.q.strip():
        found.append(search.matching(conn, which.q, prefix))
    return found


def _ordering(
    sort: str, after: Sequence[Any] | None
) -> tuple[str, list[UnaryExpression[Any]], ColumnElement[bool] | None]:
    """Return the name of the sort column, ORDER BY, and the condition for rows after a position."""
    if sort == "priority":  # P1 first, then the case that was not updated for longest
        order = [cases.c.priority.asc(), cases.c.updated_at.asc(), cases.c.id.asc()]
        if after is None:
            return sort, order, None
        level, _, moment = str(after[0]).rpartition(" ")
        rest = tuple_(cases.c.updated_at, cases.c.id) > tuple_(_moment(moment), _number(after[1]))
        return sort, order, or_(cases.c.priority > (level or "P1"), and_(cases.c.priority == (level or "P1"), rest))
    down, name = sort.startswith("-"), sort.lstrip("-") + "_at"
    column = cases.c[name]
    order = [column.desc(), cases.c.id.desc()] if down else [column.asc(), cases.c.id.asc()]
    if after is None:
        return name, order, None
    here, there = tuple_(column, cases.c.id), tuple_(_moment(str(after[0]).rpartition(" ")[2]), _number(after[1]))
    return name, order, here < there if down else here > there


def _position(column: str, row: Row[*tuple[Any, ...]]) -> list[Any]:
    values = row._mapping
    if column == "priority":
        return [f"{values['priority']} {values['updated_at'].isoformat()}", values["id"]]
    return [values[column].isoformat(), values["id"]]


def _moment(written: Any) -> Any:
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError:
        raise Refused("cursor: not valid for this sort; use `next` of the previous page") from None
    return literal(moment if moment.tzinfo else moment.replace(tzinfo=UTC), Instant)


def _number(written: Any) -> Any:
    if not isinstance(written, int) or abs(written) > 2**62:
        raise Refused("cursor: not valid for this sort; use `next` of the previous page")
    return literal(written, Number)
