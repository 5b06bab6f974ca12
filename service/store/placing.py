"""Placing mails: one set lookup of all keys of a batch, and writing down what ``threading.plan`` found.

To be called inside a transaction after ``database.one_at_a_time``: then the answer does not depend on how many workers
there are. Nothing here decides; what decides is pure (``service/case``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, delete, insert, select, update

from mailrules.thread import File, Turn
from service.case.bringing import Brought
from service.case.keys import cited_keys, content_keys, own_keys, sought_keys
from service.case.line import Line, in_order
from service.case.node import Node
from service.case.readings import reading_document, reading_of
from service.case.threading import Plan, plan
from service.mail.message import Address, Mail
from service.store.tables import (
    attachments,
    case_links,
    cases,
    deliveries,
    events,
    learned_team,
    messages,
    thread_keys,
)

_CHUNK = 400
"""Values in one IN list."""
_MOST_HITS = 300
"""Messages that one content key may call up: the newest."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One mail to be placed: its spool entry and what it brings."""

    spool_id: str
    received_at: datetime
    brought: tuple[Brought, ...]


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
    conn: Connection, arrived: Sequence[Arrived], *, now: datetime, reopen: timedelta = timedelta(days=14)
) -> Placed:
    """Place a batch, in the order given. A spool entry that was placed before is left as it is."""
    placed = Placed()
    done = _placed_before(conn, [one.spool_id for one in arrived])
    arrived = [one for one in arrived if one.spool_id not in done]
    for spool_id, ids in done.items():
        placed.messages[spool_id] = ids
    if not arrived:
        return placed
    _learn(conn, arrived, placed, now)
    flat = _numbered(arrived)
    come = [brought.node for _, brought in flat]
    known = _known(conn, come)
    aliases = _aliases(conn, {c for n in come for c in (*n.claims, n.token) if c is not None})
    found = plan(known.values(), come, reopen=reopen, aliases=aliases)
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
    made = insert(cases).returning(cases.c.id, sort_by_parameter_order=True)
    return [int(number) for number in conn.execute(made, rows).scalars()]


def regroup(
    conn: Connection, case_ids: Collection[int], *, now: datetime, reopen: timedelta = timedelta(days=14)
) -> Placed:
    """Let the rules look again at what stands in these cases, after people changed what they may not touch."""
    placed = Placed()
    wanted = set(case_ids) | _linked(conn, case_ids)
    known = _nodes(conn, wanted)
    found = plan(known.values(), [], reopen=reopen, aliases=_aliases(conn, wanted))
    _write(conn, found, [], known, placed, now)
    return placed


def lines(conn: Connection, case_id: int) -> list[Line]:
    """The messages of a case, oldest first by the time of writing, with what was read in each."""
    return lines_of(conn, [case_id]).get(case_id, [])


def lines_of(conn: Connection, case_ids: Sequence[int]) -> dict[int, list[Line]]:
    """The same of many cases at once."""
    found: dict[int, list[Line]] = defaultdict(list)
    for chunk in _chunks(case_ids):
        for row in conn.execute(select(*_OF_A_LINE).where(messages.c.case_id.in_(chunk))).mappings():
            found[row["case_id"]].append(_line(row))
    return {case_id: in_order(its) for case_id, its in found.items()}


_OF_A_LINE = (
    messages.c.id,
    messages.c.case_id,
    messages.c.facts,
    messages.c.pinned_by,
    messages.c.joined,
    messages.c.author_name,
    messages.c.author_role,
    messages.c.author_address,
    messages.c.text,
    messages.c.subject,
    messages.c.date,
    messages.c.date_offset,
    messages.c.received_at,
    messages.c.language,
    messages.c.vendor,
    messages.c.forwarded_by,
    messages.c.automatic,
    messages.c.headers,
    messages.c.reading,
    messages.c.to,
    messages.c.cc,
)


def _line(row: Mapping[Any, Any]) -> Line:
    facts = row["facts"] or {}
    node = _node(row)
    turn = Turn(
        id=str(row["id"]),
        side=row["author_role"],
        author=row["author_address"],
        text=row["text"],
        subject=row["subject"],
        subject_is_new=facts.get("subject_is_new", True),
        date=_with_offset(row["date"], row["date_offset"]),
        language=row["language"],
        automatic=row["automatic"],
        towards=frozenset(facts.get("towards", ())),
        files=tuple(File(*one) for one in facts.get("files", ())),
        vendor=facts.get("turn_vendor"),
        forwarded_by=row["forwarded_by"],
        headers=tuple(sorted((row["headers"] or {}).items())),
    )
    reading = reading_of(row["reading"], turn.id) if row["reading"] else None
    return Line(
        id=row["id"],
        node=node,
        turn=turn,
        received_at=row["received_at"],
        reading=reading,
        name=row["author_name"],
        people=tuple(
            (
                one["address"].casefold(),
                one["name"],
                facts.get("sides", {}).get(one["address"].casefold(), "unknown"),
            )
            for one in (*row["to"], *row["cc"])
            if one["address"].casefold() in (*node.to, *node.cc)
        ),
        wrapper=bool(facts.get("wrapper")),
    )


def team(conn: Connection) -> frozenset[str]:
    """Everybody who showed to be of the team by forwarding a vendor's mail."""
    return frozenset(conn.execute(select(learned_team.c.address)).scalars())


# ── looking up ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _placed_before(conn: Connection, spool_ids: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for chunk in _chunks(spool_ids):
        query = select(deliveries.c.spool_id, deliveries.c.message_id, deliveries.c.part).where(
            deliveries.c.spool_id.in_(chunk)
        )
        for row in conn.execute(query.order_by(deliveries.c.part)):
            found[row.spool_id].append(row.message_id)
    return dict(found)


def _known(conn: Connection, come: Sequence[Node]) -> dict[int, Node]:
    """Every stored message that may have a say: of the cases that share a key, and of cases linked to those."""
    strong = {key for node in come for key in sought_keys(node) if key[:5] not in _CONTENT}
    hits = _cases_by_key(conn, strong)
    wanted = {case for found in hits.values() for case in found}
    wanted |= {c for n in come for c in (*n.claims, n.token) if c is not None}
    wanted |= set(_aliases(conn, wanted).values())
    wanted |= _linked(conn, wanted)
    known = _nodes(conn, wanted)
    # mails that open something, and that nothing strong ties to a mail of ours: look at the content
    asked: set[str] = set()
    ours = {n.case for n in known.values() if n.side in ("team", "requester")}
    openers = [n for n in come if not any(hits.get(key, set()) & ours for key in _tying(n))]
    for _round in range(2):
        keys = {key for node in openers for key in content_keys(node)} - asked
        if not keys:
            break
        asked |= keys
        more = {case for found in _cases_by_key(conn, keys).values() for case in found} - wanted
        if not more:
            break
        wanted |= more
        fresh = _nodes(conn, more)
        known |= fresh
        openers = list(fresh.values())
    return known


_CONTENT = ("wait:", "talk:")


def _tying(node: Node) -> Iterable[str]:
    """Keys that would tie a message to a case by themselves."""
    return (key for key in (*cited_keys(node), *own_keys(node)) if key[:4] in ("mid:", "ref:", "num:"))


def _cases_by_key(conn: Connection, keys: Collection[str]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for chunk in _chunks(sorted(keys)):
        query = (
            select(thread_keys.c.key, thread_keys.c.case_id)
            .where(thread_keys.c.key.in_(chunk))
            .distinct()
            .order_by(thread_keys.c.case_id.desc())
            .limit(_MOST_HITS * 10)
        )
        for key, case in conn.execute(query):
            if len(found[key]) < _MOST_HITS:
                found[key].add(case)
    return found


def _linked(conn: Connection, wanted: Collection[int]) -> set[int]:
    found: set[int] = set()
    for chunk in _chunks(sorted(wanted)):
        found |= set(conn.execute(select(case_links.c.other_id).where(case_links.c.case_id.in_(chunk))).scalars())
    return found


def _nodes(conn: Connection, wanted: Collection[int]) -> dict[int, Node]:
    found: dict[int, Node] = {}
    columns = (messages.c.id, messages.c.case_id, messages.c.facts, messages.c.pinned_by, messages.c.joined)
    for chunk in _chunks(sorted(wanted)):
        for row in conn.execute(select(*columns).where(messages.c.case_id.in_(chunk))).mappings():
            found[row["id"]] = _node(row)
    return found


def _node(row: Mapping[str, Any] | Any) -> Node:
    pinned = row["case_id"] if row["pinned_by"] else None
    return Node.from_document(
        row["facts"] or {}, id=row["id"], case=row["case_id"], pinned=pinned, joined=row["joined"]
    )


def _aliases(conn: Connection, wanted: Collection[int]) -> dict[int, int]:
    """Merged cases → where they went, to the end, whatever circles there be."""
    step: dict[int, int] = {}
    ask = set(wanted)
    while ask:
        got: dict[int, int] = {}
        for chunk in _chunks(sorted(ask)):
            query = select(cases.c.id, cases.c.merged_into).where(
                cases.c.id.in_(chunk), cases.c.merged_into.is_not(None)
            )
            got |= {row.id: row.merged_into for row in conn.execute(query)}
        step |= got
        ask = set(got.values()) - step.keys()
    ends: dict[int, int] = {}
    for start in step:
        seen, end = {start}, step[start]
        while end in step and end not in seen:
            seen.add(end)
            end = step[end]
        ends[start] = end
    return ends


# ── writing down ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _numbered(arrived: Sequence[Arrived]) -> list[tuple[Arrived, Brought]]:
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
    temporary = {number: before for before, number in stored.items()}
    delivered = [(one, brought, real(brought.node.id)) for one, brought in flat]
    _deliver(conn, delivered)
    for one, brought, message in delivered:
        same = found.recognised.get(brought.node.id)
        placed.messages.setdefault(one.spool_id, []).append(message)
        touched.add(home[message] if message in home else home[temporary[message]])
        if same is not None and same.better:
            _renew(conn, message, one, brought)
    _redirect(conn, found, case_at, placed, now)
    _link(conn, found, case_at, real, touched)
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
        row = _content(one, brought)
        row["case_id"] = home[number]
        row["deliveries"] = 0
        row["placed_by"] = found.evidence[number].kind
        row["evidence"] = {}
        if number in found.reused:
            row["defects"] = sorted({*row["defects"], "message-id-reused"})
        rows.append(row)
    numbers = (
        conn.execute(insert(messages).returning(messages.c.id, sort_by_parameter_order=True), rows).scalars().all()
    )
    stored = dict(zip(fresh, numbers, strict=True))
    _write_files(conn, [(stored[number], *by_id[number]) for number in fresh])
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
        node = replace(node, holds=tuple(real(h) for h in node.holds))
        extra = _extra(by_id[number][1]) if number in by_id else _extra_kept(conn, message)
        evidence = _evidence(number, found, home, real, ways.get(message, []))
        changed.append({"number": message, "facts": node.document() | extra, "evidence": evidence})
        if number in known:
            outdated.append(message)
        for kind, keys in (("own", own_keys(node)), ("cites", cited_keys(node))):
            inserted += [
                {"key": key, "message_id": message, "kind": kind, "case_id": home[number]} for key in sorted(keys)
            ]
    if changed:
        conn.execute(update(messages).where(messages.c.id == bindparam("number")), changed)
    for chunk in _chunks(outdated):
        conn.execute(delete(thread_keys).where(thread_keys.c.message_id.in_(chunk)))
    if inserted:
        conn.execute(insert(thread_keys), inserted)


def _extra(brought: Brought) -> dict[str, Any]:
    """What the rules need of a message beside its node."""
    turn = brought.turn
    return {
        "towards": sorted(turn.towards),
        "files": [[f.filename, f.content_type, f.size, f.inline] for f in turn.files],
        "subject_is_new": turn.subject_is_new,
        "turn_vendor": turn.vendor,
        "sides": dict(brought.sides),
        "wrapper": brought.part == "" and isinstance(brought.source, Mail) and bool(brought.source.forwarded),
    }


def _extra_kept(conn: Connection, message: int) -> dict[str, Any]:
    facts = conn.execute(select(messages.c.facts).where(messages.c.id == message)).scalar_one() or {}
    return {
        name: facts[name]
        for name in ("towards", "files", "subject_is_new", "turn_vendor", "sides", "wrapper")
        if name in facts
    }


def _evidence(
    number: int, found: Plan, home: Mapping[int, int], real: Any, ways: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """As ``GET /api/messages/{id}/why`` shows it; cases are numbers here. ``ways``: how else it came."""
    one = found.evidence[number]
    return {
        "evidence": [
            {"kind": one.kind, "words": one.words, "message": None if one.message is None else str(real(one.message))},
            *ways,
        ],
        "runners_up": [
            {
                "kind": other.kind,
                "words": other.words,
                "message": None if other.message is None else str(real(other.message)),
                "against": other.against,
                "case": home[found.standings[position].members[0]],
            }
            for other, position in found.runners_up.get(number, ())
        ],
    }


def _content(one: Arrived, brought: Brought) -> dict[str, Any]:
    """The columns of a message that come from the mail."""
    node, source = brought.node, brought.source
    offset = brought.date.utcoffset() if brought.date is not None else None
    mail = source if isinstance(source, Mail) else None
    reading = brought.reading
    return {
        "origin": node.origin,
        "message_id": node.message_id,
        "in_reply_to": list(node.parents),
        "refs": list(source.references),
        "thread_index": node.thread_index,
        "author_name": brought.author.name if brought.author else "",
        "author_address": node.author,
        "author_role": node.side,
        "forwarded_by": brought.forwarded_by,
        "to": _people(source.to),
        "cc": _people(source.cc),
        "subject": source.subject or "",
        "base_subject": node.base,
        "date": brought.date,
        "date_offset": int(offset.total_seconds() // 60) if offset is not None else None,
        "zone_assumed": brought.zone_assumed,
        "received_at": one.received_at,
        "text": brought.text,
        "quoted_text": brought.quoted_text,
        "intro": mail.intro if mail else "",
        "automatic": node.automatic,
        "auto_submitted": mail.auto_submitted if mail else False,
        "bounce": None
        if mail is None or mail.bounce is None
        else {
            "recipients": list(mail.bounce.recipients),
            "status": mail.bounce.status,
            "message_id": mail.bounce.message_id,
        },
        "language": brought.language,
        "headers": dict(mail.headers) if mail else {},
        "defects": list(mail.defects) if mail else [],
        "vendor": node.vendor,
        "reading": reading_document(reading) if reading else None,
        "findings": [
            {"rule": f.rule, "pack": f.pack, "quote": f.quote, "start": f.start, "end": f.end, "value": f.value}
            for f in (reading.findings if reading else ())
        ],
        "fingerprint": next((key[4:] for key in own_keys(node) if key.startswith("txt:")), None),
        "spool_id": one.spool_id,
        "raw_part": None if mail else getattr(source, "raw_part", None),
        "indexed": False,
    }


def _people(addresses: Sequence[Address]) -> list[dict[str, str]]:
    return [{"name": a.name, "address": a.address} for a in addresses]


def _write_files(conn: Connection, stored: Iterable[tuple[int, Arrived, Brought]]) -> None:
    """The attachments of messages, given with their numbers."""
    files = [
        {
            "message_id": message,
            "filename": file.filename,
            "content_type": file.content_type,
            "size": file.size,
            "sha256": file.sha256,
            "spool_id": one.spool_id,
            "part": file.part,
            "inline": file.inline,
        }
        for message, one, brought in stored
        for file in brought.source.attachments
    ]
    if files:
        conn.execute(insert(attachments), files)


def _deliver(conn: Connection, delivered: Sequence[tuple[Arrived, Brought, int]]) -> None:
    """By which way each message came, and once more."""
    if not delivered:
        return
    conn.execute(
        insert(deliveries),
        [
            {
                "spool_id": one.spool_id,
                "part": brought.part,
                "message_id": message,
                "way": brought.node.origin,
                "received_at": one.received_at,
            }
            for one, brought, message in delivered
        ],
    )
    times = Counter(message for _, _, message in delivered)
    more = messages.c.deliveries + bindparam("times", type_=Integer)
    conn.execute(
        update(messages).where(messages.c.id == bindparam("number")).values(deliveries=more),
        [{"number": message, "times": count} for message, count in times.items()],
    )


def _renew(conn: Connection, message: int, one: Arrived, brought: Brought) -> None:
    """A better way of a known message came: its words are taken from there."""
    row = _content(one, brought)
    kept = conn.execute(
        select(
            messages.c.message_id, messages.c.author_address, messages.c.subject, messages.c.date, messages.c.to
        ).where(messages.c.id == message)
    ).one()
    for name in ("message_id", "subject", "date", "to"):
        if not row[name]:
            row[name] = getattr(kept, name)
    del row["received_at"]
    conn.execute(update(messages).where(messages.c.id == message).values(**row))
    conn.execute(delete(attachments).where(attachments.c.message_id == message))
    _write_files(conn, [(message, one, brought)])
    facts = conn.execute(select(messages.c.facts).where(messages.c.id == message)).scalar_one() or {}
    conn.execute(update(messages).where(messages.c.id == message).values(facts=facts | _extra(brought)))


def _move(conn: Connection, message: int, case: int, found: Plan, case_at: Sequence[int], real: Any) -> None:
    conn.execute(update(messages).where(messages.c.id == message).values(case_id=case))
    conn.execute(update(thread_keys).where(thread_keys.c.message_id == message).values(case_id=case))
    one = found.evidence[message]
    old = conn.execute(select(messages.c.evidence).where(messages.c.id == message)).scalar_one() or {}
    pointed = None if one.message is None else str(real(one.message))
    now = {**old, "evidence": [{"kind": one.kind, "words": one.words, "message": pointed}]}
    conn.execute(update(messages).where(messages.c.id == message).values(placed_by=one.kind, evidence=now))


def _redirect(conn: Connection, found: Plan, case_at: Sequence[int], placed: Placed, now: datetime) -> None:
    """Cases that have no message left point to where theirs went."""
    for case, position in found.emptied.items():
        target = case_at[position]
        if case == target:
            continue
        placed.merged[case] = target
        conn.execute(update(cases).where(cases.c.id == case).values(merged_into=target, updated_at=now))
        conn.execute(
            insert(events).values(
                case_id=target, kind="case.merged", who="", at=now, data={"from": case, "into": target, "by": "rules"}
            )
        )


def _link(conn: Connection, found: Plan, case_at: Sequence[int], real: Any, touched: set[int]) -> None:
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
    for chunk in _chunks(sorted({a for a, _ in pairs})):
        query = select(case_links.c.case_id, case_links.c.other_id).where(case_links.c.case_id.in_(chunk))
        there |= {(row.case_id, row.other_id) for row in conn.execute(query)}
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


def related(conn: Connection, case_id: int) -> list[int]:
    """Cases linked to this one, merged ones followed to their end."""
    found = set(conn.execute(select(case_links.c.other_id).where(case_links.c.case_id == case_id)).scalars())
    ends = _aliases(conn, found)
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


# ── who is of the team ───────────────────────────────────────────────────────────────────────────────────────────────


def _learn(conn: Connection, arrived: Sequence[Arrived], placed: Placed, now: datetime) -> None:
    """Remember forwarders of vendors' mails as team; what they wrote before becomes the team's."""
    come = {b.learned for one in arrived for b in one.brought if b.learned}
    if not come:
        return
    have = set(conn.execute(select(learned_team.c.address).where(learned_team.c.address.in_(sorted(come)))).scalars())
    fresh = sorted(come - have)
    if not fresh:
        return
    conn.execute(insert(learned_team), [{"address": address, "learned_at": now} for address in fresh])
    placed.learned = fresh
    query = select(messages.c.id, messages.c.case_id, messages.c.facts).where(
        messages.c.author_address.in_(fresh), messages.c.author_role == "requester"
    )
    for row in conn.execute(query).all():
        placed.cases.append(row.case_id)
        conn.execute(
            update(messages)
            .where(messages.c.id == row.id)
            .values(author_role="team", reading=None, facts=(row.facts or {}) | {"side": "team"})
        )


def _with_offset(date: datetime | None, minutes: int | None) -> datetime | None:
    from datetime import timezone

    if date is None or minutes is None:
        return date
    return date.astimezone(timezone(timedelta(minutes=minutes)))


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[i : i + _CHUNK] for i in range(0, len(values), _CHUNK))
