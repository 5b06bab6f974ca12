"""Reads cases: lists with filters, single cases, merges and counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, literal, or_, select, text

from mailrules.site import Calendar
from mailrules.thread import Side
from service.cases.clocks import business_seconds
from service.cases.state import stamp
from service.errors import NotFound
from service.store import search
from service.store.cursor import beyond
from service.store.neighbours import aliases_of
from service.store.sql import one_row
from service.store.tables import WAITING_SINCE, case_items_missing, case_refs, cases, messages, participants, spool

SORTS = ("-updated", "updated", "-opened", "opened", "priority")

RANK = case(
    (cases.c.status != "open", "P6"),
    (cases.c.priority == "P1", "P1"),
    (cases.c.needs_triage, "P2"),
    (cases.c.priority == "P2", "P3"),
    (cases.c.priority == "P3", "P4"),
    else_="P5",
)
"""First key of the order ``urgency``, which no index supports: open P1 cases, those to triage, then by priority."""

COUNTED = text("cases.status <> ''")  # exactly the condition of a partial index, so that the planner uses the index

_SUMMARY = [
    cases.c[name]
    for name in (
        "id title status waiting_on waiting_since priority kind language vendor vendor_refs missing needs_triage "
        "requester excerpt open_asks messages opened_at updated_at owner"
    ).split()
] + [cases.c.document[name].label(name) for name in ("recovered", "parked", "partner")]


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that a case must meet. An empty field sets no condition. Of a tuple, one value must match."""

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
    q: str | None = None  # words to search for
    updated_since: datetime | None = None
    older_than: datetime | None = None  # last updated before this time


@dataclass(frozen=True, slots=True)
class StoredCase:
    """A case as stored, merged or not."""

    id: int
    version: int  # increases with every change; the API uses it as ETag
    merged_into: int | None
    document: dict[str, Any]
    updated_at: datetime


def key_of(number: int, prefix: str) -> str:
    return f"{prefix}-{number}"


def number_of(key: str, prefix: str) -> int:
    """Return the number in a case key: 12 of ``SD-12``. Raises NotFound if the text is not a case key."""
    head, dash, digits = key.rpartition("-")
    if dash and head.upper() == prefix.upper() and digits.isascii() and digits.isdigit() and len(digits) < 16:
        return int(digits)
    raise NotFound(f"there is no case {key[:40]}")


def page(
    conn: Connection, which: Filter, sort: str, limit: int, after: Sequence[Any] | None, prefix: str
) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """Return up to ``limit`` summaries after a position, and the last position; None at the end."""
    down = sort.startswith("-")
    rank: Any = {"priority": cases.c.priority, "urgency": RANK}.get(sort)
    moment = cases.c[sort.lstrip("-") + "_at"] if rank is None else WAITING_SINCE
    order: list[Any] = [moment.desc(), cases.c.id.desc()] if down else [moment, cases.c.id]
    if rank is not None:  # P1 first, then the case that waits longest
        order.insert(0, rank)
        if len(which.waiting_on) == 1:  # constant in this query, but needed to match the order of an index
            order.insert(0, cases.c.waiting_on)
    keys = moment.label("moment"), (literal("") if rank is None else rank).label("rank")
    query = select(*_SUMMARY, *keys).where(*_conditions(conn, which, prefix))
    if after is not None:
        query = query.where(beyond(moment, cases.c.id, after, down=down, priority=rank))
    rows = conn.execute(query.order_by(*order).limit(limit + 1)).all()
    found = [dict(row._mapping) for row in rows[:limit]]
    positions = [[row.pop("rank"), row.pop("moment"), row["id"]] for row in found]
    return [_summary(row, prefix) for row in found], positions[-1] if len(rows) > limit else None


def find(conn: Connection, number: int) -> StoredCase:
    """Return one case, merged or not. Raises NotFound."""
    columns = [cases.c[name] for name in StoredCase.__slots__]
    return StoredCase(*one_row(conn, select(*columns).where(cases.c.id == number), _MISSING))


_MISSING = "there is no such case"


def survivor(conn: Connection, number: int) -> int:
    """Return the case into which this case was merged, or the case itself (also in a cycle). Raises NotFound."""
    return number if merge_target(conn, number) is None else aliases_of(conn, [number]).get(number, number)


def merge_target(conn: Connection, number: int) -> int | None:
    """Return the case into which this case was merged, or None. Raises NotFound."""
    into: int | None = one_row(conn, select(cases.c.merged_into).where(cases.c.id == number), _MISSING)[0]
    return into


def documents_of(conn: Connection, case_ids: Sequence[int], since: datetime) -> dict[int, dict[str, Any]]:
    """Return case id → document of the cases with a message since a time, without merged cases.

    For mail that a server delivered, the time of receipt counts, because Date may be wrong. For mail from archives and
    mailboxes, Date counts.
    """
    delivered = and_(spool.c.channel.in_(("smtp", "lmtp")), messages.c.received_at >= since)
    recent = or_(delivered, func.coalesce(messages.c.date, messages.c.received_at) >= since)
    new = exists().where(messages.c.case_id == cases.c.id, messages.c.spool_id == spool.c.id, recent)
    query = select(cases.c.id, cases.c.document).where(cases.c.id.in_(case_ids), cases.c.merged_into.is_(None), new)
    return {row.id: row.document for row in conn.execute(query)}


def titles_of(conn: Connection, case_ids: Sequence[int]) -> dict[int, str]:
    """Return case id → title, without merged cases."""
    query = select(cases.c.id, cases.c.title).where(cases.c.id.in_(case_ids), cases.c.merged_into.is_(None))
    return {row.id: row.title for row in conn.execute(query)}


def count(conn: Connection, which: Filter, prefix: str, up_to: int = 1000) -> int:
    """Return the number of matching cases, at most ``up_to``. The limit keeps the query cheap."""
    matching = select(cases.c.id).where(*_conditions(conn, which, prefix)).limit(up_to).subquery()
    return int(conn.execute(select(func.count()).select_from(matching)).scalar_one())


def by_state(conn: Connection) -> list[tuple[str, str, int]]:
    """Return (status, priority, number of cases) without merged cases. It reads only the partial index for counts."""
    groups = (cases.c.status, cases.c.priority)
    query = select(*groups, func.count()).where(cases.c.merged_into.is_(None), COUNTED).group_by(*groups)
    return [(status, priority, number) for status, priority, number in conn.execute(query)]


def to_now(case: StoredCase, now: datetime, calendars: Mapping[Side, Calendar] | None = None) -> dict[str, Any]:
    """Return the document as of ``now``: clocks run on, and promises become overdue."""
    document = dict(case.document)
    side: Any = document.get("waiting_on")
    since = case.updated_at
    clocks = document.get("clocks")
    if clocks and side in clocks and document.get("status") == "open":
        passed = max(0, int((now - since).total_seconds()))
        document["clocks"] = {**clocks, side: (clocks[side] or 0) + passed}
        if calendars and side in calendars and since < now:
            worked = int(business_seconds(since, now, calendars[side]))
            business_clocks = clocks.get("business") or {}
            document["clocks"]["business"] = {**business_clocks, side: (business_clocks.get(side) or 0) + worked}
    promises = [_promise_to_now(promise, since, now) for promise in document.get("promises") or []]
    if promises and document.get("status") == "open" and any(promise["overdue"] for promise in promises):
        document["promises"] = promises
        document["notes"] = list(dict.fromkeys([*(document.get("notes") or []), "overdue-promise"]))
    return document


def _promise_to_now(promise: dict[str, Any], judged: datetime, now: datetime) -> dict[str, Any]:
    """Return the promise, marked as overdue if its due time came after the case was judged."""
    if promise.get("kept") or promise.get("overdue"):
        return promise
    due = datetime.fromisoformat(promise["due"])
    return {**promise, "overdue": judged <= due < now}


def _summary(values: dict[str, Any], prefix: str) -> dict[str, Any]:
    times = {name: stamp(values[name]) for name in ("waiting_since", "opened_at", "updated_at")}
    values |= {"recovered": bool(values["recovered"]), "parked": values["parked"] or []}
    return {"key": key_of(values.pop("id"), prefix), **values, **times}


def _conditions(conn: Connection, which: Filter, prefix: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [cases.c.merged_into.is_(None)]
    for name in ("status", "priority", "kind", "vendor"):
        if wanted := getattr(which, name):
            conditions.append(cases.c[name] == wanted[0] if len(wanted) == 1 else cases.c[name].in_(wanted))
    if which.needs_triage is not None:
        conditions.append(cases.c.needs_triage.is_(which.needs_triage))
    if which.waiting_on:
        conditions.append(or_(*(cases.c.waiting_on == _or_none(side) for side in which.waiting_on)))
    if which.vendor_ref:
        conditions.append(
            cases.c.id.in_(select(case_refs.c.case_id).where(case_refs.c.ref == which.vendor_ref.strip()))
        )
    if which.missing:
        item = exists().where(case_items_missing.c.case_id == cases.c.id)
        conditions.append(item if which.missing == "any" else item.where(case_items_missing.c.item == which.missing))
    if which.participant:
        who, address = which.participant.strip().casefold(), participants.c.address
        same = address.endswith(who, autoescape=True) if who.startswith("@") else address == who
        conditions.append(cases.c.id.in_(select(participants.c.case_id).where(same)))
    if which.owner:
        conditions.append(cases.c.owner == _or_none(which.owner))
    if which.updated_since:
        conditions.append(cases.c.updated_at >= which.updated_since)
    if which.older_than:
        conditions.append(cases.c.updated_at < which.older_than)
    if which.q and which.q.strip():
        conditions.append(search.matching(conn, which.q, prefix))
    return conditions


def _or_none(wanted: str) -> str | None:
    return None if wanted == "none" else wanted
