"""Which stored messages may have a say about new ones: one set lookup of all their keys, then their cases.

Two sorts of keys. What a message is and names (ids, numbers, author and minute) calls up cases whatever else there is.
Keys of content (``service.case.content``) call up few cases or none: a key that many hold tells nothing. Whose content
was looked at in full is said in ``Reach``; all others stay with the case they are in.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Text, TextClause, bindparam, case, cast, or_, select, text

from service.case.content import seeks
from service.case.keys import content_keys, content_sought, sought_keys
from service.case.node import Node, node_from_json
from service.case.reach import CROWD, EARLY, Reach
from service.store.tables import case_links, cases, messages

_CHUNK = 400
"""Values in one IN list."""
_MOST_ROWS = 400
"""Messages of one key that are looked at: the newest."""
_MOST_TEXTS = 40
"""A beginning that so many cases share is a form letter: it calls up none of them."""
_FEW_ROWS = 64
"""Enough messages of a key of content to see that a crowd holds it, and who held it first."""
_LATE = timedelta(hours=1)
"""A mail that comes so long after it was written may change what was thought of later ones."""
SUGGESTED = "the same subject and people"
"""Why two cases are linked that nothing but that speaks for: such a link draws no neighbours in."""


def neighbours(
    conn: Connection, come: Sequence[Node], received: Mapping[int, datetime]
) -> tuple[dict[int, Node], Reach]:
    """Every stored message that may have a say: of the cases that share a key, and of cases linked to those.

    ``received``: when each of them came, if just now.
    """
    known, reach = called_up(conn, come), Reach()
    look_around(conn, come, known, reach, received)
    return known, reach


def called_up(conn: Connection, come: Iterable[Node]) -> dict[int, Node]:
    """The same, content aside."""
    come = list(come)
    strong = {key for node in come for key in sought_keys(node) if not key.startswith("sub:")}
    wanted = {
        case
        for key, (_, holding) in held(conn, strong, _MOST_ROWS).items()
        if not key.startswith("txt:") or len(holding) <= _MOST_TEXTS
        for case in holding
    }
    wanted |= {c for n in come for c in (*n.claims, n.token) if c is not None}
    wanted |= set(aliases_of(conn, wanted).values())
    wanted |= linked(conn, wanted)
    known: dict[int, Node] = {}
    _bring(conn, wanted, known)
    return known


def _bring(conn: Connection, wanted: Collection[int], known: dict[int, Node]) -> None:
    """The messages of these cases; and a mail that nobody has where it is shown here and stands elsewhere."""
    known |= nodes_of(conn, wanted)
    absent = {seen.id for node in known.values() for seen in node.sightings} - known.keys()
    elsewhere: set[int] = set()
    for chunk in chunks(sorted(absent)):
        elsewhere |= set(conn.execute(_SHOWN, {"these": chunk}).scalars())
    known |= nodes_of(conn, elsewhere)


def look_around(
    conn: Connection, come: Sequence[Node], known: dict[int, Node], reach: Reach, received: Mapping[int, datetime]
) -> None:
    """Bring what may have a say by its content; ``known`` and ``reach`` grow."""
    late = any(is_late(node, received) for node in come)
    look_at_content(conn, [*come, *(known.values() if late else ())], known, reach, received)
    # what was thought of mails that were written after these may be thought otherwise now
    since = written_since(come)
    after = [n for n in known.values() if n.at >= since]
    if not late:
        keys = {key for n in come for key in content_keys(n)}
        after = [n for n in after if keys & content_sought(n)]
    look_at_content(conn, after, known, reach, received)


def look_after(
    conn: Connection, stirred: Sequence[Node], known: dict[int, Node], reach: Reach, received: Mapping[int, datetime]
) -> None:
    """The same for stored messages whose place is asked again, and for what was written after them and seeks them."""
    look_at_content(conn, stirred, known, reach, received)
    keys, since = {key for n in stirred for key in content_keys(n)}, written_since(stirred)
    after = [n for n in known.values() if n.at >= since and seeks(n) and keys & content_sought(n)]
    look_at_content(conn, after, known, reach, received)


def written_since(come: Iterable[Node]) -> datetime:
    """What was written from then on may be thought otherwise for these messages."""
    return min((node.at for node in come), default=datetime.max.replace(tzinfo=UTC)) - EARLY


def look_at_content(
    conn: Connection, nodes: Iterable[Node], known: dict[int, Node], reach: Reach, received: Mapping[int, datetime]
) -> None:
    """Bring the cases that share content with these messages; ``known`` and ``reach`` grow.

    Of the messages that came just now ``received`` says when; all others are old. A message that seeks nothing itself
    only brings those that may seek it: the reports of a busy fortnight have nothing to say about one another.
    """
    asking = {n.id: n for n in nodes if n.id not in reach.complete and content_keys(n)}
    if not asking:
        return
    found, crowds = _shared(conn, asking.values())
    late: dict[bool, set[str]] = {True: set(), False: set()}
    for node in asking.values():
        reach.complete.add(node.id)
        crowded = crowds & content_sought(node)
        if crowded and is_late(node, received):
            late[seeks(node)] |= crowded  # the crowd may have come later than this mail was written
            crowded = set()
        reach.crowded[node.id] = frozenset(crowded)
    sought = {key for n in asking.values() if seeks(n) for key in content_sought(n)} & found.keys() - crowds
    wanted = {case for key in sought for case in found[key][1]}
    # then whoever had it first is here, more than CROWD of them, and it can be counted how many there were when
    wanted |= {case for _, holding in held(conn, late[True], _FEW_ROWS, first=True).values() for case in holding}
    wanted |= seeking(conn, found.keys() - crowds - sought, 1 << 30)
    wanted |= seeking(conn, late[False] - late[True], _FEW_ROWS, first=True)
    _bring(conn, wanted - {n.case for n in known.values()}, known)


def look_ahead(
    conn: Connection,
    told: Iterable[Node],
    openers: Collection[int],
    since: datetime,
    known: dict[int, Node],
    reach: Reach,
) -> None:
    """The same for messages that came in time and change nothing of what is known: then few others matter.

    Of those that open their group (``openers``) all that share their content; of the others what was written ``since``.
    """
    asking = [n for n in told if content_keys(n)]
    if not asking:
        return
    found, crowds = _shared(conn, asking)
    wanted: set[int] = set()
    beside: set[int] = set()
    for node in asking:
        near = {case for key in content_sought(node) & found.keys() - crowds for case in found[key][1]}
        if node.id in openers:
            reach.complete.add(node.id)
            reach.crowded[node.id] = frozenset(crowds & content_sought(node))
            wanted |= near
        else:
            beside |= near
    there = {n.case for n in known.values()}
    wanted |= _written(conn, beside - wanted - there, since)
    _bring(conn, wanted - there, known)


def _shared(conn: Connection, asking: Iterable[Node]) -> tuple[dict[str, tuple[int, list[int]]], set[str]]:
    """Keys of content that these seek, with the cases that hold them; and which of the keys a crowd holds."""
    found = held(conn, {key for n in asking for key in content_sought(n)}, _FEW_ROWS)
    many = [key for key, (rows, holding) in found.items() if rows >= _FEW_ROWS and len(holding) <= CROWD]
    found |= held(conn, many, 1 << 30)  # one busy case, not a crowd
    return found, {key for key, (_, holding) in found.items() if len(holding) > CROWD}


def is_late(node: Node, received: Mapping[int, datetime]) -> bool:
    return node.id not in received or received[node.id] - node.at > _LATE


_SQLITE = """
SELECT k.value, (SELECT json_array(count(*), json_group_array(DISTINCT case_id)) FROM (
  SELECT t.case_id FROM thread_keys t {join} WHERE t.key = k.value ORDER BY {order} LIMIT :most))
FROM json_each(:keys) AS k"""
_POSTGRESQL = """
SELECT k, json_build_array(f.rows, f.holding)::text FROM unnest(CAST(:keys AS text[])) AS k CROSS JOIN LATERAL (
  SELECT count(*) AS rows, coalesce(json_agg(DISTINCT case_id), '[]'::json) AS holding FROM (
    SELECT t.case_id FROM thread_keys t {join} WHERE t.key = k ORDER BY {order} LIMIT :most) n
) AS f WHERE f.rows > 0"""
_SQLITE_SEEKING = """
SELECT (SELECT json_group_array(DISTINCT n.case_id) FROM (
  SELECT t.case_id, t.message_id FROM thread_keys t {join} WHERE t.key = k.value ORDER BY {order} LIMIT :most
) AS n JOIN messages s ON s.id = n.message_id
  WHERE s.author_role IN ('vendor', 'team') OR substr(k.value, 1, 5) = 'also:') FROM json_each(:keys) AS k"""
_POSTGRESQL_SEEKING = """
SELECT coalesce(json_agg(DISTINCT n.case_id), '[]'::json)::text
FROM unnest(CAST(:keys AS text[])) AS k CROSS JOIN LATERAL (
  SELECT t.case_id, t.message_id FROM thread_keys t {join} WHERE t.key = k ORDER BY {order} LIMIT :most
) AS n CROSS JOIN LATERAL (
  SELECT 1 FROM messages s WHERE s.id = n.message_id
  AND (s.author_role IN ('vendor', 'team') OR left(k, 5) = 'also:') LIMIT 1
) AS r"""
_JOIN = "JOIN messages m ON m.id = t.message_id"
_BY_DATE = "coalesce(m.date, m.received_at)"


def held(
    conn: Connection, keys: Collection[str], most: int, *, first: bool = False
) -> dict[str, tuple[int, list[int]]]:
    """Of each key: how many messages hold it (``most`` are looked at: the newest, or the first written), their cases.

    One row a key and a bound for each, so that what a key costs does not grow with the store.
    """
    if not keys:
        return {}
    found = ((row[0], json.loads(row[1])) for row in _by_key(conn, _SQLITE, _POSTGRESQL, keys, most, first))
    return {key: (rows, holding) for key, (rows, holding) in found if rows}


def seeking(conn: Connection, keys: Collection[str], most: int, *, first: bool = False) -> set[int]:
    """The cases that hold one of the keys by a mail of a vendor's or of the team, or as a second report:
    no other ``seeks``."""
    if not keys:
        return set()
    found = _by_key(conn, _SQLITE_SEEKING, _POSTGRESQL_SEEKING, keys, most, first)
    return {case for row in found for case in json.loads(row[0])}


def _by_key(
    conn: Connection, sqlite: str, postgresql: str, keys: Collection[str], most: int, first: bool
) -> Sequence[Any]:
    there = conn.dialect.name == "postgresql"
    query = _statement(postgresql if there else sqlite, first)
    return conn.execute(query, {"keys": sorted(keys) if there else json.dumps(sorted(keys)), "most": most}).all()


@cache
def _statement(written: str, first: bool) -> TextClause:
    parts = {"join": _JOIN, "order": _BY_DATE} if first else {"join": "", "order": "t.message_id DESC"}
    return text(written.format(**parts).replace("::", r"\:\:"))


def _written(conn: Connection, wanted: Collection[int], since: datetime) -> set[int]:
    """Of these cases those with a mail written since then."""
    found: set[int] = set()
    for chunk in chunks(sorted(wanted)):
        found |= set(conn.execute(_SINCE, {"these": chunk, "since": since}).scalars())
    return found


def linked(conn: Connection, wanted: Collection[int]) -> set[int]:
    found: set[int] = set()
    for chunk in chunks(sorted(wanted)):
        found |= set(conn.execute(_LINKED, {"these": chunk}).scalars())
    return found


OF_A_NODE = (
    messages.c.id,
    messages.c.case_id,
    messages.c.facts,
    messages.c.pinned_by,
    messages.c.joined,
    messages.c.placed_by,
    case((messages.c.placed_by == "content", messages.c.evidence["evidence"][0]["message"].as_string())).label("rests"),
)
"""What ``node_of`` reads."""

# built once: what a statement costs to build is most of what it costs

THESE: BindParameter[Any] = bindparam("these", expanding=True)
_LINKED = select(case_links.c.other_id).where(case_links.c.case_id.in_(THESE), case_links.c.why != SUGGESTED)
_WRITTEN = {column: cast(column, Text) if column.name == "facts" else column for column in OF_A_NODE}
_NODES = select(*_WRITTEN.values()).where(messages.c.case_id.in_(THESE))
_SINCE = (
    select(messages.c.case_id)
    .where(messages.c.case_id.in_(THESE))
    .where(or_(messages.c.date >= bindparam("since"), messages.c.received_at >= bindparam("since")))
    .distinct()
)
_SHOWN = select(messages.c.case_id).where(messages.c.id.in_(THESE), messages.c.origin != "delivered")
_MERGED = select(cases.c.id, cases.c.merged_into).where(cases.c.id.in_(THESE), cases.c.merged_into.is_not(None))


def nodes_of(conn: Connection, wanted: Collection[int]) -> dict[int, Node]:
    found: dict[int, Node] = {}
    for chunk in chunks(sorted(wanted)):
        for id, home, facts, pinned_by, joined, placed, rests in conn.execute(_NODES, {"these": chunk}):
            pinned = home if pinned_by else None
            found[id] = _unpacked(facts or "{}", id, home, pinned, joined, placed, int(rests) if rests else None)
    return found


@lru_cache(maxsize=1 << 11)
def _unpacked(
    facts: str, id: int, case: int, pinned: int | None, joined: int | None, placed: str, rests: int | None
) -> Node:
    """Mails of a fortnight are compared again and again. What was written is all that tells one from another, so
    nothing here can be outdated."""
    return node_from_json(facts, id=id, case=case, pinned=pinned, joined=joined, placed=placed, rests=rests)


def node_of(row: Mapping[str, Any] | Any) -> Node:
    pinned = row["case_id"] if row["pinned_by"] else None
    return Node.from_document(
        row["facts"] or {},
        id=row["id"],
        case=row["case_id"],
        pinned=pinned,
        joined=row["joined"],
        placed=row["placed_by"],
        rests=int(row["rests"]) if row["rests"] else None,
    )


def aliases_of(conn: Connection, wanted: Collection[int]) -> dict[int, int]:
    """Merged cases → where they went, to the end, whatever circles there be."""
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
        seen, end = {start}, step[start]
        while end in step and end not in seen:
            seen.add(end)
            end = step[end]
        ends[start] = end
    return ends


def chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[i : i + _CHUNK] for i in range(0, len(values), _CHUNK))
