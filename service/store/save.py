"""Saves cases: the document that the API shows, and the columns that its filters need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from service.cases.replies import Asked
from service.store.asked import asked_in, quoted_texts
from service.store.tables import case_items_missing, case_links, case_refs, cases, events, participants

_CHUNK = 400


@dataclass(frozen=True, slots=True)
class CaseSnapshot:
    """The current state of a case. ``document`` has the form of "Case" in the public interface."""

    case_id: int
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CaseSettings:
    """What is known about a case besides its mails."""

    by_hand: dict[str, Any]
    """What people set (``service.cases.state.Overrides``)."""
    merged: tuple[int, ...] = ()
    """Cases merged into this one."""
    related: tuple[int, ...] = ()
    asked: tuple[Asked, ...] = ()
    """Mails with which sodan asked for information."""
    quoted: Mapping[int, str] = field(default_factory=dict)
    """Message id → its quoted text, for cases in which something was asked."""


def save_cases(
    conn: Connection, standings: Sequence[CaseSnapshot], now: datetime, opened: Collection[int] = ()
) -> None:
    """Save cases in a fixed number of statements, with one event per case."""
    if not standings:
        return
    conn.execute(_SAVE, [_summary(standing) for standing in standings])
    _replace_satellites(conn, standings, opened)
    conn.execute(
        _TELL,
        [
            {
                "case_id": standing.case_id,
                "kind": "case.opened" if standing.case_id in opened else "case.changed",
                "at": now,
                "data": {name: standing.document.get(name) for name in ("status", "waiting_on", "priority", "title")},
            }
            for standing in standings
        ],
    )


# built once, since building a statement takes longer than running it

_SAVE = update(cases).where(cases.c.id == bindparam("case_number")).values(version=cases.c.version + 1)
_THESE: BindParameter[Any] = bindparam("these", expanding=True)
_CLEAR = tuple(
    delete(table).where(table.c.case_id.in_(_THESE)) for table in (case_refs, case_items_missing, participants)
)
_TELL, _REFS, _MISSING, _PEOPLE = map(insert, (events, case_refs, case_items_missing, participants))
_MERGED = select(cases.c.id, cases.c.merged_into).where(cases.c.merged_into.in_(_THESE)).order_by(cases.c.id)
_RELATED = (
    select(case_links.c.case_id, case_links.c.other_id)
    .where(case_links.c.case_id.in_(_THESE))
    .order_by(case_links.c.other_id)
)
_BY_HAND = select(cases.c.id, cases.c.set_by_people).where(cases.c.id.in_(_THESE))


def case_settings(conn: Connection, case_ids: Sequence[int]) -> dict[int, CaseSettings]:
    """Return case id → what people set, merged and related cases, and mails with questions."""
    found: dict[int, CaseSettings] = {}
    for start in range(0, len(case_ids), _CHUNK):
        chunk = case_ids[start : start + _CHUNK]
        merged: dict[int, list[int]] = defaultdict(list)
        related: dict[int, list[int]] = defaultdict(list)
        for row in conn.execute(_MERGED, {"these": chunk}).all():
            merged[row.merged_into].append(row.id)
        for row in conn.execute(_RELATED, {"these": chunk}).all():
            related[row.case_id].append(row.other_id)
        asked = asked_in(conn, {number: case for case in chunk for number in (case, *merged[case])})
        quoted = quoted_texts(conn, sorted(asked))
        for row in conn.execute(_BY_HAND, {"these": chunk}).all():
            found[row.id] = CaseSettings(
                row.set_by_people or {},
                tuple(merged[row.id]),
                tuple(related[row.id]),
                asked.get(row.id, ()),
                quoted if row.id in asked else {},
            )
    return found


def _summary(standing: CaseSnapshot) -> dict[str, Any]:
    document = standing.document
    return {
        "case_number": standing.case_id,
        "title": document["title"],
        "status": document["status"],
        "waiting_on": document["waiting_on"],
        "waiting_since": _instant(document["waiting_since"]),
        "priority": document["priority"],
        "kind": document["kind"],
        "language": document["language"],
        "vendor": document["vendor"],
        "vendor_refs": document["vendor_refs"],
        "missing": document["missing"],
        "needs_triage": document["needs_triage"],
        "requester": document["requester"],
        "excerpt": document["excerpt"],
        "open_asks": document["open_asks"],
        "messages": document["messages"],
        "opened_at": _instant(document["opened_at"]),
        "updated_at": _instant(document["updated_at"]),
        "judged_by": document["judged_by"],
        "owner": document.get("owner"),
        "document": document,
    }


def _replace_satellites(conn: Connection, standings: Sequence[CaseSnapshot], opened: Collection[int]) -> None:
    ids = [standing.case_id for standing in standings if standing.case_id not in opened]  # a new case has no rows yet
    refs = {(s.case_id, one["vendor"], one["ref"][:200]) for s in standings for one in s.document["vendor_refs"]}
    missing = {(s.case_id, item) for s in standings for item in s.document["missing"]}
    people: dict[tuple[int, str], dict[str, Any]] = {}
    for standing in standings:
        for one in standing.document["participants"]:
            address = str(one["address"]).casefold()[:320]
            people[standing.case_id, address] = {
                "case_id": standing.case_id,
                "address": address,
                "name": one.get("name") or "",
                "role": one["role"],
            }
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        for clear in _CLEAR:
            conn.execute(clear, {"these": chunk})
    if refs:
        conn.execute(_REFS, [{"case_id": c, "vendor": v, "ref": r} for c, v, r in sorted(refs)])
    if missing:
        conn.execute(_MISSING, [{"case_id": c, "item": item} for c, item in sorted(missing)])
    if people:
        conn.execute(_PEOPLE, list(people.values()))


def _instant(written: Any) -> datetime | None:
    if written is None or isinstance(written, datetime):
        return written
    return datetime.fromisoformat(str(written))
