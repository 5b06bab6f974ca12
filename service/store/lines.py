"""The messages of cases as the judge and ``revise`` see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import Connection, Text, cast, select

from mailrules.thread import File, Turn
from service.case.line import Line, in_order
from service.case.readings import reading_of
from service.store.neighbours import OF_A_NODE, THESE, chunks, node_of
from service.store.tables import messages


def lines(conn: Connection, case_id: int) -> list[Line]:
    """The messages of a case, oldest first by the time of writing, with what was read in each."""
    return lines_of(conn, [case_id]).get(case_id, [])


def lines_of(conn: Connection, case_ids: Sequence[int]) -> dict[int, list[Line]]:
    """The same of many cases at once."""
    found: dict[int, list[Line]] = defaultdict(list)
    for chunk in chunks(case_ids):
        for row in conn.execute(_LINES, {"these": chunk}).mappings():
            found[row["case_id"]].append(_line(row))
    return {case_id: in_order(its) for case_id, its in found.items()}


_OF_A_LINE = (
    *OF_A_NODE,
    messages.c.author_name,
    messages.c.author_role,
    messages.c.author_address,
    messages.c.text,
    messages.c.subject,
    messages.c.date,
    messages.c.date_offset,
    messages.c.received_at,
    messages.c.language,
    messages.c.vendor,
    messages.c.forwarded_by,
    messages.c.automatic,
    messages.c.headers,
    cast(messages.c.statements, Text).label("reading"),  # as it is written: it becomes values in one step
    messages.c.to,
    messages.c.cc,
)
_LINES = select(*_OF_A_LINE).where(messages.c.case_id.in_(THESE))


def _line(row: Mapping[Any, Any]) -> Line:
    facts = row["facts"] or {}
    node = node_of(row)
    turn = Turn(
        id=str(row["id"]),
        side=row["author_role"],
        author=row["author_address"],
        text=row["text"],
        subject=row["subject"],
        subject_is_new=facts.get("subject_is_new", True),
        begins=node.fresh,
        date=_with_offset(row["date"], row["date_offset"]),
        language=row["language"],
        automatic=row["automatic"],
        towards=frozenset(facts.get("towards", ())),
        files=tuple(File(*one) for one in facts.get("files", ())),
        vendor=facts.get("turn_vendor"),
        partner=node.counterpart,
        forwarded_by=row["forwarded_by"],
        headers=tuple(sorted((row["headers"] or {}).items())),
    )
    reading = reading_of(row["reading"], turn.id) if row["reading"] else None
    return Line(
        id=row["id"],
        node=node,
        turn=turn,
        received_at=row["received_at"],
        reading=reading,
        name=row["author_name"],
        people=tuple(
            (
                one["address"].casefold(),
                one["name"],
                facts.get("sides", {}).get(one["address"].casefold(), "unknown"),
            )
            for one in (*row["to"], *row["cc"])
            if one["address"].casefold() in (*node.to, *node.cc)
        ),
        wrapper=bool(facts.get("wrapper")),
    )


def _with_offset(date: datetime | None, minutes: int | None) -> datetime | None:
    if date is None or minutes is None:
        return date
    return date.astimezone(timezone(timedelta(minutes=minutes)))
