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
from service.store.sent_questions import questions_sent_in, quoted_texts
from service.store.sql import THESE, chunks, in_chunks, write_rows
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
    written: msgspec.Raw | None = None  # the stored document, if it differs (``future_cases.with_ids``)


@dataclass(frozen=True, slots=True)
class CaseSettings:
    """The data of a case that does not come from its mails."""

    by_hand: dict[str, Any]  # values that people set (``service.cases.state.Overrides``)
    merged: tuple[int, ...] = ()  # cases merged into this case
    related: tuple[int, ...] = ()
    asked: tuple[Asked, ...] = ()  # mails with which sodan asked for information
    quoted: Mapping[int, str] = field(default_factory=dict)  # as ``with_quoted`` adds them
    version: int = 0
    dismissed: frozenset[int] = frozenset()  # cases that a person dismissed as suggestions
    solved: tuple[Solved, ...] = ()  # stated by replies that begin another matter, in other cases


def save_cases(conn: Connection, cases: Sequence[CaseSnapshot], now: datetime, opened: Collection[int] = ()) -> None:
    """Save cases in a fixed number of statements, with one event per case. ``opened``: the ids of new cases."""
    if not cases:
        return
    write_rows(conn, _SAVE, [_columns(case) for case in cases])
    _replace_filter_rows(conn, cases, opened)
    saved = [
        {
            "case_id": case.case_id,
            "kind": "case.opened" if case.case_id in opened else "case.changed",
            "at": now,
            "data": {name: case.document.get(name) for name in ("status", "waiting_on", "priority", "title")},
        }
        for case in cases
    ]
    write_rows(conn, events, saved)


# built once, since building a statement takes longer than running it

_SAVE = update(cases).where(cases.c.id == bindparam("case_number")).values(version=cases.c.version + text("1"))
_FILTER_TABLES = (case_refs, case_items_missing, participants)
_CLEAR = tuple(delete(table).where(table.c.case_id.in_(THESE)) for table in _FILTER_TABLES)
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
    # read the version first: a later change increases it
    stored = list(in_chunks(conn, _BY_HAND, case_ids))
    merged: dict[int, list[int]] = defaultdict(list)
    for row in in_chunks(conn, _MERGED, case_ids):
        merged[row.merged_into].append(row.id)
    related, dismissed, new_topics = (defaultdict[int, list[int]](list) for _ in range(3))
    for case, other, why in in_chunks(conn, _RELATED, case_ids):
        (dismissed if why == DISMISSED else related)[case].append(other)
        if why in APART:
            new_topics[other].append(case)
    solved = _solved(conn, new_topics)
    asked = questions_sent_in(conn, {number: case for case in case_ids for number in (case, *merged[case])})
    return {
        id: CaseSettings(
            by_hand or {},
            tuple(merged[id]),
            tuple(related[id]),
            asked.get(id, ()),
            version=version,
            dismissed=frozenset(dismissed[id]),
            solved=tuple(solved[id]),
        )
        for id, by_hand, version in stored
    }


def with_quoted(
    conn: Connection, known: Mapping[int, CaseSettings], lines: Mapping[int, Sequence[CaseMessage]]
) -> dict[int, CaseSettings]:
    """Return the settings. Cases with questions of sodan or with numbered questions also get their quoted texts."""
    asking = [id for id, case in known.items() if case.asked or any(map(asks_by_number, lines.get(id, ())))]
    quoted = quoted_texts(conn, [id for id in asking if id > 0])
    return {**known, **{id: replace(known[id], quoted=quoted) for id in asking}}


def _solved(conn: Connection, new_topics: Mapping[int, Sequence[int]]) -> dict[int, list[Solved]]:
    """Return case id → replies that say that this case is solved, but that are in another case with a new topic.

    ``new_topics``: case with a new topic → related cases. The References of a reply may name mails of several cases.
    The reply concerns the case of the newest stored mail.
    """
    replies = [row for row in in_chunks(conn, _REPLIES, sorted(new_topics)) if _is_solved(row.statements)]
    answered = {row.id: (*row.in_reply_to, *reversed(row.refs)) for row in replies}
    cases_of: dict[str, set[int]] = defaultdict(set)
    for mid, case in in_chunks(conn, _PLACES, sorted({mid for mids in answered.values() for mid in mids})):
        cases_of[mid].add(case)
    found: dict[int, list[Solved]] = defaultdict(list)
    for row in replies:
        earlier = next((cases_of[mid] for mid in answered[row.id] if mid in cases_of), set())
        for case in earlier.intersection(new_topics[row.case_id]):
            found[case].append((min(row.date or row.received_at, row.received_at), str(row.id)))
    return found


def _is_solved(statements: Mapping[str, Any] | None) -> bool:
    told = statements or {}
    acts = told.get("acts", ())
    return bool(told.get("solves")) or ("confirm_resolved" in acts and "reopen" not in acts)


def versions(conn: Connection, case_ids: Sequence[int]) -> dict[int, int]:
    """Return case id → version, without merged cases. Saving a case changes its version."""
    return {row.id: row.version for row in in_chunks(conn, _VERSIONS, case_ids)}


def _columns(case: CaseSnapshot) -> dict[str, Any]:
    document = case.document
    values: dict[str, Any] = {name: document.get(name) for name in _OF_DOCUMENT}
    times = {name: datetime.fromisoformat(values[name]) for name in _TIMES if isinstance(values[name], str)}
    return {**values, **times, "case_number": case.case_id, "document": case.written or document}


_NOT_OF_DOCUMENT = {"id", "merged_into", "version", "set_by_people", "document"}
_OF_DOCUMENT = [column.name for column in cases.c if column.name not in _NOT_OF_DOCUMENT]
_TIMES = [column.name for column in cases.c if isinstance(column.type, Instant)]


def _replace_filter_rows(conn: Connection, cases: Sequence[CaseSnapshot], opened: Collection[int]) -> None:
    """Replace the rows that filters read: vendors' numbers, missing items, participants."""
    refs = {(c.case_id, one["vendor"], one["ref"][:200]) for c in cases for one in c.document["vendor_refs"]}
    missing = {(c.case_id, item) for c in cases for item in c.document["missing"]}
    people = {
        (c.case_id, str(one["address"]).casefold()[:320]): (one.get("name") or "", one["role"])
        for c in cases
        for one in c.document["participants"]
    }
    for chunk in chunks([case.case_id for case in cases if case.case_id not in opened]):  # a new case has no rows yet
        for clear in _CLEAR:
            conn.execute(clear, {"these": chunk})
    rows: tuple[list[Any], ...] = (sorted(refs), sorted(missing), [(*key, *value) for key, value in people.items()])
    for table, new in zip(_FILTER_TABLES, rows, strict=True):
        write_rows(conn, table, [dict(zip(table.c.keys(), row, strict=True)) for row in new])
