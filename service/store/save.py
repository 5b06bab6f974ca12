"""Saves cases: the document that the API shows, and the columns that its filters need."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Text, bindparam, delete, select, text, update

from service.cases.answering import asks_by_number
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.sender import DEFECTS
from service.cases.facts.trust import OURS
from service.cases.placement.objections import APART
from service.cases.replies import Asked
from service.cases.turn import Solved
from service.store.neighbours import DISMISSED
from service.store.sent_questions import asked_in, quoted_texts
from service.store.statements import THESE, chunks, every, write_rows
from service.store.tables import (
    Instant,
    case_items_missing,
    case_links,
    case_refs,
    cases,
    events,
    messages,
    participants,
)


@dataclass(frozen=True, slots=True)
class CaseSnapshot:
    """The current state of a case. ``document`` has the form of "Case" in the public interface."""

    case_id: int
    document: dict[str, Any]
    written: msgspec.Raw | None = None  # the stored document, if it differs (``drafts.with_ids``)


@dataclass(frozen=True, slots=True)
class CaseSettings:
    """The data of a case that does not come from its mails."""

    by_hand: dict[str, Any]  # values that people set (``service.cases.state.Overrides``)
    merged: tuple[int, ...] = ()  # cases merged into this case
    related: tuple[int, ...] = ()
    asked: tuple[Asked, ...] = ()  # mails with which sodan asked for information
    quoted: Mapping[int, str] = field(default_factory=dict)  # as ``with_quoted`` adds them
    version: int = 0
    unlike: frozenset[int] = frozenset()  # cases that a person marked as not the same
    solved: tuple[Solved, ...] = ()  # stated by replies that begin another matter, in other cases


def save_cases(
    conn: Connection, standings: Sequence[CaseSnapshot], now: datetime, opened: Collection[int] = ()
) -> None:
    """Save cases in a fixed number of statements, with one event per case."""
    if not standings:
        return
    write_rows(conn, _SAVE, [_summary(standing) for standing in standings])
    _replace_satellites(conn, standings, opened)
    told = [
        {
            "case_id": standing.case_id,
            "kind": "case.opened" if standing.case_id in opened else "case.changed",
            "at": now,
            "data": {name: standing.document.get(name) for name in ("status", "waiting_on", "priority", "title")},
        }
        for standing in standings
    ]
    write_rows(conn, events, told)


# built once, since building a statement takes longer than running it

_SAVE = update(cases).where(cases.c.id == bindparam("case_number")).values(version=cases.c.version + text("1"))
_OWN = (case_refs, case_items_missing, participants)
_CLEAR = tuple(delete(table).where(table.c.case_id.in_(THESE)) for table in _OWN)
_MERGED = select(cases.c.id, cases.c.merged_into).where(cases.c.merged_into.in_(THESE)).order_by(cases.c.id)
_RELATED = (
    select(case_links.c.case_id, case_links.c.other_id, case_links.c.why)
    .where(case_links.c.case_id.in_(THESE))
    .order_by(case_links.c.other_id)
)
_OF_REPLY = ("id", "case_id", "date", "received_at", "statements", "in_reply_to", "refs")
_REPLIES = select(*(messages.c[name] for name in _OF_REPLY)).where(
    messages.c.case_id.in_(THESE),
    messages.c.origin == "delivered",
    messages.c.author_role.in_(OURS),
    messages.c.automatic.is_(None),
    messages.c.facts["fresh"].as_boolean(),
    messages.c.defects.cast(Text).not_like(f"%{DEFECTS['unverified']}%"),
)
_PLACES = select(messages.c.message_id, messages.c.case_id).where(messages.c.message_id.in_(THESE))
_BY_HAND = select(cases.c.id, cases.c.set_by_people, cases.c.version).where(cases.c.id.in_(THESE))
_VERSIONS = select(cases.c.id, cases.c.version).where(cases.c.id.in_(THESE), cases.c.merged_into.is_(None))


def case_settings(conn: Connection, case_ids: Sequence[int]) -> dict[int, CaseSettings]:
    """Return case id → values that people set, merged and related cases, mails with questions."""
    found: dict[int, CaseSettings] = {}
    for chunk in chunks(case_ids):
        # read the version first: a later change increases it
        stored = conn.execute(_BY_HAND, {"these": chunk}).all()
        merged: dict[int, list[int]] = defaultdict(list)
        related: dict[int, list[int]] = defaultdict(list)
        for row in conn.execute(_MERGED, {"these": chunk}).all():
            merged[row.merged_into].append(row.id)
        unlike: dict[int, list[int]] = defaultdict(list)
        apart: dict[int, list[int]] = defaultdict(list)
        for case, other, why in conn.execute(_RELATED, {"these": chunk}).all():
            (unlike if why == DISMISSED else related)[case].append(other)
            if why in APART:
                apart[other].append(case)
        solved = _solved(conn, apart)
        asked = asked_in(conn, {number: case for case in chunk for number in (case, *merged[case])})
        for id, by_hand, version in stored:
            found[id] = CaseSettings(
                by_hand or {},
                tuple(merged[id]),
                tuple(related[id]),
                asked.get(id, ()),
                version=version,
                unlike=frozenset(unlike[id]),
                solved=tuple(solved[id]),
            )
    return found


def with_quoted(
    conn: Connection, known: Mapping[int, CaseSettings], lines: Mapping[int, Sequence[CaseMessage]]
) -> dict[int, CaseSettings]:
    """Return the settings with message id → quoted text of our mails, for cases in which somebody asked by number."""
    asking = [id for id, its in known.items() if its.asked or any(map(asks_by_number, lines.get(id, ())))]
    quoted = quoted_texts(conn, [id for id in asking if id > 0])
    return {**known, **{id: replace(known[id], quoted=quoted) for id in asking}}


def _solved(conn: Connection, apart: Mapping[int, Sequence[int]]) -> dict[int, list[Solved]]:
    """Return case → replies that left the case and say that it is solved. ``apart``: case of a reply → related cases.

    The References of a reply may name mails of several cases. The reply left the case of the newest stored mail.
    """
    news = [row for row in every(conn, _REPLIES, sorted(apart)) if _is_solved(row.statements)]
    named = {row.id: (*row.in_reply_to, *reversed(row.refs)) for row in news}
    places: dict[str, set[int]] = defaultdict(set)
    for mid, case in every(conn, _PLACES, sorted({mid for its in named.values() for mid in its})):
        places[mid].add(case)
    found: dict[int, list[Solved]] = defaultdict(list)
    for row in news:
        left = next((places[mid] for mid in named[row.id] if mid in places), set())
        for case in left.intersection(apart[row.case_id]):
            found[case].append((min(row.date or row.received_at, row.received_at), str(row.id)))
    return found


def _is_solved(statements: Mapping[str, Any] | None) -> bool:
    acts = (statements or {}).get("acts", ())
    return "confirm_resolved" in acts and "reopen" not in acts


def versions(conn: Connection, case_ids: Sequence[int]) -> dict[int, int]:
    """Return case id → version, without merged cases. Saving a case changes its version."""
    return {row.id: row.version for row in every(conn, _VERSIONS, case_ids)}


def _summary(standing: CaseSnapshot) -> dict[str, Any]:
    document = standing.document
    values: dict[str, Any] = {name: document.get(name) for name in _OF_DOCUMENT}
    times = {name: datetime.fromisoformat(values[name]) for name in _TIMES if isinstance(values[name], str)}
    return {**values, **times, "case_number": standing.case_id, "document": standing.written or document}


_OTHERS = {"id", "merged_into", "version", "set_by_people", "document"}
_OF_DOCUMENT = [column.name for column in cases.c if column.name not in _OTHERS]
_TIMES = [column.name for column in cases.c if isinstance(column.type, Instant)]


def _replace_satellites(conn: Connection, standings: Sequence[CaseSnapshot], opened: Collection[int]) -> None:
    refs = {(s.case_id, one["vendor"], one["ref"][:200]) for s in standings for one in s.document["vendor_refs"]}
    missing = {(s.case_id, item) for s in standings for item in s.document["missing"]}
    people = {
        (s.case_id, str(one["address"]).casefold()[:320]): (one.get("name") or "", one["role"])
        for s in standings
        for one in s.document["participants"]
    }
    known = [standing.case_id for standing in standings if standing.case_id not in opened]  # a new case has no rows yet
    for chunk in chunks(known):
        for clear in _CLEAR:
            conn.execute(clear, {"these": chunk})
    rows: tuple[list[Any], ...] = (sorted(refs), sorted(missing), [(*key, *value) for key, value in people.items()])
    for table, its in zip(_OWN, rows, strict=True):
        write_rows(conn, table, [dict(zip(table.c.keys(), row, strict=True)) for row in its])
