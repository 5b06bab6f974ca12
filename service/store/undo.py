"""Takes back a correction of a person: a merge, a move, or a field that was set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from service.cases.facts.message_facts import order_of
from service.cases.placement.placer import Placer
from service.cases.placement.plan import Evidence
from service.errors import Conflict, NotFound
from service.store import links, placement, suggestions
from service.store.corrections import PLACE_COLUMNS, messages_of, must_exist_unmerged, rewrite, survivor
from service.store.database import one_at_a_time
from service.store.neighbours import Lookup, add_facts, nodes_by_number, strong
from service.store.statements import tell
from service.store.tables import cases, events, messages


def undo(conn: Connection, event: int, who: str, now: datetime) -> list[int]:
    """Undo a correction and restore what it changed; mail received since then is placed by the rules.

    Returns the cases to be judged again. Raises NotFound; Conflict if it was undone already, or if a later correction
    moved the same messages or set the same value.
    """
    one_at_a_time(conn)
    row = conn.execute(select(events).where(events.c.id == event)).mappings().one_or_none()
    if row is None or "before" not in row["data"]:
        raise NotFound("there is no such manual change")
    if row["undone_by"] is not None:
        raise Conflict("this change was undone already")
    data: dict[str, Any] = row["data"]
    done = tell(conn, "undone", now, {}, case=row["case_id"], who=who)
    conn.execute(update(events).where(events.c.id == event).values(undone_by=done))
    if row["kind"] == "case.set":
        must_exist_unmerged(conn, row["case_id"])
        _must_be_the_newest(conn, event, row["case_id"], data["set"])
        _put_back(conn, row["case_id"], data["set"], data["before"])
        touched = []
    else:
        touched = _restore(conn, data, now)
    told = {"event": event, "kind": row["kind"], "touched": touched}
    conn.execute(update(events).where(events.c.id == done).values(data=told))
    return [row["case_id"]] if row["kind"] == "case.set" else touched


def _restore(conn: Connection, data: Mapping[str, Any], now: datetime) -> list[int]:
    before: list[dict[str, Any]] = data["before"]
    stood = {row["id"]: row for row in before}
    moved = data.get("messages") or [row["id"] for row in before if row["case_id"] == data["from"]]
    rows = conn.execute(select(*PLACE_COLUMNS).where(messages.c.id.in_(sorted(stood)))).mappings()
    here = {row["id"]: row for row in rows}
    into = survivor(conn, data["into"])
    if any(here[message]["case_id"] != into for message in moved if message in here):
        raise Conflict("a later change moved the same messages; undo that one first")
    sources = {stood[message]["case_id"] for message in moved}
    if len(conn.execute(select(cases.c.id).where(cases.c.id.in_(sources))).all()) < len(sources):
        raise Conflict("the case that the messages came from was deleted")
    closed = data.get("emptied", [data["from"]])  # by this correction; cases that rules merged since then stay merged
    homes = {one: one if one in closed else survivor(conn, one) for one in sources}
    back = sorted(set(homes.values()))
    conn.execute(update(cases).where(cases.c.id.in_(back)).values(merged_into=None, updated_at=now))
    for message in stood.keys() & here.keys():
        row = stood[message]
        if message in moved or here[message]["pinned_by"] == row["pinned_by"]:
            home = homes[row["case_id"]] if message in moved else None
            rewrite(conn, [message], home, joined=row["joined"], pinned_by=row["pinned_by"])
    links.delete_links(conn, [tuple(row) for row in data.get("linked", ()) if not _still_apart(conn, row[0], row[1])])
    links.relate(conn, [tuple(row) for row in data.get("unlinked", ())])
    freed = [i for i, row in here.items() if row["pinned_by"] and not stood[i]["pinned_by"]]
    renewed = [i for i, row in here.items() if row["origin"] != stood[i].get("origin", row["origin"])]
    followed = _follow_back(conn, {into, *back}, stood.keys(), [*freed, *renewed], now)
    if data.get("opened") and survivor(conn, into) == into and not messages_of(conn, into):
        conn.execute(update(cases).where(cases.c.id == into).values(merged_into=back[0], updated_at=now))
    alive = select(cases.c.id).where(cases.c.id.in_({into, *back, *followed}), cases.c.merged_into.is_(None))
    return sorted(case for case in conn.execute(alive).scalars().all() if messages_of(conn, case))


def _still_apart(conn: Connection, one: int, other: int) -> bool:
    """Whether another correction that was not undone, or a dismissed suggestion, separates two cases."""
    if suggestions.dismissed(conn, one, other):
        return True
    query = select(events.c.data).where(
        events.c.case_id.in_([one, other]),
        events.c.kind.in_(["case.merged", "message.moved", "case.split"]),
        events.c.undone_by.is_(None),
    )
    linked = (row for data in conn.execute(query).scalars() for row in data.get("linked", ()))
    return any({row[0], row[1]} == {one, other} for row in linked)


def _follow_back(
    conn: Connection, among: Collection[int], stood: Collection[int], again: Sequence[int], now: datetime
) -> set[int]:
    """Place mail received after a correction by its strong evidence. Returns the cases that changed.

    ``again``: messages that are no longer pinned, or whose original mail arrived since. They stay in their case, and
    the cases they link are merged as for a new mail.
    """
    nodes = nodes_by_number(conn, [message for case in among for message in messages_of(conn, case)])
    come = list(nodes.values())
    known = strong(conn, come, Lookup.of(come).rows(conn))
    add_facts(conn, known, among)
    later = [node for node in sorted(nodes.values(), key=order_of) if node.id not in stood and node.pinned is None]
    for node in nodes.values():
        known.enter(node if node not in later else replace(node, case=None))
    placing = Placer(known)
    left, before = later, len(later) + 1
    while len(left) < before:  # until no remaining mail has a link to a placed one; the rest stays in its case
        before = len(left)
        for node in left:
            placing.follow_links(node.id, open_new=False)
        for node in nodes.values():
            placing.bring_along(node.id)
        left = [node for node in left if placing.case_at(node.id) is None]
    for node in left:
        placing.follow_links(node.id, open_new=False)
        if node.case is not None and placing.case_at(node.id) is None:
            placing.enter(node.id, node.case, Evidence("new"))
    for message in again:
        if message in nodes and nodes[message].pinned is None:
            placing.follow_links(message, open_new=False)
    for case, into in placing.plan.merged_cases.items():
        links.merge_cases(conn, case, placing.root(into), now)
    changed = {placing.root(into) for into in placing.plan.merged_cases.values()}
    for node in later:
        found = placing.case_at(node.id)
        if found is not None and node.case is not None and found != placing.root(node.case):
            placement.move_messages(conn, [node.id], found)
            changed |= {found, placing.root(node.case)}
    return changed


def _must_be_the_newest(conn: Connection, event: int, number: int, done: Mapping[str, Any]) -> None:
    """Raise Conflict if a later change, not undone, set the same field, item or request."""
    later = (events.c.case_id == number, events.c.kind == "case.set", events.c.id > event, events.c.undone_by.is_(None))
    for data in conn.execute(select(events.c.data).where(*later)).scalars():
        for name, value in data["set"].items():
            if name in done and _overlap(done[name], value):
                raise Conflict(f"a later change set the {name.replace('_', ' ')}; undo that one first")


def _overlap(one: Any, other: Any) -> bool:
    """Whether two values of a field were set for the same thing: a group (items, requests) has several."""
    both = isinstance(one, Mapping) and isinstance(other, Mapping)
    return not both or "*" in one or "*" in other or not one.keys().isdisjoint(other)


def _put_back(conn: Connection, number: int, done: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Restore the fields, items and requests that a person set; what other changes set is kept.

    A change of ``*`` may have set each of the group: the whole group is restored. No later change of it stands then
    (``_must_be_the_newest``).
    """
    kept = dict(conn.execute(select(cases.c.set_by_people).where(cases.c.id == number)).scalar_one() or {})
    for name, value in done.items():
        there: Any = before.get(name)
        if isinstance(value, Mapping) and "*" not in value:  # items and asks, one by one
            group = {one: setting for one, setting in (kept.get(name) or {}).items() if one not in value}
            there = group | {one: setting for one, setting in (there or {}).items() if one in value}
        kept[name] = there
    conn.execute(update(cases).where(cases.c.id == number).values(set_by_people={k: v for k, v in kept.items() if v}))
