"""Places mails: reads what may be relevant, lets ``cases.placement`` decide, writes the result.

``prepare`` reads and decides without a lock. ``place_all`` writes under ``database.one_at_a_time``; it reads the strong
keys again and decides again if another worker changed them in between. So the same cases are merged by strong evidence
whatever the number of workers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from service.cases.facts.extracted import ExtractedMessage
from service.cases.facts.message_facts import MessageFacts
from service.cases.people import is_team_here
from service.cases.placement.keys import stored_keys
from service.cases.placement.placer import Placer
from service.cases.placement.plan import Plan
from service.store import links, suggestions
from service.store.database import next_ids
from service.store.learning import Read, as_known, learn
from service.store.learning import learned as learned
from service.store.lines import lines as lines
from service.store.lines import lines_of as lines_of
from service.store.message_rows import ArrivedMail as ArrivedMail
from service.store.message_rows import (
    content_row,
    deliver,
    evidence_of,
    extra_facts,
    extra_facts_kept,
    key_rows,
    renew,
    write_files,
    write_keys,
)
from service.store.neighbours import (
    Lookup,
    Rows,
    add_candidates,
    aliases_of,
    look_up,
    nodes_by_number,
    strong,
)
from service.store.statements import THESE, chunks
from service.store.tables import cases, messages, thread_keys

Mail = list[tuple[ArrivedMail, ExtractedMessage, MessageFacts]]
"""A mail and the messages found inside it; their facts have negative temporary ids."""


@dataclass(slots=True)
class Placed:
    """The result of placing a batch."""

    messages: dict[str, list[int]] = field(default_factory=dict)
    """Spool id → message ids, in the order of ``extracted``."""
    cases: list[int] = field(default_factory=list)
    """Cases to be judged again, by id."""
    opened: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Decisions made before the lock was taken."""

    arrived: Sequence[ArrivedMail]
    mails: Sequence[Mail]
    plan: Plan
    lookup: Lookup
    rows: Rows
    """The rows of strong keys that the decisions depend on."""


def prepare(
    conn: Connection,
    arrived: Sequence[ArrivedMail],
    *,
    reopen: timedelta = timedelta(days=14),
    read: Read | None = None,
) -> Prepared:
    """Decide about a batch without writing.

    ``read``: reads a message again if its author's role is known better now.
    """
    arrived = as_known(conn, arrived, read)
    mails = _numbered(arrived)
    come = [node for mail in mails for _, _, node in mail]
    lookup = Lookup.of(come)
    rows = lookup.rows(conn)
    known = strong(conn, come, rows)
    placing = Placer(known, reopen)
    for mail in mails:
        placing.take([node for _, _, node in mail])
    add_candidates(conn, known, placing.lookups)
    return Prepared(arrived, mails, placing.finish(), lookup, rows)


def place_all(
    conn: Connection,
    arrived: Sequence[ArrivedMail],
    *,
    now: datetime,
    reopen: timedelta = timedelta(days=14),
    read: Read | None = None,
    prepared: Prepared | None = None,
) -> Placed:
    """Place a batch in the given order. Spool entries placed before are left unchanged."""
    placed = Placed()
    done = _placed_before(conn, [one.spool_id for one in arrived])
    placed.messages.update(done)
    fresh = [one for one in arrived if one.spool_id not in done]
    if not fresh:
        return placed
    placed.cases = learn(conn, fresh, read, now)
    if prepared is None or done or placed.cases or not _holds(conn, prepared, read):
        prepared = prepare(conn, fresh, reopen=reopen, read=read)
    _Writer(conn, prepared, placed, now).write()
    return placed


def _holds(conn: Connection, prepared: Prepared, read: Read | None) -> bool:
    """Whether nothing that the decisions depend on has changed."""
    if as_known(conn, prepared.arrived, read) != list(prepared.arrived):
        return False
    if prepared.lookup.rows(conn) != prepared.rows:
        return False
    plan = prepared.plan
    named = {*plan.home.values(), *plan.merged_cases.values(), *(s.case for s in plan.suggestions)}
    return not aliases_of(conn, {case for case in named if case > 0})


def open_cases(conn: Connection, opened_at: Sequence[datetime], now: datetime) -> Sequence[int]:
    """Create cases without content, to be judged later; returns their ids."""
    numbers = next_ids(conn, cases, len(opened_at))
    bare: dict[str, Any] = {"status": "open", "priority": "P3", "kind": "incident", "vendor_refs": [], "missing": []}
    bare |= {"updated_at": now, "set_by_people": {}, "document": {}}
    if numbers:
        rows = [{**bare, "id": id, "opened_at": at} for id, at in zip(numbers, opened_at, strict=True)]
        conn.execute(insert(cases), rows)
    return numbers


def move_messages(conn: Connection, numbers: Sequence[int], case: int, **more: Any) -> None:
    """Move messages and their keys to a case; ``more``: further columns to set."""
    for chunk in chunks(numbers):
        conn.execute(update(messages).where(messages.c.id.in_(chunk)).values(case_id=case, **more))
        conn.execute(update(thread_keys).where(thread_keys.c.message_id.in_(chunk)).values(case_id=case))


# built once, since building a statement takes longer than running it

_CHANGE = update(messages).where(messages.c.id == bindparam("number"))
_NO_KEYS = delete(thread_keys).where(thread_keys.c.message_id.in_(THESE))
_NEWEST = select(messages.c.id).where(messages.c.case_id == bindparam("case")).order_by(messages.c.id.desc()).limit(50)


def _placed_before(conn: Connection, spool_ids: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for spool_id, message in look_up(conn, "deliveries", spool_ids):
        found[spool_id].append(message)
    return dict(found)


def _numbered(arrived: Sequence[ArrivedMail]) -> list[Mail]:
    """Return the messages of each mail with negative temporary ids, in order of arrival."""
    mails: list[Mail] = []
    number = 0
    for one in arrived:
        ids = {b.node.id: number - place for place, b in enumerate(one.extracted, start=1)}
        number -= len(one.extracted)
        nodes = (replace(b.node, id=ids[b.node.id], holds=tuple(ids[h] for h in b.node.holds)) for b in one.extracted)
        mails.append([(one, b, node) for b, node in zip(one.extracted, nodes, strict=True)])
    return mails


class _Writer:
    def __init__(self, conn: Connection, prepared: Prepared, placed: Placed, now: datetime) -> None:
        self.conn, self.plan, self.placed, self.now = conn, prepared.plan, placed, now
        self.flat = [one for mail in prepared.mails for one in mail]
        self.stored: dict[int, int] = {}
        self.case_numbers: dict[int, int] = {}

    def write(self) -> None:
        plan, placed = self.plan, self.placed
        self.open_cases()
        for case, into in plan.merged_cases.items():
            links.merge_cases(self.conn, case, self.case(into), self.now)
        self.insert_messages()
        self.change_messages()
        self.deliver()
        touched = {self.case(plan.home[node]) for node in plan.home}
        touched |= {self.case(into) for into in plan.merged_cases.values()} | self.outsiders()
        fresh = {*self.stored.values()}
        touched |= self.cases_of({m for mails in placed.messages.values() for m in mails} - fresh)
        touched |= links.relate(
            self.conn,
            [(self.case(a), self.case(b), self.number(m), why) for (a, b), (m, why) in plan.related.items()],
        )
        rows = [
            (self.number(s.message), self.case(plan.home[s.message]), self.case(s.case), s) for s in plan.suggestions
        ]
        touched |= suggestions.add(self.conn, rows, self.now)
        placed.cases = sorted({*touched, *placed.cases} - plan.merged_cases.keys())

    def case(self, number: int) -> int:
        return self.case_numbers.get(number, number)

    def number(self, message: int) -> int:
        if message in self.plan.copies:
            message = self.plan.copies[message].message
        return self.stored.get(message, message)

    def cases_of(self, numbers: Collection[int]) -> set[int]:
        return {case for (case,) in look_up(self.conn, "cases of messages", sorted(numbers))} if numbers else set()

    def open_cases(self) -> None:
        """Create the new cases, numbered in the order in which their first mail arrived."""
        began: dict[int, datetime] = {}
        for message, case in sorted(self.plan.home.items(), reverse=True):
            if case < 0:
                at = self.plan.nodes[message].at
                began[case] = min(began.get(case, at), at)
        numbers = open_cases(self.conn, list(began.values()), self.now)
        self.case_numbers = dict(zip(began, numbers, strict=True))
        self.placed.opened += numbers

    def insert_messages(self) -> None:
        plan = self.plan
        fresh = [(one, b, node.id) for one, b, node in self.flat if node.id not in plan.copies]
        ids = next_ids(self.conn, messages, len(fresh))
        self.stored = {number: id for (_, _, number), id in zip(fresh, ids, strict=True)}
        rows, keys = [], []
        for one, extracted, number in fresh:
            id, case = self.stored[number], self.case(plan.home[number])
            row = content_row(one, extracted) | {"id": id, "case_id": case, "deliveries": 1}
            row |= {"placed_by": plan.evidence[number].kind, **self.derived(number, extracted)}
            if number in plan.reused:
                row["defects"] = sorted({*row["defects"], "message-id-reused"})
            rows.append(row)
            keys += key_rows(plan.keys[number], id, case)
        if rows:
            self.conn.execute(insert(messages), rows)
            write_files(self.conn, [(self.stored[number], one, b) for one, b, number in fresh])
            write_keys(self.conn, keys)

    def derived(self, number: int, extracted: ExtractedMessage | None = None) -> dict[str, Any]:
        """Return facts and evidence of a message as columns."""
        facts = self.plan.nodes[number].document()
        if "holds" in facts:
            facts["holds"] = tuple(dict.fromkeys(map(self.number, facts["holds"])))
        facts |= extra_facts(extracted) if extracted else extra_facts_kept(self.conn, self.number(number))
        if number not in self.plan.evidence:
            return {"facts": facts}
        return {"facts": facts, "evidence": evidence_of(number, self.plan, self.case, self.number)}

    def change_messages(self) -> None:
        """Update stored messages about which a better copy gave more information."""
        for number in (number for number in self.plan.nodes if number > 0):
            self.conn.execute(_CHANGE, [{"number": number, **self.derived(number)}])
            self.conn.execute(_NO_KEYS, {"these": [number]})
            [case] = self.cases_of([number])
            write_keys(self.conn, key_rows(stored_keys(self.plan.nodes[number]), number, case))

    def deliver(self) -> None:
        delivered = [(one, extracted, self.number(node.id)) for one, extracted, node in self.flat]
        deliver(self.conn, delivered, [self.number(number) for number in self.plan.copies])
        for (one, extracted, message), (_, _, node) in zip(delivered, self.flat, strict=True):
            self.placed.messages.setdefault(one.spool_id, []).append(message)
            copy = self.plan.copies.get(node.id)
            if copy is not None and copy.better:
                renew(self.conn, message, one, extracted, copy.why)

    def outsiders(self) -> set[int]:
        """Set the role of authors who forwarded vendor mail in this batch: team if ``is_team_here``, else unknown.

        Returns the changed cases.
        """
        changed: set[int] = set()
        for number, node in self.plan.nodes.items():
            if not node.hands_on:
                continue
            [case] = self.cases_of([self.number(number)])
            members = nodes_by_number(self.conn, list(self.conn.execute(_NEWEST, {"case": case}).scalars()))
            here = members.get(self.number(number))
            if here is None:
                continue
            role = "team" if is_team_here(here, list(members.values())) else "unknown"
            query = update(messages).where(messages.c.id == here.id, messages.c.author_role != role)
            if self.conn.execute(query.values(author_role=role, statements=None)).rowcount:
                changed.add(case)
        return changed
