"""Undoes a change that a person made to cases: a merge, a move, or a field that was set."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from service.cases.facts.message_facts import order_of
from service.cases.placement.known import Evidence
from service.cases.placement.placer import Placer
from service.errors import Conflict, NotFound
from service.store import links, placement, suggestions
from service.store.corrections import PLACE_COLUMNS, messages_of, must_exist_unmerged, rewrite, survivor
from service.store.database import one_at_a_time
from service.store.neighbours import add_facts, nodes_by_number, strong, strong_keys, strong_rows
from service.store.sql import write_event
from service.store.tables import cases, events, messages


def undo(conn: Connection, event: int, who: str, now: datetime) -> list[int]:
    """Undo a correction; return the cases to judge again. Raises NotFound, Conflict (undone, or changed since)."""
    one_at_a_time(conn)
    row = conn.execute(select(events).where(events.c.id == event)).mappings().one_or_none()
    if row is None or "before" not in row["data"]:
        raise NotFound("there is no such manual change")
    if row["undone_by"] is not None:
        raise Conflict("somebody has undone this change already")
    data: dict[str, Any] = row["data"]
    done = write_event(conn, "undone", now, {}, case=row["case_id"], who=who)
    conn.execute(update(events).where(events.c.id == event).values(undone_by=done))
    if row["kind"] == "case.set":
        must_exist_unmerged(conn, row["case_id"])
        _must_be_newest(conn, event, row["case_id"], data["set"])
        _restore_values(conn, row["case_id"], data["set"], data["before"])
        touched = []
    else:
        touched = _restore_places(conn, data, now)
    undone = {"event": event, "kind": row["kind"], "touched": touched}
    conn.execute(update(events).where(events.c.id == done).values(data=undone))
    return [row["case_id"]] if row["kind"] == "case.set" else touched


def _restore_places(conn: Connection, data: Mapping[str, Any], now: datetime) -> list[int]:
    """Undo a merge or a move: put messages and links of cases back. Returns the changed cases."""
    before: dict[int, dict[str, Any]] = {row["id"]: row for row in data["before"]}
    moved = data.get("messages") or [id for id, row in before.items() if row["case_id"] == data["from"]]
    rows = conn.execute(select(*PLACE_COLUMNS).where(messages.c.id.in_(sorted(before)))).mappings()
    current = {row["id"]: row for row in rows}
    into = survivor(conn, data["into"])
    if any(current[message]["case_id"] != into for message in moved if message in current):
        raise Conflict("a later change moved the same messages; first undo that change")
    sources = {before[message]["case_id"] for message in moved}
    if len(conn.execute(select(cases.c.id).where(cases.c.id.in_(sources))).all()) < len(sources):
        raise Conflict("the case that the messages came from was deleted")
    emptied = data.get("emptied", [data["from"]])  # only these cases are separated; later merges by rules remain
    targets = {case: case if case in emptied else survivor(conn, case) for case in sources}
    restored = sorted(set(targets.values()))
    conn.execute(update(cases).where(cases.c.id.in_(restored)).values(merged_into=None, updated_at=now))
    for message in before.keys() & current.keys():
        row = before[message]
        if message in moved or current[message]["pinned_by"] == row["pinned_by"]:
            target = targets[row["case_id"]] if message in moved else None
            rewrite(conn, [message], target, joined=row["joined"], pinned_by=row["pinned_by"])
    links.delete_links(conn, [tuple(row) for row in data.get("linked", ()) if not _still_apart(conn, row[:2])])
    links.relate(conn, [tuple(row) for row in data.get("unlinked", ())])
    unpinned = [id for id, row in current.items() if row["pinned_by"] and not before[id]["pinned_by"]]
    delivered = [id for id, row in current.items() if row["origin"] != before[id].get("origin", row["origin"])]
    changed = _place_later_mail(conn, {into, *restored}, before.keys(), [*unpinned, *delivered], now)
    if data.get("opened") and survivor(conn, into) == into and not messages_of(conn, into):
        conn.execute(update(cases).where(cases.c.id == into).values(merged_into=restored[0], updated_at=now))
    unmerged = select(cases.c.id).where(cases.c.id.in_({into, *restored, *changed}), cases.c.merged_into.is_(None))
    return sorted(case for case in conn.execute(unmerged).scalars().all() if messages_of(conn, case))


def _still_apart(conn: Connection, pair: Sequence[int]) -> bool:
    """Return whether a dismissed suggestion or another correction separates two cases.

    Undone corrections do not count.
    """
    if suggestions.dismissed(conn, pair):
        return True
    query = select(events.c.data).where(
        events.c.case_id.in_(pair),
        events.c.kind.in_(["case.merged", "message.moved", "case.split"]),
        events.c.undone_by.is_(None),
    )
    linked = (row for data in conn.execute(query).scalars() for row in data.get("linked", ()))
    return any(set(row[:2]) == set(pair) for row in linked)


def _place_later_mail(
    conn: Connection, case_ids: Collection[int], before: Collection[int], again: Sequence[int], now: datetime
) -> set[int]:
    """Place the mails of these cases that were received after a correction, by strong evidence.

    ``before``: the messages that existed at the correction. ``again``: those of them that are no longer pinned, or
    whose original mail arrived later. These stay in their case, but the cases that they link are merged, as for a new
    mail. Returns the changed cases.
    """
    nodes = nodes_by_number(conn, [message for case in case_ids for message in messages_of(conn, case)])
    all_nodes = list(nodes.values())
    neighbours = strong(conn, all_nodes, strong_rows(conn, strong_keys(all_nodes)))
    add_facts(conn, neighbours, case_ids)
    later = [node for node in sorted(all_nodes, key=order_of) if node.id not in before and node.pinned is None]
    for node in all_nodes:
        neighbours.add(node if node not in later else node.evolve(case=None))
    placer = Placer(neighbours)
    unplaced, previous = later, len(later) + 1
    while len(unplaced) < previous:  # repeat until no unplaced mail has a link to a placed mail
        previous = len(unplaced)
        for node in unplaced:
            placer.follow_links(node.id, open_new=False)
        for node in all_nodes:
            placer.place_inner_messages(node.id)
        unplaced = [node for node in unplaced if placer.case_of_message(node.id) is None]
    for node in unplaced:  # mails without a link stay in their case
        placer.follow_links(node.id, open_new=False)
        if node.case is not None and placer.case_of_message(node.id) is None:
            placer.put_in_case(node.id, node.case, Evidence("new"))
    for message in again:
        if message in nodes and nodes[message].pinned is None:
            placer.follow_links(message, open_new=False)
    for case, into in placer.plan.merged_cases.items():
        links.merge_cases(conn, case, placer.root(into), now)
    changed = {placer.root(into) for into in placer.plan.merged_cases.values()}
    for node in later:
        case_id = placer.case_of_message(node.id)
        if case_id is not None and node.case is not None and case_id != placer.root(node.case):
            placement.move_messages(conn, [node.id], case_id)
            changed |= {case_id, placer.root(node.case)}
    return changed


def _must_be_newest(conn: Connection, event: int, number: int, done: Mapping[str, Any]) -> None:
    """Raise Conflict if a later change set one of the values ``done`` too, and was not undone."""
    later = (events.c.case_id == number, events.c.kind == "case.set", events.c.id > event, events.c.undone_by.is_(None))
    for data in conn.execute(select(events.c.data).where(*later)).scalars():
        for name, value in data["set"].items():
            if name in done and _overlap(done[name], value):
                raise Conflict(f"a later change set the {name.replace('_', ' ')}; first undo that change")


def _overlap(first: Any, second: Any) -> bool:
    """Return whether two changes of a field affect the same value. Changes of different items do not."""
    groups = isinstance(first, Mapping) and isinstance(second, Mapping)
    return not groups or "*" in first or "*" in second or not first.keys().isdisjoint(second)


def _restore_values(conn: Connection, number: int, done: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Restore the values ``before`` of the fields in ``done``. Other fields stay. ``*``: all items or requests."""
    values = dict(conn.execute(select(cases.c.set_by_people).where(cases.c.id == number)).scalar_one() or {})
    for name, changed in done.items():
        restored: Any = before.get(name)
        if isinstance(changed, Mapping) and "*" not in changed:  # single items or requests
            others = {id: value for id, value in (values.get(name) or {}).items() if id not in changed}
            restored = others | {id: value for id, value in (restored or {}).items() if id in changed}
        values[name] = restored
    conn.execute(update(cases).where(cases.c.id == number).values(set_by_people={k: v for k, v in values.items() if v}))
