"""Placing mails: looks up their neighbours, lets ``threading.plan`` decide, writes down what it found.

To be called inside a transaction after ``database.one_at_a_time``: then the answer does not depend on how many workers
there are. Nothing here decides; what decides is pure (``service/case``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from service.case.bringing import Brought
from service.case.node import Node
from service.case.threading import Plan, plan
from service.cases.people import is_team_here
from service.store.keeping import Arrived as Arrived
from service.store.keeping import (
    content_row,
    deliver,
    deliver_elsewhere,
    evidence_of,
    extra_facts,
    extra_facts_kept,
    renew,
    write_files,
)
from service.store.learning import Read, as_known, learn
from service.store.learning import team as team
from service.store.lines import lines as lines
from service.store.lines import lines_of as lines_of
from service.store.links import link, redirect, suggest
from service.store.links import merged_into as merged_into
from service.store.links import related as related
from service.store.neighbours import THESE, aliases_of, chunks, linked, neighbours, nodes_of
from service.store.planning import planned
from service.store.replaying import keys_of
from service.store.tables import cases, deliveries, messages, thread_keys


@dataclass(slots=True)
class Placed:
    """What changed."""

    messages: dict[str, list[int]] = field(default_factory=dict)
    """Spool id → message ids, in the order of ``brought``."""
    cases: list[int] = field(default_factory=list)
    """Cases to be judged anew, in order of their numbers."""
    opened: list[int] = field(default_factory=list)
    merged: dict[int, int] = field(default_factory=dict)
    """Case → the case it became, because only a late parent had kept them apart."""
    learned: list[str] = field(default_factory=list)
    """Addresses that count as team from now on."""


def place(
    conn: Connection,
    brought: Sequence[Brought],
    *,
    spool_id: str,
    received_at: datetime,
    now: datetime,
    reopen: timedelta = timedelta(days=14),
) -> Placed:
    """Place one mail."""
    return place_all(conn, [Arrived(spool_id, received_at, tuple(brought))], now=now, reopen=reopen)


def place_all(
    conn: Connection,
    arrived: Sequence[Arrived],
    *,
    now: datetime,
    reopen: timedelta = timedelta(days=14),
    read: Read | None = None,
) -> Placed:
    """Place a batch, in the order given. A spool entry that was placed before is left as it is.

    ``read``: how to read a message anew whose author turns out to be of the team; None: nothing is read in it.
    """
    placed = Placed()
    done = _placed_before(conn, [one.spool_id for one in arrived])
    arrived = [one for one in arrived if one.spool_id not in done]
    for spool_id, ids in done.items():
        placed.messages[spool_id] = ids
    if not arrived:
        return placed
    placed.learned, placed.cases = learn(conn, arrived, read, now)
    if placed.cases:  # whose sides have changed may belong elsewhere now
        _look_again(conn, placed.cases, placed, now, reopen)
    arrived = as_known(conn, arrived, read)
    flat = numbered(arrived)
    come = [brought.node for _, brought in flat]
    known, found = planned(conn, come, {brought.node.id: one.received_at for one, brought in flat}, reopen)
    _write(conn, found, flat, known, placed, now)
    return placed


def open_case(conn: Connection, opened_at: datetime, now: datetime) -> int:
    """A bare case, to be judged; its number."""
    [number] = open_cases(conn, [opened_at], now)
    return number


def open_cases(conn: Connection, opened_at: Sequence[datetime], now: datetime) -> list[int]:
    """Bare cases, numbered in the order given."""
    if not opened_at:
        return []
    bare = {"status": "open", "priority": "P3", "kind": "incident", "vendor_refs": [], "missing": []}
    rows = [{**bare, "opened_at": at, "updated_at": now, "set_by_people": {}, "document": {}} for at in opened_at]
    return [int(number) for number in conn.execute(_OPEN, rows).scalars()]


def regroup(
    conn: Connection, case_ids: Collection[int], *, now: datetime, reopen: timedelta = timedelta(days=14)
) -> Placed:
    """Let the rules look again at what stands in these cases, after people changed what they may not touch."""
    placed = Placed()
    _look_again(conn, case_ids, placed, now, reopen)
    return placed


def _look_again(conn: Connection, case_ids: Collection[int], placed: Placed, now: datetime, reopen: timedelta) -> None:
    wanted = set(case_ids) | linked(conn, case_ids)
    known, reach = neighbours(conn, list(nodes_of(conn, wanted).values()), {})
    found = plan(known.values(), [], reopen=reopen, aliases=aliases_of(conn, wanted), reach=reach)
    _write(conn, found, [], known, placed, now)


# built once: what a statement costs to build is most of what it costs

_OPEN = insert(cases).returning(cases.c.id, sort_by_parameter_order=True)
_PLACED = (
    select(deliveries.c.spool_id, deliveries.c.message_id, deliveries.c.part)
    .where(deliveries.c.spool_id.in_(THESE))
    .order_by(deliveries.c.part)
)
_INSERT = insert(messages).returning(messages.c.id, sort_by_parameter_order=True)
_CHANGE = update(messages).where(messages.c.id == bindparam("number"))
_KEYS = insert(thread_keys)
_NO_KEYS = delete(thread_keys).where(thread_keys.c.message_id.in_(THESE))
_PLACED_BY = select(messages.c.id, messages.c.placed_by).where(messages.c.id.in_(THESE))


def _placed_before(conn: Connection, spool_ids: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for chunk in chunks(spool_ids):
        for row in conn.execute(_PLACED, {"these": chunk}):
            found[row.spool_id].append(row.message_id)
    return dict(found)


def numbered(arrived: Sequence[Arrived]) -> list[tuple[Arrived, Brought]]:
    """Every message of a batch with a negative id of its own, in order of arrival."""
    flat: list[tuple[Arrived, Brought]] = []
    number = 0
    for one in arrived:
        ids = {}
        for brought in one.brought:
            number -= 1
            ids[brought.node.id] = number
        for brought in one.brought:
            node = replace(
                brought.node, id=ids[brought.node.id], holds=tuple(ids[h] for h in brought.node.holds if h in ids)
            )
            flat.append((one, replace(brought, node=node)))
    return flat


def _write(
    conn: Connection,
    found: Plan,
    flat: Sequence[tuple[Arrived, Brought]],
    known: Mapping[int, Node],
    placed: Placed,
    now: datetime,
) -> None:
    by_id = {brought.node.id: (one, brought) for one, brought in flat}
    case_at = _open_cases(conn, found, by_id, placed, now)
    home = {m: case_at[p] for p, standing in enumerate(found.standings) for m in standing.members}
    stored = _insert_messages(conn, found, by_id, home, case_at)
    touched: set[int] = set()

    def real(message: int) -> int:
        if message in found.recognised:
            message = found.recognised[message].message
        return stored.get(message, message)

    for message, case in home.items():
        before = known[message].case if message in known else None
        if message in known and before != case:
            _move(conn, message, case, found, case_at, real)
            touched |= {case, before} if before is not None else {case}
        elif message not in known:
            touched.add(case)
    _facts(conn, found, known, home, real, by_id)
    _renew_reasons(conn, found, known, home, real)
    _sides_of_outsiders(conn, found, real)
    temporary = {number: before for before, number in stored.items()}
    delivered = [(one, brought, real(brought.node.id)) for one, brought in flat]
    deliver(conn, delivered)
    for one, brought, message in delivered:
        same = found.recognised.get(brought.node.id)
        placed.messages.setdefault(one.spool_id, []).append(message)
        touched.add(home[message] if message in home else home[temporary[message]])
        if same is not None and same.better:
            renew(conn, message, one, brought)
    deliver_elsewhere(conn, [(real(one.outer), real(one.before), real(one.now)) for one in found.turned])
    placed.merged |= redirect(conn, found, case_at, now)
    link(conn, found, case_at, real, touched)
    opened = set(placed.opened)
    fresh = [(home[n], replace(node, id=real(n))) for n, node in found.nodes.items() if n < 0 and home[n] in opened]
    suggest(conn, fresh, touched)
    placed.cases = sorted({*touched, *placed.cases} - placed.merged.keys())


def _open_cases(
    conn: Connection, found: Plan, by_id: Mapping[int, tuple[Arrived, Brought]], placed: Placed, now: datetime
) -> list[int]:
    """The case number of each group; new ones are opened in the order in which their first mail arrived."""
    case_at: list[int] = [standing.case or 0 for standing in found.standings]
    fresh = [p for p, standing in enumerate(found.standings) if standing.case is None]
    fresh.sort(key=lambda p: min((-m for m in found.standings[p].members if m < 0), default=0))
    began = [min(found.nodes[m].at for m in found.standings[position].members) for position in fresh]
    for position, number in zip(fresh, open_cases(conn, began, now), strict=True):
        case_at[position] = number
        placed.opened.append(number)
    return case_at


def _insert_messages(
    conn: Connection,
    found: Plan,
    by_id: Mapping[int, tuple[Arrived, Brought]],
    home: Mapping[int, int],
    case_at: Sequence[int],
) -> dict[int, int]:
    """Store the new messages; temporary id → number."""
    fresh = [number for number in by_id if number not in found.recognised]
    if not fresh:
        return {}
    rows = []
    for number in fresh:
        one, brought = by_id[number]
        row = content_row(one, brought)
        row["case_id"] = home[number]
        row["deliveries"] = 0
        row["placed_by"] = found.evidence[number].kind
        row["evidence"] = {}
        if number in found.reused:
            row["defects"] = sorted({*row["defects"], "message-id-reused"})
        rows.append(row)
    numbers = conn.execute(_INSERT, rows).scalars().all()
    stored = dict(zip(fresh, numbers, strict=True))
    write_files(conn, [(stored[number], *by_id[number]) for number in fresh])
    return stored


def _facts(
    conn: Connection,
    found: Plan,
    known: Mapping[int, Node],
    home: Mapping[int, int],
    real: Any,
    by_id: Mapping[int, tuple[Arrived, Brought]],
) -> None:
    """Facts, keys and evidence of new messages and of those that a new way told more about."""
    inserted: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    outdated: list[int] = []
    ways: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for temporary, same in found.recognised.items():
        ways[real(temporary)].append({"kind": "same", "words": same.why, "message": None})
    for number, node in found.nodes.items():
        if number in known and known[number] == node:
            continue
        message = real(number)
        inserted += keys_of(node, message, home[number], found.nodes)
        node = node.pointing(real)
        extra = extra_facts(by_id[number][1]) if number in by_id else extra_facts_kept(conn, message)
        evidence = evidence_of(number, found, home, real, ways.get(message, []))
        changed.append({"number": message, "facts": node.document() | extra, "evidence": evidence})
        if number in known:
            outdated.append(message)
    if changed:
        conn.execute(_CHANGE, changed)
    for chunk in chunks(outdated):
        conn.execute(_NO_KEYS, {"these": chunk})
    if inserted:
        conn.execute(_KEYS, inserted)


def _renew_reasons(
    conn: Connection, found: Plan, known: Mapping[int, Node], home: Mapping[int, int], real: Any
) -> None:
    """A mail that came late may be why others stand where they stood already: their evidence says so from now on.

    A mail comes late too where only a quote of it was known, and where its case was moved here as a whole."""

    def is_new(message: int) -> bool:
        return message < 0 or found.nodes[message] is not known[message] or known[message].case != home[message]

    beside = [m for s in found.standings if any(map(is_new, s.members)) for m in s.members if m > 0]
    changed: list[dict[str, Any]] = []
    for chunk in chunks(beside):
        for row in conn.execute(_PLACED_BY, {"these": chunk}):
            one = found.evidence[row.id]
            kind = one.kind
            pointed = real(one.message) if kind == "content" and one.words and one.message is not None else None
            other = kind != row.placed_by or (pointed is not None and pointed != known[row.id].rests)
            if other and known[row.id].case == home[row.id]:
                evidence = evidence_of(row.id, found, home, real, [])
                changed.append({"number": row.id, "placed_by": kind, "evidence": evidence})
    if changed:
        conn.execute(_CHANGE, changed)


def _sides_of_outsiders(conn: Connection, found: Plan, real: Any) -> None:
    """Who hands on a vendor's mail counts as team, an outsider in the case alone that he opened by it."""
    for standing in found.standings:
        members = [found.nodes[m] for m in standing.members]
        for node in members:
            if node.hands_on:
                role = "team" if is_team_here(node, members) else "unknown"
                conn.execute(
                    update(messages)
                    .where(messages.c.id == real(node.id), messages.c.author_role != role)
                    .values(author_role=role, statements=None)
                )


def _move(conn: Connection, message: int, case: int, found: Plan, case_at: Sequence[int], real: Any) -> None:
    conn.execute(update(messages).where(messages.c.id == message).values(case_id=case))
    conn.execute(update(thread_keys).where(thread_keys.c.message_id == message).values(case_id=case))
    one = found.evidence[message]
    old = conn.execute(select(messages.c.evidence).where(messages.c.id == message)).scalar_one() or {}
    pointed = None if one.message is None else str(real(one.message))
    now = {**old, "evidence": [{"kind": one.kind, "words": one.words, "message": pointed}]}
    conn.execute(update(messages).where(messages.c.id == message).values(placed_by=one.kind, evidence=now))
