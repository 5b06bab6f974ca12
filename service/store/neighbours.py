"""Finds stored messages and cases that are relevant for new mail, with a limited number of rows per key.

``strong`` finds copies and links. ``add_candidates`` finds cases to compare with, for mail without a strong link.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Connection, Text, TextClause, bindparam, cast, select, text

from service.cases.facts.message_facts import MessageFacts, node_from_json
from service.cases.placement import candidates
from service.cases.placement.keys import candidate_lookup, cited_ids, mid_key, strong_lookup
from service.cases.placement.known import MOST_ROWS, Known
from service.cases.placement.objections import APART, leaves_topic
from service.store.tables import cases, messages, participants

MOVED = "a person moved a message from one to the other"
"""Why a case is related to one that a person moved a message out of."""
DISMISSED = "a person dismissed the suggestion"
SET_APART = APART | {
    MOVED,
    DISMISSED,
    "a reply pressed for another matter: other subject, other words",  # written by versions before 2027
    "a person put it into another case",
}
_CHUNK = 400
"""Values per IN list."""
_EDGE = 3
"""Messages read from the beginning and from the end of a candidate case."""
_LAST = 10
"""Newest messages from which the last activity of a settled case is computed."""

from_json = msgspec.json.decode

Row = tuple[int, int, str]
"""Message id, its case id, kind of the key."""


def strong(conn: Connection, come: Sequence[MessageFacts]) -> tuple[Known, frozenset[tuple[str, int, int]]]:
    """Return stored messages that share a strong key with new ones, and the rows found.

    The caller compares the rows again before it writes.
    """
    found = strong_rows(conn, come)
    known = Known()
    wanted: set[int] = set()
    for key, rows in found.items():
        for message, _, kind in rows:
            wanted.add(message)
            target = known.ids[key[3:]] if kind == "id" else known.own[key] if kind == "own" else known.cites[key]
            target.append(message)
    known.nodes = nodes_by_number(conn, wanted)
    claimed = {case for node in come for case in (*node.claims, node.token) if case is not None}
    known.aliases = aliases_of(conn, claimed)
    here = {n.case for n in known.nodes.values() if n.case is not None} | (claimed - known.aliases.keys())
    add_facts(conn, known, here | set(known.aliases.values()), come)
    _add_facts_of_messages(known)
    return known, seen(found)


def seen(found: Mapping[str, Sequence[Row]]) -> frozenset[tuple[str, int, int]]:
    return frozenset((key, message, case) for key, rows in found.items() for message, case, _ in rows)


def strong_rows(conn: Connection, come: Sequence[MessageFacts]) -> dict[str, list[Row]]:
    """Return rows by strong key; ``id:…`` keys are messages with that Message-ID."""
    ids = {mid for node in come for mid in (*cited_ids(node), *((node.message_id,) if node.message_id else ()))}
    found: dict[str, list[Row]] = {}
    for mid, rows in _by_key(conn, "ids", ids).items():
        found[f"id:{mid}"] = [(message, case, "id") for message, case in rows]
    known = {mid_key(key[3:]) for key in found}
    keys = {key for node in come for key in strong_lookup(node)}
    own = {mid_key(node.message_id) for node in come if node.message_id}
    return found | _by_key(conn, "keys", keys - (known - own))


def add_candidates(conn: Connection, known: Known, come: Sequence[Sequence[MessageFacts]]) -> None:
    """Add to ``known`` the candidate cases of each mail, with their first and last messages.

    ``come``: for each mail, the messages extracted from it.
    """
    keys = [{key for node in mail for key in candidate_lookup(node)} for mail in come]
    found = _by_key(conn, "keys", {key for its in keys for key in its})
    wanted: set[int] = set()
    for its in keys:
        wanted |= set(candidates.choose({key: [r[:2] for r in found[key]] for key in its if key in found}))
    for key, rows in found.items():
        known.shared[key] = len(rows)
        known.near[key] = {case for _, case, _ in rows} & wanted
    at_ends = add_facts(conn, known, wanted, (), _EDGE)
    known.nodes |= nodes_by_number(conn, at_ends - known.nodes.keys())
    _add_facts_of_messages(known)


def add_facts(
    conn: Connection, known: Known, wanted: Collection[int], come: Sequence[MessageFacts], most: int = 0
) -> set[int]:
    """Add the facts of these cases to ``known``; returns the ids of their first and last ``most`` messages."""
    at_ends: set[int] = set()
    if not wanted:
        return at_ends
    for id, status, refs, apart, guarded, first, last in _rows(conn, "cases", sorted(wanted), most):
        at_ends.update(from_json(first or "[]"), from_json(last or "[]"))
        if id in known.cases:
            continue
        facts = known.cases[id]
        facts.settled_at = None if status == "open" else _last_written(conn, id)
        facts.refs = {(vendor, ref) for vendor, ref in from_json(refs or "[]")}
        facts.apart = {other for other, why in from_json(apart or "[]") if why in SET_APART}
        facts.guarded = bool(guarded)
    strangers = sorted({n.author for n in come if n.author and (n.is_outsider or n.claims)})
    for chunk in chunks(sorted(wanted)) if strangers else ():
        for row in conn.execute(_PEOPLE, {"these": chunk, "those": strangers}):
            known.cases[row.case_id].people.add(row.address)
    return at_ends


def _add_facts_of_messages(known: Known) -> None:
    for node in known.nodes.values():
        if node.case in known.cases and node.trusted:
            known.cases[node.case].refs.update(() if leaves_topic(node) else node.stated)
            known.cases[node.case].guarded |= node.side != "unknown"


def _last_written(conn: Connection, case: int) -> datetime | None:
    query = (
        select(messages.c.date, messages.c.received_at)
        .where(messages.c.case_id == case)
        .order_by(messages.c.id.desc())
        .limit(_LAST)
    )
    future = timedelta(minutes=15)
    times = (min(row.date or row.received_at, row.received_at + future) for row in conn.execute(query))
    return max(times, default=None)


# ── bounded lookups: one row per key, one statement per kind; both databases aggregate to JSON ───────────────────────

_STATEMENTS = {
    "keys": """
SELECT k.value, CAST((SELECT {list}({row}(n.message_id, n.case_id, n.kind)) FROM (
  SELECT message_id, case_id, kind FROM thread_keys WHERE key = k.value ORDER BY message_id DESC LIMIT :most
) AS n) AS text) FROM {texts}""",
    "ids": """
SELECT k.value, CAST((SELECT {list}({row}(n.id, n.case_id)) FROM (
  SELECT id, case_id FROM messages WHERE message_id = k.value ORDER BY id LIMIT :most) AS n) AS text) FROM {texts}""",
    "cases": """
SELECT c.id, c.status,
  CAST((SELECT {list}({row}(r.vendor, r.ref)) FROM case_refs AS r WHERE r.case_id = c.id) AS text),
  CAST((SELECT {list}({row}(l.other_id, l.why)) FROM case_links AS l WHERE l.case_id = c.id) AS text),
  EXISTS (SELECT 1 FROM participants AS p WHERE p.case_id = c.id AND p.role <> 'unknown'),
  CAST((SELECT {list}(n.id) FROM (
    SELECT id FROM messages WHERE case_id = c.id ORDER BY id LIMIT :most) AS n) AS text),
  CAST((SELECT {list}(n.id) FROM (
    SELECT id FROM messages WHERE case_id = c.id ORDER BY id DESC LIMIT :most) AS n) AS text)
FROM {numbers} JOIN cases AS c ON c.id = k.value""",
}
_WORDS = {
    "sqlite": {
        "list": "json_group_array",
        "row": "json_array",
        "texts": "json_each(:keys) AS k",
        "numbers": "json_each(:keys) AS k",
    },
    "postgresql": {
        "list": "json_agg",
        "row": "json_build_array",
        "texts": "unnest(CAST(:keys AS text[])) AS k(value)",
        "numbers": "unnest(CAST(:keys AS bigint[])) AS k(value)",
    },
}


def _by_key(conn: Connection, what: str, keys: Collection[str]) -> dict[str, list[Any]]:
    """Return at most ``MOST_ROWS`` rows per key."""
    if not keys:
        return {}
    found = {key: from_json(rows or "[]") for key, rows in _rows(conn, what, sorted(keys), MOST_ROWS)}
    return {key: [tuple(row) for row in rows] for key, rows in found.items() if rows}


def _rows(conn: Connection, what: str, keys: Sequence[Any], most: int) -> Sequence[Any]:
    name = conn.dialect.name
    given = json.dumps(keys) if name == "sqlite" else list(keys)
    return conn.execute(_statement(what, name), {"keys": given, "most": most}).all()


@cache
def _statement(what: str, name: str) -> TextClause:
    return text(_STATEMENTS[what].format(**_WORDS[name]))


# ── messages as placement sees them ──────────────────────────────────────────────────────────────────────────────────

OF_A_NODE = (
    messages.c.id,
    messages.c.case_id,
    messages.c.facts,
    messages.c.pinned_by,
    messages.c.joined,
    messages.c.placed_by,
)
"""The columns that a node is built from."""

# built once, since building a statement takes longer than running it

THESE: BindParameter[Any] = bindparam("these", expanding=True)
_NODES = select(*(cast(column, Text) if column.name == "facts" else column for column in OF_A_NODE))
_BY_NUMBER = _NODES.where(messages.c.id.in_(THESE))
_OF_CASES = _NODES.where(messages.c.case_id.in_(THESE))
_MERGED = select(cases.c.id, cases.c.merged_into).where(cases.c.id.in_(THESE), cases.c.merged_into.is_not(None))
_PEOPLE = select(participants.c.case_id, participants.c.address).where(
    participants.c.case_id.in_(THESE), participants.c.address.in_(bindparam("those", expanding=True))
)


def nodes_by_number(conn: Connection, wanted: Collection[int]) -> dict[int, MessageFacts]:
    return _nodes(row for chunk in chunks(sorted(wanted)) for row in conn.execute(_BY_NUMBER, {"these": chunk}))


def nodes_of(conn: Connection, wanted: Collection[int]) -> dict[int, MessageFacts]:
    """Return all messages of these cases, by id."""
    return _nodes(row for chunk in chunks(sorted(wanted)) for row in conn.execute(_OF_CASES, {"these": chunk}))


def _nodes(rows: Iterable[Any]) -> dict[int, MessageFacts]:
    return {
        id: node_from_json(facts or "{}", id=id, case=case, pinned=case if by else None, joined=joined, placed=placed)
        for id, case, facts, by, joined, placed in rows
    }


def aliases_of(conn: Connection, wanted: Collection[int]) -> dict[int, int]:
    """Return merged case → the case it is finally part of; cycles are tolerated."""
    step: dict[int, int] = {}
    ask = set(wanted)
    while ask:
        got: dict[int, int] = {}
        for chunk in chunks(sorted(ask)):
            got |= {row.id: row.merged_into for row in conn.execute(_MERGED, {"these": chunk})}
        step |= got
        ask = set(got.values()) - step.keys()
    ends: dict[int, int] = {}
    for start in step:
        visited, end = {start}, step[start]
        while end in step and end not in visited:
            visited.add(end)
            end = step[end]
        ends[start] = end
    return {start: end for start, end in ends.items() if start != end}


def chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[i : i + _CHUNK] for i in range(0, len(values), _CHUNK))
