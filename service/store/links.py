"""Links between cases: merged cases redirect permanently, related cases are shown together."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from service.store.neighbours import SET_APART
from service.store.sql import write_event, write_rows
from service.store.tables import case_links, cases, messages, thread_keys

Link = tuple[int, int, int | None, str]  # (case, other case, message that relates them, why they were not merged)


def merge_cases(conn: Connection, case: int, into: int, now: datetime) -> None:
    """Merge a case into another because of strong evidence."""
    redirect(conn, case, into, now)
    write_event(conn, "case.merged", now, {"from": case, "into": into, "by": "rules"}, case=into)


def redirect(conn: Connection, case: int, into: int, now: datetime) -> None:
    """Move all messages of a case into another, redirect its key, and copy the links that forbid merging it."""
    moved = select(messages.c.id).where(messages.c.case_id == case)
    conn.execute(update(thread_keys).where(thread_keys.c.message_id.in_(moved)).values(case_id=into))
    conn.execute(update(messages).where(messages.c.case_id == case).values(case_id=into))
    conn.execute(update(cases).where(cases.c.id == case).values(merged_into=into, updated_at=now))
    query = select(case_links).where(case_links.c.case_id == case, case_links.c.why.in_(sorted(SET_APART)))
    changed = relate(conn, [(into, row.other_id, row.message_id, row.why) for row in conn.execute(query).all()])
    mark_changed(conn, cases.c.id.in_(changed))


def mark_changed(conn: Connection, which: ColumnElement[bool]) -> None:
    """Increase the version of cases, so that no worker stores an outdated judgement."""
    conn.execute(update(cases).where(which).values(version=cases.c.version + 1))


def relate(conn: Connection, links: Sequence[Link]) -> set[int]:
    """Insert links between cases, each in both directions. Returns the cases that got a new related case."""
    wanted = {(a, b): (m, why) for case, other, m, why in links for a, b in ((case, other), (other, case)) if a != b}
    if not wanted:
        return set()
    query = select(case_links.c.case_id, case_links.c.other_id).where(case_links.c.case_id.in_({a for a, _ in wanted}))
    existing = {(row.case_id, row.other_id) for row in conn.execute(query)}
    new = [
        {"case_id": a, "other_id": b, "message_id": message, "why": why}
        for (a, b), (message, why) in wanted.items()
        if (a, b) not in existing
    ]
    write_rows(conn, case_links, new)
    return {int(str(row["case_id"])) for row in new}


def delete_links(conn: Connection, rows: Sequence[Link]) -> None:
    """Delete links, each only in the direction given."""
    for case, other, _, why in rows:
        conn.execute(
            delete(case_links).where(
                case_links.c.case_id == case, case_links.c.other_id == other, case_links.c.why == why
            )
        )


def links_of(conn: Connection, numbers: Sequence[int]) -> list[Link]:
    """Return the links from or to these cases, one row for each direction."""
    query = select(case_links.c.case_id, case_links.c.other_id, case_links.c.message_id, case_links.c.why).where(
        or_(case_links.c.case_id.in_(sorted(set(numbers))), case_links.c.other_id.in_(sorted(set(numbers))))
    )
    rows = conn.execute(query.order_by(case_links.c.case_id, case_links.c.other_id))
    return [(row.case_id, row.other_id, row.message_id, row.why) for row in rows]


def separated_cases(conn: Connection, case_id: int) -> set[int]:
    """Return related cases that must not be suggested for merging, because a person or a new topic separated them."""
    query = select(case_links.c.case_id, case_links.c.other_id).where(
        or_(case_links.c.case_id == case_id, case_links.c.other_id == case_id), case_links.c.why.in_(sorted(SET_APART))
    )
    return {number for row in conn.execute(query) for number in (row.case_id, row.other_id)} - {case_id}


def merged_into(conn: Connection, case_id: int) -> list[int]:
    """Return the cases that were merged into this case, directly or through other cases."""
    merged: set[int] = set()
    targets = {case_id}
    while targets:
        query = select(cases.c.id).where(cases.c.merged_into.in_(sorted(targets)))
        targets = set(conn.execute(query).scalars()) - merged - {case_id}
        merged |= targets
    return sorted(merged)
