"""Changes that people make to cases: merge, move, split, set a field. Each is recorded and can be undone.

Every function runs inside the caller's transaction, after ``database.one_at_a_time``. Most return the id of their
event. The caller then has the changed cases judged again in the same transaction::

    event, case = corrections.move(conn, message, None, who, now)
    intake.rejudge(conn, corrections.touched(conn, event), context, now=now)

Rules never move what a person placed: ``messages.pinned_by`` fixes a moved message to its case, ``messages.joined``
keeps the messages of merged cases together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from service.errors import AlreadyMerged, Conflict, NotFound, Refused
from service.store import links, placement, suggestions
from service.store.cases import merge_target
from service.store.cases import survivor as survivor
from service.store.database import one_at_a_time
from service.store.neighbours import DISMISSED, MOVED
from service.store.statements import chunks, tell
from service.store.tables import cases, events, messages

FIELDS = ("status", "priority", "title", "vendor", "waiting_on", "owner", "items", "asks")
_ONE_BY_ONE = ("items", "asks")
PLACE_COLUMNS = (messages.c.id, messages.c.case_id, messages.c.pinned_by, messages.c.joined, messages.c.origin)


def merge(conn: Connection, number: int, into: int, who: str, now: datetime) -> int:
    """Merge case ``number`` into ``into``; its key then redirects. If ``into`` is merged itself, its target is used.

    Returns the event id. Raises NotFound, Conflict (into itself, or merged already).
    """
    one_at_a_time(conn)
    target = survivor(conn, into)
    must_exist_unmerged(conn, number)
    if target == number:
        raise Conflict("into: a case cannot be merged into itself")
    before = _before(conn, [number, target])
    stood = links.links_of(conn, [number, target])
    rewrite(conn, messages_of(conn, number), case_id=target, joined=target)
    rewrite(conn, messages_of(conn, target), joined=target)
    conn.execute(update(messages).where(messages.c.joined == number).values(joined=target))
    conn.execute(update(cases).where(cases.c.id == number).values(merged_into=target, updated_at=now))
    links.copy_separations(conn, number, target)
    links.delete_links(conn, [row for row in stood if {row[0], row[1]} == {number, target}])
    now_linked = links.links_of(conn, [number, target])
    data = {
        "from": number,
        "into": target,
        "before": before,
        "touched": [target],
        "linked": [row for row in now_linked if row not in stood],
        "unlinked": [row for row in stood if row not in now_linked],
    }
    return tell(conn, "case.merged", now, data, case=target, who=who)


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
        [target] = placement.open_cases(conn, [min(row.received_at for row in rows)], now)
    else:  # the rules keep together what is moved there
        rewrite(conn, messages_of(conn, target), joined=target)
    rewrite(conn, [row.id for row in rows], case_id=target, pinned_by=who or "somebody")
    emptied = [source for source in sources if source != target and not messages_of(conn, source)]
    for source in emptied:
        conn.execute(update(cases).where(cases.c.id == source).values(merged_into=target, updated_at=now))
    left = [source for source in sources if source != target and source not in emptied]
    for source in left:
        links.relate(conn, [(source, target, rows[0].id, MOVED)])
    apart = [row for row in links.links_of(conn, left) if row[1] == target and row[3] == MOVED]
    data = {
        "messages": [row.id for row in rows],
        "from": sources,
        "into": target,
        "opened": opened,
        "emptied": emptied,
        "before": before,
        "touched": sorted({target, *left}),
        "linked": [*apart, *((other, one, message, why) for one, other, message, why in apart)],
    }
    kind = "message.moved" if len(rows) == 1 else "case.split"
    return tell(conn, kind, now, data, case=target, who=who), target


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
    for one, other in ((older, newer), (newer, older)):
        tell(conn, "case.kept_apart", now, {"other": other}, case=one, who=who)
    return older, newer


def _sides(conn: Connection, case: int, number: int) -> tuple[int, int]:
    row = suggestions.find(conn, number)
    older, newer = sorted(survivor(conn, one) for one in (row.case_id, row.other_id))
    if survivor(conn, case) not in (older, newer):
        raise NotFound("there is no such suggestion for this case")
    if older == newer:
        raise Conflict("the two cases were merged already")
    return older, newer


def set_by_person(conn: Connection, number: int, wanted: Mapping[str, Any], who: str, now: datetime) -> int:
    """Store fields set by a person (None removes one), items and asks one by one. Returns the event id.

    The event holds what was set, and in ``was`` what the case showed until then. Raises NotFound, Conflict (merged).
    """
    must_exist_unmerged(conn, number)
    row = conn.execute(select(cases.c.set_by_people, cases.c.document).where(cases.c.id == number)).one()
    before: dict[str, Any] = row.set_by_people or {}
    answered = dict(before.get("asks") or {})
    wanted = _singled_out(wanted, answered, row.document or {})
    kept = {**before, "asks": answered}
    signed = {"by": who or "somebody", "at": now.isoformat()}
    for name, value in wanted.items():
        if name not in FIELDS:
            raise Refused(f"{name}: this field cannot be set; use one of {', '.join(FIELDS)}")
        if value is None:
            kept[name] = None
        elif name in _ONE_BY_ONE:
            kept[name] = _group(kept.get(name) or {}, value, signed)
        else:
            kept[name] = {"value": None if value == "none" else value, **signed}
    kept = {name: value for name, value in kept.items() if value}
    conn.execute(update(cases).where(cases.c.id == number).values(set_by_people=kept))
    was = _shown(row.document or {}, wanted, before)
    data = {"set": dict(wanted), "was": was, "before": before, "touched": [number]}
    return tell(conn, "case.set", now, data, case=number, who=who)


def _group(before: Mapping[str, Any], wanted: Mapping[str, Any], signed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the items or asks set by people after a change of those in ``wanted``."""
    group = dict(before)
    for one, state in wanted.items():
        if state is None:
            group.pop(one, None)
        elif not isinstance(state, Mapping):
            group[one] = {"value": state, **signed}
        elif one == "*":
            raise Refused("asks: give an answer in words for one request, by its id; `*` is not possible")
        else:
            group[one] = {"value": "answered", "text": state["answer"], **signed}
    return group


def touched(conn: Connection, event: int) -> list[int]:
    """Return the cases that a correction changed, to be judged again."""
    data = conn.execute(select(events.c.data).where(events.c.id == event)).scalar_one()
    return [int(case) for case in data.get("touched", [])]


def _singled_out(wanted: Mapping[str, Any], answered: dict[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Let one request be reset that was answered with all others (``*``): the others get that entry one by one.

    Returns the values to set, which then reset ``*`` too, so that an undo brings it back.
    """
    asks = wanted.get("asks") or {}
    if "*" not in answered or "*" in asks or None not in asks.values():
        return wanted
    for ask in document.get("asks", ()):
        if ask.get("set_by"):
            answered.setdefault(str(ask["id"]), answered["*"])
    return {**wanted, "asks": {**asks, "*": None}}


def _shown(document: Mapping[str, Any], wanted: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the case shows of these fields: a value; of an item or a request its state.

    Of an item also what a person wrote, but no words of a mail: events leave by webhooks and outlast an erased mail.
    """
    rows = {
        "items": {
            line["item"]: {"state": line["state"], "value": line.get("value") if line.get("set_by") else None}
            for line in document.get("checklist", ())
        },
        "asks": {ask["id"]: ask["state"] for ask in document.get("asks", ())},
    }
    was: dict[str, Any] = {}
    for name, value in wanted.items():
        if name in _ONE_BY_ONE:
            named = before.get(name) or () if value is None else value
            was[name] = {one: rows[name].get(one) for one in named}
        else:
            was[name] = document.get(name)
    return was


def must_exist_unmerged(conn: Connection, number: int) -> None:
    if merge_target(conn, number) is not None:
        raise AlreadyMerged("the case is already merged into another case")


def messages_of(conn: Connection, case: int) -> list[int]:
    return list(conn.execute(select(messages.c.id).where(messages.c.case_id == case)).scalars())


def _before(conn: Connection, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Return the placement and origin of each message of these cases, as ``store.undo`` needs them."""
    query = select(*PLACE_COLUMNS).where(messages.c.case_id.in_(sorted(set(numbers))))
    return [dict(row) for row in conn.execute(query.order_by(messages.c.id)).mappings()]


def rewrite(conn: Connection, numbers: Sequence[int], case_id: int | None = None, **values: Any) -> None:
    if case_id is not None:
        placement.move_messages(conn, numbers, case_id, **values)
        return
    for chunk in chunks(numbers):
        conn.execute(update(messages).where(messages.c.id.in_(chunk)).values(**values))
