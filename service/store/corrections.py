"""Changes that people make to cases: merge, move, split, set a field. Each is recorded and can be undone.

Every function runs inside the caller's transaction, after ``database.one_at_a_time``. Most return the id of their
event. The caller then has the changed cases judged again in the same transaction::

    event, case = corrections.move(conn, message, None, who, now)
    intake.rejudge(conn, corrections.touched(conn, event), context, now=now)

Rules never move what a person placed: ``messages.pinned_by`` fixes a moved message to its case, ``messages.joined``
keeps the messages of merged cases together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from service.cases.facts.message_facts import order_of
from service.cases.placement.placer import Placer
from service.cases.placement.plan import Evidence
from service.errors import Conflict, NotFound, Refused
from service.store import links, placement, suggestions
from service.store.database import one_at_a_time
from service.store.neighbours import DISMISSED, MOVED, add_facts, nodes_of, strong
from service.store.tables import cases, events, messages

FIELDS = ("status", "priority", "title", "vendor", "waiting_on", "owner", "items", "asks")
_ONE_BY_ONE = ("items", "asks")
_STAND = (messages.c.id, messages.c.case_id, messages.c.pinned_by, messages.c.joined, messages.c.origin)


def merge(conn: Connection, number: int, into: int, who: str, now: datetime) -> int:
    """Merge case ``number`` into ``into``; its key then redirects. If ``into`` is merged itself, its target is used.

    Returns the event id. Raises NotFound, Conflict (into itself, or merged already).
    """
    one_at_a_time(conn)
    target = survivor(conn, into)
    _must_stand(conn, number)
    if target == number:
        raise Conflict("into: a case cannot be merged into itself")
    before = _before(conn, [number, target])
    stood = links.links_of(conn, [number, target])
    _rewrite(conn, _messages_of(conn, number), case_id=target, joined=target)
    _rewrite(conn, _messages_of(conn, target), joined=target)
    conn.execute(update(messages).where(messages.c.joined == number).values(joined=target))
    conn.execute(update(cases).where(cases.c.id == number).values(merged_into=target, updated_at=now))
    links.copy_separations(conn, number, target)
    links.delete_links(conn, [row for row in stood if {row[0], row[1]} == {number, target}])
    data = {"from": number, "into": target, "before": before, "touched": [target]}
    data |= _relinked(stood, links.links_of(conn, [number, target]))
    return _note(conn, target, "case.merged", who, now, data)


def move(conn: Connection, message: int, to: int | None, who: str, now: datetime) -> tuple[int, int]:
    """Move a message into case ``to`` (None: a new case) and pin it there. Returns the event id and the case id."""
    return split(conn, [message], to, who, now)


def split(conn: Connection, chosen: Sequence[int], to: int | None, who: str, now: datetime) -> tuple[int, int]:
    """Move several messages into case ``to``, or into a new one, and pin them there.

    Returns the event id and the case id. Raises NotFound, Conflict (all are in that case already).
    """
    one_at_a_time(conn)
    rows = conn.execute(
        select(messages.c.id, messages.c.case_id, messages.c.received_at).where(messages.c.id.in_(chosen))
    ).all()
    if len(rows) != len(set(chosen)):
        raise NotFound("there is no such message")
    sources = sorted({row.case_id for row in rows})
    target = survivor(conn, to) if to is not None else None
    if target is not None and sources == [target]:
        raise Conflict("to: the message is in that case already")
    before = _before(conn, [*sources, *([target] if target is not None else [])])
    opened = target is None
    if target is None:
        target = placement.open_case(conn, min(row.received_at for row in rows), now)
    else:
        _anchor(conn, target)
    _rewrite(conn, [row.id for row in rows], case_id=target, pinned_by=who or "somebody")
    emptied = [source for source in sources if source != target and not _messages_of(conn, source)]
    for source in emptied:
        conn.execute(update(cases).where(cases.c.id == source).values(merged_into=target, updated_at=now))
    left = [source for source in sources if source != target and source not in emptied]
    stood = links.links_of(conn, [*left, target])
    for source in left:
        links.relate(conn, [(source, target, rows[0].id, MOVED)])
    data = {
        "messages": [row.id for row in rows],
        "from": sources,
        "into": target,
        "opened": opened,
        "emptied": emptied,
        "before": before,
        "touched": sorted({target, *left}),
        **_relinked(stood, links.links_of(conn, [*left, target])),
    }
    return _note(conn, target, "message.moved" if len(rows) == 1 else "case.split", who, now, data), target


def accept(conn: Connection, case: int, number: int, who: str, now: datetime) -> tuple[int, int]:
    """Accept a suggestion: merge the newer case into the older one. Returns the event id and the older case.

    Raises NotFound, Conflict (decided, or one case already).
    """
    one_at_a_time(conn)
    older, newer = _sides(conn, case, number)
    numbers = suggestions.between(conn, older, newer)
    event = merge(conn, newer, older, who, now)
    suggestions.decide(conn, numbers, "accepted", who, now)
    return event, older


def dismiss(conn: Connection, case: int, number: int, who: str, now: datetime) -> tuple[int, int]:
    """Record that two cases are unrelated, so that rules never merge them. Returns (older, newer)."""
    one_at_a_time(conn)
    older, newer = _sides(conn, case, number)
    message = suggestions.find(conn, number).message_id
    suggestions.decide(conn, suggestions.between(conn, older, newer), "dismissed", who, now)
    links.relate(conn, [(older, newer, message, DISMISSED)])
    return older, newer


def _sides(conn: Connection, case: int, number: int) -> tuple[int, int]:
    row = suggestions.find(conn, number)
    older, newer = sorted(survivor(conn, one) for one in (row.case_id, row.other_id))
    if survivor(conn, case) not in (older, newer):
        raise NotFound("there is no such suggestion for this case")
    if older == newer:
        raise Conflict("the two are one case already")
    return older, newer


def undo(conn: Connection, event: int, who: str, now: datetime) -> list[int]:
    """Undo a correction and restore what it changed; mail received since then is placed by the rules.

    Returns the cases to be judged again. Raises NotFound; Conflict if it was undone already or a later correction moved
    the same messages.
    """
    one_at_a_time(conn)
    row = conn.execute(select(events).where(events.c.id == event)).mappings().one_or_none()
    if row is None or "before" not in row["data"]:
        raise NotFound("there is no such correction")
    if row["undone_by"] is not None:
        raise Conflict("it was taken back already")
    data: dict[str, Any] = row["data"]
    done = _note(conn, row["case_id"], "undone", who, now, {"event": event, "kind": row["kind"], "touched": []})
    conn.execute(update(events).where(events.c.id == event).values(undone_by=done))
    if row["kind"] == "case.set":
        _must_stand(conn, row["case_id"])
        _put_back(conn, row["case_id"], data["before"])
        return [row["case_id"]]
    touched = _restore(conn, data, now)
    conn.execute(
        update(events).where(events.c.id == done).values(data={"event": event, "kind": row["kind"], "touched": touched})
    )
    return touched


def set_by_person(conn: Connection, number: int, wanted: Mapping[str, Any], who: str, now: datetime) -> int:
    """Store fields set by a person (None removes one), items and asks one by one. Returns the event id."""
    row = conn.execute(select(cases.c.set_by_people).where(cases.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("there is no such case")
    before: dict[str, Any] = row.set_by_people or {}
    kept: dict[str, Any] = {name: value for name, value in before.items() if name not in _ONE_BY_ONE}
    groups: dict[str, dict[str, Any]] = {name: dict(before.get(name) or {}) for name in _ONE_BY_ONE}
    signed = {"by": who or "somebody", "at": now.isoformat()}
    for name, value in wanted.items():
        if name not in FIELDS:
            raise Refused(f"{name}: not a field that can be set")
        if name in _ONE_BY_ONE:
            for one, state in (value or {}).items():
                if state is None:
                    groups[name].pop(one, None)
                else:
                    groups[name][one] = {"value": state, **signed}
            if value is None:
                groups[name] = {}
        elif value is None:
            kept.pop(name, None)
        else:
            kept[name] = {"value": None if value == "none" else value, **signed}
    kept |= {name: group for name, group in groups.items() if group}
    conn.execute(update(cases).where(cases.c.id == number).values(set_by_people=kept))
    data = {"set": dict(wanted), "before": before, "touched": [number]}
    return _note(conn, number, "case.set", who, now, data)


def touched(conn: Connection, event: int) -> list[int]:
    """Return the cases that a correction changed, to be judged again."""
    data = conn.execute(select(events.c.data).where(events.c.id == event)).scalar_one()
    return [int(case) for case in data.get("touched", [])]


def survivor(conn: Connection, number: int) -> int:
    """Follow merges to the case that this one is now part of; stops at a cycle. Raises NotFound."""
    seen: set[int] = set()
    while True:
        row = conn.execute(select(cases.c.merged_into).where(cases.c.id == number)).one_or_none()
        if row is None:
            raise NotFound("there is no such case")
        if row.merged_into is None or number in seen:
            return number
        seen.add(number)
        number = row.merged_into


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _must_stand(conn: Connection, number: int) -> None:
    row = conn.execute(select(cases.c.merged_into).where(cases.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("there is no such case")
    if row.merged_into is not None:
        raise Conflict("the case was merged already")


def _messages_of(conn: Connection, case: int) -> list[int]:
    return list(conn.execute(select(messages.c.id).where(messages.c.case_id == case)).scalars())


def _before(conn: Connection, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Return the placement and origin of each message of these cases, as ``undo`` needs them."""
    query = select(*_STAND).where(messages.c.case_id.in_(sorted(set(numbers))))
    return [dict(row) for row in conn.execute(query.order_by(messages.c.id)).mappings()]


def _rewrite(conn: Connection, numbers: Sequence[int], case_id: int | None = None, **values: Any) -> None:
    if case_id is not None:
        placement.move_messages(conn, numbers, case_id, **values)
        return
    for start in range(0, len(numbers), 400):
        chunk = numbers[start : start + 400]
        conn.execute(update(messages).where(messages.c.id.in_(chunk)).values(**values))


def _anchor(conn: Connection, case: int) -> None:
    """Join the messages of a case, so that the rules keep together what is moved there."""
    _rewrite(conn, _messages_of(conn, case), joined=case)


def _restore(conn: Connection, data: Mapping[str, Any], now: datetime) -> list[int]:
    before: list[dict[str, Any]] = data["before"]
    stood = {row["id"]: row for row in before}
    moved = data.get("messages") or [row["id"] for row in before if row["case_id"] == data["from"]]
    here = {row["id"]: row for row in conn.execute(select(*_STAND).where(messages.c.id.in_(sorted(stood)))).mappings()}
    into = survivor(conn, data["into"])
    if any(here[message]["case_id"] != into for message in moved if message in here):
        raise Conflict("a later correction moved the same messages; take that one back first")
    sources = {stood[message]["case_id"] for message in moved}
    if len(list(conn.execute(select(cases.c.id).where(cases.c.id.in_(sources))).scalars())) < len(sources):
        raise Conflict("the case it came from is not kept any more")
    closed = data.get("emptied", [data["from"]])  # by this correction; cases that rules merged since then stay merged
    homes = {one: one if one in closed else survivor(conn, one) for one in sources}
    back = sorted(set(homes.values()))
    conn.execute(update(cases).where(cases.c.id.in_(back)).values(merged_into=None, updated_at=now))
    for message, row in stood.items():
        if message not in here:
            continue
        values: dict[str, Any] = {"joined": row["joined"], "pinned_by": row["pinned_by"]}
        if message in moved:
            values["case_id"] = homes[row["case_id"]]
        elif here[message]["pinned_by"] != row["pinned_by"]:
            continue
        _rewrite(conn, [message], **values)
    links.delete_links(conn, [tuple(row) for row in data.get("linked", ())])
    links.relate(conn, [tuple(row) for row in data.get("unlinked", ())])
    freed = [i for i, row in here.items() if row["pinned_by"] and not stood[i]["pinned_by"]]
    renewed = [i for i, row in here.items() if row["origin"] != stood[i].get("origin", row["origin"])]
    followed = _follow_back(conn, {into, *back}, stood.keys(), [*freed, *renewed], now)
    if data.get("opened") and not _messages_of(conn, into):
        conn.execute(update(cases).where(cases.c.id == into).values(merged_into=back[0], updated_at=now))
    alive = conn.execute(
        select(cases.c.id).where(cases.c.id.in_({into, *back, *followed}), cases.c.merged_into.is_(None))
    ).scalars()
    return sorted(case for case in alive if _messages_of(conn, case))


def _follow_back(
    conn: Connection, among: Collection[int], stood: Collection[int], again: Sequence[int], now: datetime
) -> set[int]:
    """Place mail received after a correction by its strong evidence. Returns the cases that changed.

    ``again``: messages that are no longer pinned, or whose original mail arrived since. They stay in their case, and
    the cases they link are merged as for a new mail.
    """
    nodes = nodes_of(conn, among)
    known, _ = strong(conn, list(nodes.values()))
    add_facts(conn, known, among, ())
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


def _put_back(conn: Connection, number: int, before: Mapping[str, Any]) -> None:
    conn.execute(update(cases).where(cases.c.id == number).values(set_by_people=dict(before)))


def _relinked(before: Collection[links.Link], after: Collection[links.Link]) -> dict[str, Any]:
    """Return the links between cases that a correction added and removed, for ``undo``."""
    return {
        "linked": [row for row in after if row not in before],
        "unlinked": [row for row in before if row not in after],
    }


def _note(conn: Connection, case: int, kind: str, who: str, now: datetime, data: Mapping[str, Any]) -> int:
    made = insert(events).values(case_id=case, kind=kind, who=who, at=now, data=dict(data)).returning(events.c.id)
    return int(conn.execute(made).scalar_one())
