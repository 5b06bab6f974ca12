"""Links between cases: merged cases redirect permanently, related cases are shown together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, or_, select, update

from service.store.neighbours import SET_APART
from service.store.tables import case_links, cases, events, messages, thread_keys

Link = tuple[int, int, int | None, str]
"""Case id, other case id, the message that links them, why they were not merged."""


def merge_cases(conn: Connection, case: int, into: int, now: datetime) -> None:
    """Merge a case into another by strong evidence: move its messages, redirect its key, write the event."""
    conn.execute(update(messages).where(messages.c.case_id == case).values(case_id=into))
    conn.execute(update(thread_keys).where(thread_keys.c.case_id == case).values(case_id=into))
    conn.execute(update(cases).where(cases.c.id == case).values(merged_into=into, updated_at=now))
    data = {"from": case, "into": into, "by": "rules"}
    conn.execute(insert(events).values(case_id=into, kind="case.merged", who="", at=now, data=data))
    copy_separations(conn, case, into)


def copy_separations(conn: Connection, case: int, into: int) -> None:
    """Copy the links that keep ``case`` apart from other cases, so that they keep ``into`` apart, too."""
    found = conn.execute(
        select(case_links).where(case_links.c.case_id == case, case_links.c.why.in_(sorted(SET_APART)))
    ).all()
    for row in found:
        relate(conn, [(into, row.other_id, row.message_id, row.why)])


def relate(conn: Connection, pairs: Sequence[Link]) -> set[int]:
    """Relate cases in both directions. Returns the cases that got a new relation."""
    wanted = {(a, b): (m, why) for one, other, m, why in pairs for a, b in ((one, other), (other, one)) if a != b}
    if not wanted:
        return set()
    query = select(case_links.c.case_id, case_links.c.other_id).where(case_links.c.case_id.in_({a for a, _ in wanted}))
    there = {(row.case_id, row.other_id) for row in conn.execute(query)}
    fresh = [
        {"case_id": a, "other_id": b, "message_id": message, "why": why}
        for (a, b), (message, why) in wanted.items()
        if (a, b) not in there
    ]
    if fresh:
        conn.execute(insert(case_links), fresh)
    return {int(str(row["case_id"])) for row in fresh}


def delete_links(conn: Connection, rows: Sequence[Link]) -> None:
    """Delete relations, given as ``links_of`` returns them."""
    for case, other, _, why in rows:
        conn.execute(
            delete(case_links).where(
                case_links.c.case_id == case, case_links.c.other_id == other, case_links.c.why == why
            )
        )


def links_of(conn: Connection, numbers: Sequence[int]) -> list[Link]:
    """Return the relations from or to these cases, one row per direction."""
    query = select(case_links.c.case_id, case_links.c.other_id, case_links.c.message_id, case_links.c.why).where(
        or_(case_links.c.case_id.in_(sorted(set(numbers))), case_links.c.other_id.in_(sorted(set(numbers))))
    )
    rows = conn.execute(query.order_by(case_links.c.case_id, case_links.c.other_id))
    return [(row.case_id, row.other_id, row.message_id, row.why) for row in rows]


def set_apart(conn: Connection, case_id: int) -> set[int]:
    """Return related cases that are never suggested for merging: a new topic began there, or a person split them."""
    query = select(case_links.c.case_id, case_links.c.other_id).where(
        or_(case_links.c.case_id == case_id, case_links.c.other_id == case_id),
        case_links.c.why.in_(sorted(SET_APART)),
    )
    return {number for row in conn.execute(query) for number in (row.case_id, row.other_id)} - {case_id}


def merged_into(conn: Connection, case_id: int) -> list[int]:
    """Return the cases that were merged into this one, directly or through others."""
    out: set[int] = set()
    ask = {case_id}
    while ask:
        found = set(conn.execute(select(cases.c.id).where(cases.c.merged_into.in_(sorted(ask)))).scalars())
        ask = found - out - {case_id}
        out |= ask
    return sorted(out)
