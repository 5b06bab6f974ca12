"""Changes that people make to cases: merge, move, set a field. Each can be undone.

Most functions return the id of the event that records the change. In the same transaction, the caller judges the
``changed_cases`` of the event again. Rules do not move messages that a person moved or merged: ``messages.pinned_by``
fixes a moved message to its case, and ``messages.joined`` keeps the messages of merged cases together.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from service.errors import AlreadyMerged, Conflict, NotFound, Refused
from service.store import links, placement, suggestions
from service.store.cases import merge_target
from service.store.cases import survivor as survivor
from service.store.database import one_at_a_time
from service.store.neighbours import DISMISSED, MOVED, SET_APART
from service.store.sql import chunks, one_row, write_event
from service.store.tables import cases, events, messages

FIELDS = ("status", "priority", "title", "vendor", "waiting_on", "owner", "items", "asks")
_GROUPS = ("items", "asks")  # fields whose value is a mapping: checklist item or request → what a person set
PLACE_COLUMNS = (messages.c.id, messages.c.case_id, messages.c.pinned_by, messages.c.joined, messages.c.origin)
"""The columns of a message that an undo restores or compares."""


def merge(conn: Connection, number: int, into: int, who: str, now: datetime) -> int:
    """Merge case ``number`` into the survivor of ``into``; return the event. Raises NotFound, Conflict."""
    one_at_a_time(conn)
    target = survivor(conn, into)
    must_exist_unmerged(conn, number)
    if target == number:
        raise Conflict("into: a case cannot be merged into itself")
    before = _before(conn, [number, target])
    old_links = links.links_of(conn, [number, target])
    rewrite(conn, [*messages_of(conn, number), *messages_of(conn, target)], joined=target)
    conn.execute(update(messages).where(messages.c.joined == number).values(joined=target))
    links.redirect(conn, number, target, now)
    links.delete_links(conn, [row for row in old_links if {row[0], row[1]} == {number, target}])
    new_links = links.links_of(conn, [number, target])
    data = {
        "from": number,
        "into": target,
        "before": before,
        "touched": [target],
        "linked": [row for row in new_links if row not in old_links],
        "unlinked": [row for row in old_links if row not in new_links],
    }
    return write_event(conn, "case.merged", now, data, case=target, who=who)


def move(conn: Connection, message: int, to: int | None, who: str, now: datetime) -> tuple[int, int]:
    """Move a message into case ``to`` (None: a new one), permanently.

    Returns event and case. Raises NotFound, Conflict.
    """
    one_at_a_time(conn)
    query = select(messages.c.case_id, messages.c.received_at).where(messages.c.id == message)
    source, received_at = one_row(conn, query, "there is no such message")
    target = survivor(conn, to) if to is not None else None
    if target == source:
        raise Conflict("to: the message is in that case already")
    before = _before(conn, [source] if target is None else [source, target])
    opened = target is None
    if target is None:
        [target] = placement.open_cases(conn, [received_at], now)
    else:  # the rules keep these messages together
        rewrite(conn, messages_of(conn, target), joined=target)
    rewrite(conn, [message], case_id=target, pinned_by=who or "somebody")
    emptied = [] if messages_of(conn, source) else [source]
    if emptied:
        conn.execute(update(cases).where(cases.c.id == source).values(merged_into=target, updated_at=now))
    else:
        links.relate(conn, [(source, target, message, MOVED)])
    links_made = [row for row in links.links_of(conn, [source]) if {row[0], row[1]} == {source, target}]
    data = {
        "messages": [message],
        "from": [source],
        "into": target,
        "opened": opened,
        "emptied": emptied,
        "before": before,
        "touched": sorted({target, source} - {*emptied}),
        "linked": [row for row in links_made if row[3] == MOVED and not emptied],
    }
    return write_event(conn, "message.moved", now, data, case=target, who=who), target


def accept(conn: Connection, case: int, number: int, who: str, now: datetime) -> tuple[int, int]:
    """Merge the newer case of a suggestion into the older; return event and older case. Raises NotFound, Conflict."""
    one_at_a_time(conn)
    older, newer = _sides(conn, case, number)
    numbers = suggestions.between(conn, (older, newer))
    event = merge(conn, newer, older, who, now)
    suggestions.decide(conn, numbers, "accepted", who, now)
    return event, older


def dismiss(conn: Connection, case: int, number: int, who: str, now: datetime) -> tuple[int, int]:
    """Dismiss a suggestion.

    After that, sodan neither merges its two cases nor suggests them again. Returns the older and the newer case.
    """
    one_at_a_time(conn)
    older, newer = _sides(conn, case, number)
    message = suggestions.find(conn, number).message_id
    suggestions.decide(conn, suggestions.between(conn, (older, newer)), "dismissed", who, now)
    others = [row for row in links.links_of(conn, [older]) if newer in row[:2] and row[3] not in SET_APART]
    links.delete_links(conn, others)
    links.relate(conn, [(older, newer, message, DISMISSED)])
    for case, other in ((older, newer), (newer, older)):
        write_event(conn, "case.kept_apart", now, {"other": other}, case=case, who=who)
    return older, newer


def _sides(conn: Connection, case: int, number: int) -> tuple[int, int]:
    """Return the older and the newer case of a suggestion, one of which must be ``case``."""
    row = suggestions.find(conn, number)
    older, newer = sorted(survivor(conn, id) for id in (row.case_id, row.other_id))
    if survivor(conn, case) not in (older, newer):
        raise NotFound("there is no such suggestion for this case")
    if older == newer:
        raise Conflict("the two cases were merged already")
    return older, newer


def set_by_person(conn: Connection, number: int, wanted: Mapping[str, Any], who: str, now: datetime) -> int:
    """Set the fields ``wanted`` of a case (None: reset). Returns the event. Raises NotFound, Refused, Conflict."""
    must_exist_unmerged(conn, number)
    row = conn.execute(select(cases.c.set_by_people, cases.c.document).where(cases.c.id == number)).one()
    before: dict[str, Any] = row.set_by_people or {}
    asks = dict(before.get("asks") or {})
    wanted = _without_wildcard(wanted, asks, row.document or {})
    after = {**before, "asks": asks}
    author = {"by": who or "somebody", "at": now.isoformat()}
    for name, value in wanted.items():
        if name not in FIELDS:
            raise Refused(f"{name}: this field cannot be set; use one of {', '.join(FIELDS)}")
        if value is None:
            after[name] = None
        elif name in _GROUPS:
            after[name] = _group(after.get(name) or {}, value, author)
        else:
            after[name] = {"value": None if value == "none" else value, **author}
    after = {name: value for name, value in after.items() if value}
    conn.execute(update(cases).where(cases.c.id == number).values(set_by_people=after))
    was = _shown(row.document or {}, wanted, before)
    data = {"set": dict(wanted), "was": was, "before": before, "touched": [number]}
    return write_event(conn, "case.set", now, data, case=number, who=who)


def _group(before: Mapping[str, Any], wanted: Mapping[str, Any], author: Mapping[str, Any]) -> dict[str, Any]:
    """Return the items or asks set by people, after the changes ``wanted``."""
    group = dict(before)
    for id, value in wanted.items():
        if value is None:
            group.pop(id, None)
        elif not isinstance(value, Mapping):
            group[id] = {"value": value, **author}
        elif id == "*":
            raise Refused("asks: give an answer in words for one request, by its id; `*` is not possible")
        else:
            group[id] = {"value": "answered", "text": value["answer"], **author}
    return group


def changed_cases(conn: Connection, event: int) -> list[int]:
    """Return the ids of the cases that a correction changed. They must be judged again."""
    data = conn.execute(select(events.c.data).where(events.c.id == event)).scalar_one()
    return [int(case) for case in data.get("touched", [])]


def _without_wildcard(
    wanted: Mapping[str, Any], asks: dict[str, Any], document: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return ``wanted`` with one entry per request instead of ``*``, so that each can be reset."""
    changed = wanted.get("asks") or {}
    if "*" not in asks or "*" in changed or None not in changed.values():
        return wanted
    for ask in document.get("asks", ()):
        if ask.get("set_by"):
            asks.setdefault(str(ask["id"]), asks["*"])
    return {**wanted, "asks": {**changed, "*": None}}


def _shown(document: Mapping[str, Any], wanted: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a case shows in the fields ``wanted``. Values from mails are left out: events outlast an erasure."""
    rows = {
        "items": {
            row["item"]: {"state": row["state"], "value": row.get("value") if row.get("set_by") else None}
            for row in document.get("checklist", ())
        },
        "asks": {ask["id"]: ask["state"] for ask in document.get("asks", ())},
    }
    was: dict[str, Any] = {}
    for name, value in wanted.items():
        if name in _GROUPS:
            ids = before.get(name) or () if value is None else value
            was[name] = {id: rows[name].get(id) for id in ids}
        else:
            was[name] = document.get(name)
    return was


def must_exist_unmerged(conn: Connection, number: int) -> None:
    if merge_target(conn, number) is not None:
        raise AlreadyMerged("the case is already merged into another case")


def messages_of(conn: Connection, case: int) -> list[int]:
    return list(conn.execute(select(messages.c.id).where(messages.c.case_id == case)).scalars())


def _before(conn: Connection, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Return ``PLACE_COLUMNS`` of each message of these cases, for a later undo."""
    query = select(*PLACE_COLUMNS).where(messages.c.case_id.in_(sorted(set(numbers))))
    return [dict(row) for row in conn.execute(query.order_by(messages.c.id)).mappings()]


def rewrite(conn: Connection, numbers: Sequence[int], case_id: int | None = None, **values: Any) -> None:
    """Set columns of messages, and move them into a case if one is given."""
    if case_id is not None:
        placement.move_messages(conn, numbers, case_id, **values)
        return
    for chunk in chunks(numbers):
        conn.execute(update(messages).where(messages.c.id.in_(chunk)).values(**values))
