"""Cases that lead to one another: merged ones redirect for good, related ones are shown side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from service.case.keys import subject_key
from service.case.node import Node
from service.case.threading import Plan
from service.store.neighbours import SUGGESTED, THESE, aliases_of, chunks, held, nodes_of
from service.store.tables import case_links, cases, events, thread_keys


def redirect(conn: Connection, found: Plan, case_at: Sequence[int], now: datetime) -> dict[int, int]:
    """Cases that have no message left point to where theirs went; which ones, and where to."""
    merged: dict[int, int] = {}
    for case, position in found.emptied.items():
        target = case_at[position]
        if case == target:
            continue
        merged[case] = target
        conn.execute(update(cases).where(cases.c.id == case).values(merged_into=target, updated_at=now))
        conn.execute(
            insert(events).values(
                case_id=target, kind="case.merged", who="", at=now, data={"from": case, "into": target, "by": "rules"}
            )
        )
    return merged


# built once: what a statement costs to build is most of what it costs

_LINKS = select(case_links.c.case_id, case_links.c.other_id).where(case_links.c.case_id.in_(THESE))
_NEWEST = (
    select(thread_keys.c.case_id)
    .where(thread_keys.c.key == bindparam("shared"), thread_keys.c.case_id != bindparam("besides"))
    .order_by(thread_keys.c.message_id.desc())
    .limit(3)
)


def link(conn: Connection, found: Plan, case_at: Sequence[int], real: Any, touched: set[int]) -> None:
    """Cases that something points to, without belonging together."""
    wanted: dict[tuple[int, int], tuple[int | None, str]] = {}
    for position, standing in enumerate(found.standings):
        for other in standing.related:
            wanted[(case_at[position], case_at[other])] = (None, "")
    for message, others in found.runners_up.items():
        here = next((case_at[p] for p, s in enumerate(found.standings) if message in s.members), None)
        for evidence, position in others:
            if here is not None and (here, case_at[position]) in wanted:
                wanted[(here, case_at[position])] = (real(message), evidence.against)
    pairs = [pair for pair in wanted if pair[0] != pair[1]]
    if not pairs:
        return
    there = set()
    for chunk in chunks(sorted({a for a, _ in pairs})):
        there |= {(row.case_id, row.other_id) for row in conn.execute(_LINKS, {"these": chunk})}
    fresh = [pair for pair in pairs if pair not in there]
    if fresh:
        conn.execute(
            insert(case_links),
            [
                {"case_id": a, "other_id": b, "message_id": wanted[(a, b)][0], "why": wanted[(a, b)][1]}
                for a, b in fresh
            ],
        )
        touched |= {case for pair in fresh for case in pair}


def suggest(conn: Connection, opened: Sequence[tuple[int, Node]], touched: set[int]) -> None:
    """Relate a case that was just opened to the newest ones of the same base subject and people; glue nothing."""
    keys = [subject_key(node) for _, node in opened]
    shared = held(conn, {key for key in keys if key is not None}, 2)
    for (case, node), key in zip(opened, keys, strict=True):
        if key is None or shared.get(key, (0, []))[0] < 2:
            continue  # nobody but itself
        candidates = set(conn.execute(_NEWEST, {"shared": key, "besides": case}).scalars())
        if not candidates:
            continue
        there = {row.other_id for row in conn.execute(_LINKS, {"these": [case]})}
        alike = {
            other.case
            for other in nodes_of(conn, candidates - there).values()
            if other.case is not None and node.author and node.author in (other.author, *other.to, *other.cc)
        }
        rows = [
            {"case_id": a, "other_id": b, "message_id": node.id, "why": SUGGESTED}
            for other_case in sorted(alike)
            for a, b in ((case, other_case), (other_case, case))
        ]
        if rows:
            conn.execute(insert(case_links), rows)
            touched |= {case, *alike}


def related(conn: Connection, case_id: int) -> list[int]:
    """Cases linked to this one, merged ones followed to their end."""
    found = set(conn.execute(select(case_links.c.other_id).where(case_links.c.case_id == case_id)).scalars())
    ends = aliases_of(conn, found)
    return sorted({ends.get(c, c) for c in found} - {case_id})


def merged_into(conn: Connection, case_id: int) -> list[int]:
    """Cases that became this one, directly or by way of others."""
    out: set[int] = set()
    ask = {case_id}
    while ask:
        found = set(conn.execute(select(cases.c.id).where(cases.c.merged_into.in_(sorted(ask)))).scalars())
        ask = found - out - {case_id}
        out |= ask
    return sorted(out)
