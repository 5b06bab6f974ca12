"""Reads the messages of cases as ``CaseMessage`` values, to judge the cases."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, Connection, Text, cast, select

from mailrules.engine.judge import KEPT_MAILS
from mailrules.judgement import UNREAD, Reading
from mailrules.thread import File, RuleInput, Side
from service.cases.facts.case_message import CaseMessage, in_order
from service.cases.facts.message_facts import node_from_json
from service.cases.facts.roles import company_of
from service.store import tables
from service.store.sql import THESE, in_chunks
from service.store.tables import messages

_READING = msgspec.json.Decoder(Reading)
CACHED_SIZE = 32_000  # maximum size of a stored message in characters for which the decoded value is cached


def messages_of_case(conn: Connection, case_id: int) -> list[CaseMessage]:
    """Return the messages of a case, in the order in which they were written."""
    return messages_of_cases(conn, [case_id]).get(case_id, [])


def messages_of_cases(conn: Connection, case_ids: Sequence[int]) -> dict[int, list[CaseMessage]]:
    """Return case id → messages, each as ``messages_of_case`` returns them."""
    by_case: dict[int, list[CaseMessage]] = defaultdict(list)
    for columns in in_chunks(conn, _ROWS, case_ids):
        row = _Row(*columns)
        by_case[row.case_id].append(_cached_message(row) if row.size <= CACHED_SIZE else _message(row))
    return {case_id: in_order(messages) for case_id, messages in by_case.items()}


def new_case_message(id: int, case: int, row: Mapping[str, Any]) -> CaseMessage:
    """Return a message that is not stored yet, as ``messages_of_case`` will return it. ``row``: its columns."""
    return _message(_Row(id, case, *(_as_stored(column, row.get(column.name)) for column in _COLUMNS[2:])))


def _as_stored(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if column.type is tables.Data:
        return tables.to_json(value)
    return tables.storable(value) if column.type.__class__ is tables.Words else value


class _Row(NamedTuple):
    """The stored columns of a message, JSON as text."""

    id: int
    case_id: int
    facts: str | None
    pinned_by: str | None
    joined: int | None
    placed_by: str
    author_name: str
    author_role: Side
    author_address: str
    text: str
    subject: str
    date: datetime | None
    date_offset: int | None
    received_at: datetime
    language: str
    automatic: str | None
    statements: str | None
    to: str
    cc: str

    @property
    def size(self) -> int:
        """Approximate size in characters."""
        long_columns = (self.text, self.facts, self.statements, self.to, self.cc)
        return sum(len(value or "") for value in long_columns)


_COLUMNS = tuple(messages.c[name] for name in _Row._fields)
# JSON is selected as text, so that rows can be cache keys and decoding is one step
_SELECTED = (cast(c, Text).label(c.name) if c.type is tables.Data else c for c in _COLUMNS)
_ROWS = select(*_SELECTED).where(messages.c.case_id.in_(THESE))


def _message(row: _Row) -> CaseMessage:
    facts = msgspec.json.decode(row.facts or "{}")
    date = row.date
    if date is not None and row.date_offset is not None:
        date = date.astimezone(timezone(timedelta(minutes=row.date_offset)))
    node = node_from_json(
        row.facts or "{}",
        id=row.id,
        case=row.case_id,
        pinned=row.case_id if row.pinned_by else None,
        joined=row.joined,
        placed=row.placed_by,
    )
    read_as_vendor = row.author_role == "unknown" and facts.get("turn_side") == "vendor"
    turn = RuleInput(
        id=str(row.id),
        side="vendor" if read_as_vendor else row.author_role,
        author=row.author_address,
        text=row.text,
        subject=row.subject,
        subject_is_new=facts.get("subject_is_new", True),
        is_reply=node.is_reply,
        wrapper=facts.get("wrapper", False),
        begins=node.fresh,
        date=date,
        language=row.language,
        automatic=row.automatic,
        towards=frozenset(facts.get("towards", ())),
        files=tuple(File(*fields) for fields in facts.get("files", ())),
        vendor=facts.get("turn_vendor"),
        partner=company_of(row.author_address) if read_as_vendor else node.counterpart,
    )
    people = [
        (person["address"].casefold(), person["name"])
        for json in (row.to, row.cc)
        for person in msgspec.json.decode(json)
    ]
    sides = facts.get("sides", {})
    return CaseMessage(
        id=row.id,
        node=node,
        turn=turn,
        received_at=row.received_at,
        reading=reading_of(row.statements),
        name=row.author_name,
        people=tuple(
            (address, name, sides.get(address, "unknown"))
            for address, name in people
            if address in (*node.to, *node.cc)
        ),
    )


def reading_of(written: str | None) -> Reading:
    """Decode a stored reading. UNREAD if there is none, or if its format is of another version."""
    try:
        return _READING.decode(written) if written else UNREAD
    except msgspec.ValidationError:
        return UNREAD


_cached_message = lru_cache(KEPT_MAILS)(_message)


def clear_caches() -> None:
    """Empty the caches of decoded messages."""
    _cached_message.cache_clear()
    node_from_json.cache_clear()
