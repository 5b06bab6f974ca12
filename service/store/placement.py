"""Places mails: reads relevant messages, lets ``cases.placement`` decide, writes the result.

``prepare`` reads and decides without a lock. ``place_all`` writes under ``database.one_at_a_time``. It first reads the
strong keys again. If another worker changed them meanwhile, it decides again or raises Outdated. So strong evidence
merges the same cases with any number of workers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from service.cases.facts.extracted import ExtractedMessage
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.trust import is_team_here
from service.cases.placement.known import Plan
from service.cases.placement.placer import Placer
from service.store import links, message_rows, neighbours, suggestions
from service.store.database import next_ids
from service.store.learned_roles import Read, learn, with_learned_roles
from service.store.message_rows import ReadMail
from service.store.sql import chunks, write_rows
from service.store.tables import cases, messages, thread_keys

MailMessages = list[tuple[ReadMail, ExtractedMessage, MessageFacts]]  # messages of a mail, with temporary ids


class Outdated(Exception):
    """Another worker changed what a decision depends on, so the transaction must not commit."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The decisions about a batch, and the data on which they depend."""

    arrived: Sequence[ReadMail]
    mails: Sequence[MailMessages]
    plan: Plan
    keys: neighbours.StrongKeys
    rows: neighbours.Rows  # the stored rows of the strong keys of the batch
    new: Mapping[int, dict[str, Any]]  # new message → columns, with temporary ids


@dataclass(slots=True)
class Placed:
    """The result of placing a batch."""

    cases: list[int]  # cases to be judged again, by id
    decisions: Prepared  # the decisions that were written
    opened: list[int] = field(default_factory=list)
    case_ids: Mapping[int, int] = field(default_factory=dict)  # temporary id of a new case → its id
    message_ids: Mapping[int, int] = field(default_factory=dict)


def prepare(
    conn: Connection,
    arrived: Sequence[ReadMail],
    *,
    read: Read,
    reopen: timedelta = timedelta(days=14),
    before: Prepared | None = None,
    decide_again: bool = True,
) -> Prepared:
    """Decide which cases a batch of mails belongs to. Reads only.

    ``before``: an earlier decision about these mails. If its data has not changed, it is returned. Otherwise a new
    decision is made if ``decide_again`` is true; if not, Outdated is raised. ``read``: reads a message again if the
    role of the author was learned meanwhile.
    """
    arrived = with_learned_roles(conn, arrived, read)
    if before is not None and arrived == before.arrived:
        mails = before.mails
    else:
        mails, before = _numbered(arrived), None
    new_nodes = [node for mail in mails for _, _, node in mail]
    keys = before.keys if before is not None else neighbours.strong_keys(new_nodes)
    rows = neighbours.strong_rows(conn, keys)
    if before is not None and rows == before.rows and not neighbours.aliases_of(conn, before.plan.cases):
        return before
    if not decide_again:
        raise Outdated
    known = neighbours.strong(conn, new_nodes, rows)
    placer = Placer(known, reopen)
    for mail in mails:
        placer.follow_strong_evidence([node for _, _, node in mail])
    neighbours.add_candidates(conn, known, placer.lookups)
    plan = placer.finish()
    new = {
        node.id: message_rows.new_row(one, extracted, node.id, plan)
        for mail in mails
        for one, extracted, node in mail
        if node.id not in plan.copies
    }
    return Prepared(arrived, mails, plan, keys, rows, new)


def place_all(
    conn: Connection,
    prepared: Prepared,
    *,
    read: Read,
    now: datetime,
    reopen: timedelta = timedelta(days=14),
    decide_again: bool = True,
) -> Placed:
    """Place a batch of mails as decided before the transaction.

    If these decisions are outdated, ``decide_again`` says whether to decide again or to raise Outdated.
    """
    extracted = [message for mail in prepared.arrived for message in mail.extracted]
    if changed := learn(conn, extracted, read, now):
        prepared = prepare(conn, prepared.arrived, read=read, reopen=reopen)
    else:
        prepared = prepare(conn, prepared.arrived, read=read, reopen=reopen, before=prepared, decide_again=decide_again)
    placed = Placed(changed, prepared)
    _Writer(conn, prepared, placed, now).write()
    return placed


def open_cases(conn: Connection, opened_at: Sequence[datetime], now: datetime) -> Sequence[int]:
    """Create cases without content, to be judged later; returns their ids."""
    numbers = next_ids(conn, cases, len(opened_at))
    bare: dict[str, Any] = {"status": "open", "priority": "P3", "kind": "incident", "vendor_refs": [], "missing": []}
    bare |= {"updated_at": now, "set_by_people": {}, "document": {}}
    write_rows(conn, cases, [bare | {"id": id, "opened_at": at} for id, at in zip(numbers, opened_at, strict=True)])
    return numbers


def move_messages(conn: Connection, numbers: Sequence[int], case: int, **more: Any) -> None:
    """Move messages and their keys to a case; ``more``: further columns to set."""
    for chunk in chunks(numbers):
        conn.execute(update(messages).where(messages.c.id.in_(chunk)).values(case_id=case, **more))
        conn.execute(update(thread_keys).where(thread_keys.c.message_id.in_(chunk)).values(case_id=case))


_NEWEST = select(messages.c.id).where(messages.c.case_id == bindparam("case")).order_by(messages.c.id.desc()).limit(50)


def _numbered(arrived: Sequence[ReadMail]) -> list[MailMessages]:
    """Return the messages of each mail with negative temporary ids, in order of arrival."""
    mails: list[MailMessages] = []
    number = 0
    for one in arrived:
        nodes = [extracted.node for extracted in one.extracted]
        ids = {node.id: number - place for place, node in enumerate(nodes, start=1)}
        number -= len(nodes)
        nodes = [node.evolve(id=ids[node.id], holds=tuple(ids[inner] for inner in node.holds)) for node in nodes]
        mails.append([(one, extracted, node) for extracted, node in zip(one.extracted, nodes, strict=True)])
    return mails


class _Writer:
    def __init__(self, conn: Connection, prepared: Prepared, placed: Placed, now: datetime) -> None:
        self.conn, self.prepared, self.placed, self.now = conn, prepared, placed, now
        self.plan = prepared.plan
        self.messages = [message for mail in prepared.mails for message in mail]

    def write(self) -> None:
        plan, placed = self.plan, self.placed
        self.open_cases()
        for case, into in plan.merged_cases.items():
            links.merge_cases(self.conn, case, self.case(into), self.now)
        self.insert_messages()
        for number, node in plan.nodes.items():
            if number > 0:
                evidence = self.evidence(number) if number in plan.evidence else None
                message_rows.replace_facts(self.conn, number, node.evolve(holds=self.embedded(node.holds)), evidence)
        self.deliver()
        self.set_roles()
        pairs = [(self.case(a), self.case(b), self.number(m), why) for (a, b), (m, why) in plan.related.items()]
        related = links.relate(self.conn, pairs)
        suggested = [
            (self.number(s.message), self.case(plan.home[s.message]), self.case(s.case), s) for s in plan.suggestions
        ]
        suggestions.add(self.conn, suggested, self.now)
        changed = {*map(self.case, plan.touched), *related, *placed.cases}
        placed.cases = sorted(changed - plan.merged_cases.keys())

    def case(self, number: int) -> int:
        return self.placed.case_ids.get(number, number)

    def number(self, message: int) -> int:
        if message in self.plan.copies:
            message = self.plan.copies[message].message
        return self.placed.message_ids.get(message, message)

    def embedded(self, holds: Sequence[int]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(map(self.number, holds)))

    def evidence(self, number: int) -> dict[str, Any]:
        return message_rows.evidence_of(number, self.plan, self.case, self.number)

    def open_cases(self) -> None:
        """Create the new cases, numbered in the order in which their first mail arrived."""
        began: dict[int, datetime] = {}
        for message, case in sorted(self.plan.home.items(), reverse=True):
            if case < 0:
                at = self.plan.nodes[message].at
                began[case] = min(began.get(case, at), at)
        self.placed.opened += open_cases(self.conn, list(began.values()), self.now)
        self.placed.case_ids = dict(zip(began, self.placed.opened, strict=True))

    def insert_messages(self) -> None:
        new = self.prepared.new
        if not new:
            return
        stored = dict(zip(new, next_ids(self.conn, messages, len(new)), strict=True))
        self.placed.message_ids = stored
        rows, keys = [], []
        for number, row in new.items():
            ids = {"id": stored[number], "case_id": self.case(self.plan.home[number])}
            if "holds" in row["facts"]:
                ids["facts"] = row["facts"] | {"holds": self.embedded(row["facts"]["holds"])}
            rows.append(row | ids | {"evidence": self.evidence(number)})
            keys += message_rows.key_rows(self.plan.keys[number], ids["id"], ids["case_id"])
        write_rows(self.conn, messages, rows)
        files = [(stored[node.id], one, extracted) for one, extracted, node in self.messages if node.id in stored]
        message_rows.write_files(self.conn, files)
        write_rows(self.conn, thread_keys, keys)

    def deliver(self) -> None:
        delivered = [(one, extracted, self.number(node.id)) for one, extracted, node in self.messages]
        message_rows.write_deliveries(self.conn, delivered, [self.number(number) for number in self.plan.copies])
        for (one, extracted, message), (_, _, node) in zip(delivered, self.messages, strict=True):
            copy = self.plan.copies.get(node.id)
            if copy is not None and copy.better:
                message_rows.replace_text(self.conn, message, one, extracted, copy.why)

    def set_roles(self) -> None:
        """Set the role of authors who forwarded vendor mail: team if ``is_team_here``, else unknown."""
        for number, node in self.plan.nodes.items():
            if not node.hands_on:
                continue
            case = self.case(self.plan.home[number])
            members = neighbours.nodes_by_number(self.conn, list(self.conn.execute(_NEWEST, {"case": case}).scalars()))
            forward = members.get(self.number(number))
            if forward is not None:
                role = "team" if is_team_here(forward, list(members.values())) else "unknown"
                changed = (messages.c.id == forward.id, messages.c.author_role != role)
                self.conn.execute(update(messages).where(*changed).values(author_role=role, statements=None))
