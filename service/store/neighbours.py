"""Finds stored messages and cases that are relevant for new mail.

``strong`` finds copies and links. ``add_candidates`` finds cases to compare with, for mail without a strong link.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from service.cases.facts.message_facts import MessageFacts, node_from_json
from service.cases.placement.candidates import choose_candidates
from service.cases.placement.keys import cited_ids, key_of, message_id_keys, strong_lookup
from service.cases.placement.known import MOST_ROWS, Known
from service.cases.placement.objections import SEPARATE
from service.store.database import run
from service.store.tables import messages, to_json

MOVED = "a person moved a message from one to the other"  # why the two cases are related
DISMISSED = "a person dismissed the suggestion"
SET_APART = SEPARATE | {
    MOVED,
    DISMISSED,
    "a reply pressed for another matter: other subject, other words",  # the last two: written by earlier versions
    "a person put it into another case",
}
_EDGE = 3  # messages read from the beginning and from the end of a candidate case
_LAST = 10  # number of newest messages that determine the last activity of a settled case

Rows = dict[str, list[tuple[int, int, str]]]  # key → (message id, its case id, kind of the key)
_ROWS = msgspec.json.Decoder(list[tuple[int, int, str]])


class StrongKeys(NamedTuple):
    """What to look up for new messages: strong keys, Message-IDs, and keys of their properties."""

    keys: list[str]
    ids: list[str]
    own: frozenset[str]


def strong_keys(new: Sequence[MessageFacts]) -> StrongKeys:
    """Return what to look up for new messages. It is computed once, because ``strong_rows`` runs twice."""
    ids = {mid for node in new for mid in (node.message_id, *cited_ids(node)) if mid}
    own = frozenset(key for node in new for key in message_id_keys(node))
    return StrongKeys(sorted({key for node in new for key in strong_lookup(node)}), sorted(ids), own)


def strong_rows(conn: Connection, wanted: StrongKeys) -> Rows:
    """Return the stored rows for strong keys. An ``id:…`` key finds the message with that Message-ID."""
    found = _by_key(conn, wanted.keys, wanted.ids)
    stored = {key_of("mid", key[3:]) for key in found if key.startswith("id:")} - wanted.own
    return {key: rows for key, rows in found.items() if key not in stored}


def strong(conn: Connection, new: Sequence[MessageFacts], rows: Rows) -> Known:
    """Return the stored messages of ``rows``, and the facts of their cases and of the cases that new messages name."""
    known = Known()
    for key, found in rows.items():
        for message, _, kind in found:
            index = known.cites if kind == "cites" else known.own
            index[key_of("mid", key[3:]) if kind == "id" else key].append(message)
    known.nodes = nodes_by_number(conn, {message for found in rows.values() for message, _, _ in found})
    claimed = {case for node in new for case in (*node.claims, node.token) if case is not None}
    known.aliases = aliases_of(conn, claimed)
    here = {n.case for n in known.nodes.values() if n.case is not None} | (claimed - known.aliases.keys())
    add_facts(conn, known, here | set(known.aliases.values()), new)
    _add_facts_of_messages(known)
    return known


def add_candidates(conn: Connection, known: Known, lookups: Mapping[int, Collection[str]]) -> None:
    """Add the candidate cases of each mail, with their first and last messages. ``lookups``: mail → its keys."""
    found = _by_key(conn, sorted({key for keys in lookups.values() for key in keys}))
    cases = {key: [case for _, case, _ in rows] for key, rows in found.items()}
    newest = list(dict.fromkeys(case for (case,) in look_up(conn, "newest"))) if lookups else []
    for mail, keys in lookups.items():
        known.near[mail] = {*choose_candidates({key: cases[key] for key in keys if key in cases}, newest)}
    wanted = {case for its in known.near.values() for case in its}
    known.shared.update((key, len(rows)) for key, rows in found.items())
    at_ends = add_facts(conn, known, wanted)
    known.nodes |= nodes_by_number(conn, at_ends - known.nodes.keys())
    _add_facts_of_messages(known)


def add_facts(conn: Connection, known: Known, wanted: Collection[int], new: Sequence[MessageFacts] = ()) -> set[int]:
    """Add the facts of cases to ``known``. Returns the ids of their first and last ``_EDGE`` messages."""
    at_ends: set[int] = set()
    strangers = {n.author for n in new if n.author and (n.is_outsider or n.claims)}
    rows = look_up(conn, "cases", sorted(wanted), sorted(strangers))
    for id, status, refs, apart, guarded, people, first, last in rows:
        at_ends.update(msgspec.json.decode(first or "[]"), msgspec.json.decode(last or "[]"))
        if id in known.cases:
            continue
        facts = known.cases[id]
        facts.people = {*msgspec.json.decode(people or "[]")}
        facts.settled_at = None if status == "open" else _last_written(conn, id)
        facts.refs = {(vendor, ref) for vendor, ref in msgspec.json.decode(refs or "[]")}
        facts.apart = {other for other, why in msgspec.json.decode(apart or "[]") if why in SET_APART}
        facts.guarded = bool(guarded)
    return at_ends


def _add_facts_of_messages(known: Known) -> None:
    for node in known.nodes.values():
        if node.case in known.cases:
            known.cases[node.case].add(node)


def _last_written(conn: Connection, case: int) -> datetime | None:
    written = select(messages.c.date, messages.c.received_at).where(messages.c.case_id == case)
    rows, future = conn.execute(written.order_by(messages.c.id.desc()).limit(_LAST)), timedelta(minutes=15)
    times = (min(row.date or row.received_at, row.received_at + future) for row in rows)
    return max(times, default=None)


# ── bounded lookups: one row per key, one statement per kind; both databases aggregate to JSON ───────────────────────

STATEMENTS = {
    "cases": """
SELECT c.id, c.status,
  CAST((SELECT {list}({row}(r.vendor, r.ref)) FROM case_refs AS r WHERE r.case_id = c.id) AS text),
  CAST((SELECT {list}({row}(l.other_id, l.why)) FROM case_links AS l WHERE l.case_id = c.id) AS text),
  (SELECT p.case_id FROM participants AS p WHERE p.case_id = c.id AND p.role <> 'unknown' LIMIT 1),
  CAST((SELECT {list}(p.address) FROM participants AS p
    WHERE p.case_id = c.id AND p.address IN (SELECT k.value FROM {more})) AS text),
  CAST((SELECT {list}(n.id) FROM (
    SELECT id FROM messages WHERE case_id = c.id ORDER BY id LIMIT {edge}) AS n) AS text),
  CAST((SELECT {list}(n.id) FROM (
    SELECT id FROM messages WHERE case_id = c.id ORDER BY id DESC LIMIT {edge}) AS n) AS text)
FROM {numbers} JOIN cases AS c ON c.id = k.value""",
    "keys": """
SELECT k.value, CAST((SELECT {list}({row}(n.message_id, n.case_id, n.kind)) FROM (
  SELECT message_id, case_id, kind FROM thread_keys WHERE key = k.value ORDER BY message_id DESC LIMIT {most}
) AS n) AS text) FROM {texts}
UNION ALL SELECT 'id:' || k.value, CAST((SELECT {list}({row}(n.id, n.case_id, 'id')) FROM (
  SELECT id, case_id FROM messages WHERE message_id = k.value ORDER BY id LIMIT {most}
) AS n) AS text) FROM {more}""",
    "nodes": """
SELECT m.id, m.case_id, CAST(m.facts AS text), m.pinned_by, m.joined, m.placed_by
FROM messages AS m WHERE m.id IN (SELECT k.value FROM {numbers}) ORDER BY m.id""",
    "newest": "SELECT m.case_id FROM messages AS m ORDER BY m.id DESC LIMIT {most}",
    "learned": """
SELECT 'team', l.address FROM learned_team AS l WHERE l.address IN (SELECT k.value FROM {texts})
UNION ALL SELECT 'partner', p.company FROM partners AS p
WHERE NOT p.refused AND p.company IN (SELECT k.value FROM {more})""",
    "merged": """
WITH RECURSIVE step(start, into_id) AS (
  SELECT k.value, (SELECT c.merged_into FROM cases AS c WHERE c.id = k.value) FROM {numbers}
  UNION SELECT s.start, (SELECT c.merged_into FROM cases AS c WHERE c.id = s.into_id) FROM step AS s
  WHERE s.into_id IS NOT NULL
) SELECT s.start, s.into_id FROM step AS s
WHERE s.into_id IS NOT NULL AND (SELECT c.merged_into FROM cases AS c WHERE c.id = s.into_id) IS NULL""",
}
_WORDS = {
    "sqlite": {
        "list": "json_group_array",
        "row": "json_array",
        **dict.fromkeys(("texts", "numbers"), "json_each(?1) AS k"),
        "more": "json_each(?2) AS k",
    },
    "postgresql": {
        "list": "json_agg",
        "row": "json_build_array",
        "texts": "unnest(CAST($1 AS text[])) AS k(value)",
        "numbers": "unnest(CAST($1 AS bigint[])) AS k(value)",
        "more": "unnest(CAST($2 AS text[])) AS k(value)",
    },
}


def _by_key(conn: Connection, keys: Sequence[str], ids: Sequence[str] = ()) -> Rows:
    """Return at most ``MOST_ROWS`` rows per key and per Message-ID."""
    return {key: _ROWS.decode(rows) for key, rows in look_up(conn, "keys", keys, ids) if rows and rows != "[]"}


def look_up(conn: Connection, what: str, *given: Sequence[Any]) -> Sequence[Any]:
    """Return the rows of the SQL statement ``what`` for these values; no rows if all values are empty."""
    if given and not any(given):
        return ()
    name = conn.dialect.name
    return run(conn, statement(what, name), tuple(to_json(its) if name == "sqlite" else list(its) for its in given))


@cache
def statement(what: str, name: str) -> str:
    return STATEMENTS[what].format(**_WORDS[name], most=MOST_ROWS, edge=_EDGE)


def nodes_by_number(conn: Connection, wanted: Collection[int]) -> dict[int, MessageFacts]:
    """Return id → facts of messages. Messages that an old version stored without facts are left out."""
    return {
        id: node_from_json(facts, id=id, case=case, pinned=case if by else None, joined=joined, placed=placed)
        for id, case, facts, by, joined, placed in look_up(conn, "nodes", sorted(wanted))
        if facts
    }


def aliases_of(conn: Connection, wanted: Collection[int]) -> dict[int, int]:
    """Return merged case → remaining case after all merges."""
    return dict(map(tuple, look_up(conn, "merged", sorted(wanted))))
