"""Which stored messages may have a say about new ones: one set lookup of all their keys, then their cases."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from service.case.keys import cited_keys, content_keys, own_keys, sought_keys
from service.case.node import Node
from service.store.tables import case_links, cases, messages, thread_keys

_CHUNK = 400
"""Values in one IN list."""
_MOST_HITS = 300
"""Cases that one key may call up: the newest."""
_MOST_ALIKE = 40
"""The same for keys of content: a crowd of like cases is no argument for one of them."""
_MOST_COMPARED = 80
"""Cases whose content a new mail is compared with: those that share most keys, the newest first."""
SUGGESTED = "the same subject and people"
"""Why two cases are linked that nothing but that speaks for: such a link draws no neighbours in."""


def neighbours(conn: Connection, come: Sequence[Node]) -> dict[int, Node]:
    """Every stored message that may have a say: of the cases that share a key, and of cases linked to those."""
    strong = {key for node in come for key in sought_keys(node) if not key.startswith(_CONTENT)}
    hits = _cases_by_key(conn, strong)
    wanted = {case for found in hits.values() for case in found}
    wanted |= {c for n in come for c in (*n.claims, n.token) if c is not None}
    wanted |= set(aliases_of(conn, wanted).values())
    wanted |= linked(conn, wanted)
    known = nodes_of(conn, wanted)
    # mails that open something, and a vendor's that nothing ties to an earlier mail of ours: look at the content
    asked: set[str] = set()
    ours: dict[int, datetime] = {}
    for node in known.values():
        if node.side in ("team", "requester") and node.case is not None:
            ours[node.case] = min(node.at, ours.get(node.case, node.at))
    openers = [
        n
        for n in come
        if n.side != "vendor" or not any(ours.get(c, n.at) < n.at for key in _tying(n) for c in hits.get(key, ()))
    ]
    for _round in range(2):
        keys = {key for node in openers for key in content_keys(node)} - asked
        if not keys:
            break
        asked |= keys
        hit = Counter(case for found in _cases_by_key(conn, keys, _MOST_ALIKE).values() for case in found)
        alike = sorted((case for case in hit if case not in wanted), key=lambda case: (-hit[case], -case))
        more = set(alike[:_MOST_COMPARED])
        if not more:
            break
        wanted |= more
        fresh = nodes_of(conn, more)
        known |= fresh
        openers = list(fresh.values())
    return known


_CONTENT = ("wait:", "talk:", "sub:")


def _tying(node: Node) -> Iterable[str]:
    """Keys that would tie a message to a case by themselves."""
    return (key for key in (*cited_keys(node), *own_keys(node)) if key[:4] in ("mid:", "ref:", "num:"))


def _cases_by_key(conn: Connection, keys: Collection[str], most: int = _MOST_HITS) -> dict[str, set[int]]:
    """The newest cases of each key, at most so many of one, so that a crowd crowds none out."""
    found: dict[str, set[int]] = defaultdict(set)
    place = func.row_number().over(partition_by=thread_keys.c.key, order_by=thread_keys.c.case_id.desc())
    for chunk in chunks(sorted(keys)):
        ranked = (
            select(thread_keys.c.key, thread_keys.c.case_id, place.label("place"))
            .where(thread_keys.c.key.in_(chunk))
            .group_by(thread_keys.c.key, thread_keys.c.case_id)
            .subquery()
        )
        for key, case in conn.execute(select(ranked.c.key, ranked.c.case_id).where(ranked.c.place <= most)):
            found[key].add(case)
    return found


def linked(conn: Connection, wanted: Collection[int]) -> set[int]:
    found: set[int] = set()
    for chunk in chunks(sorted(wanted)):
        query = select(case_links.c.other_id).where(case_links.c.case_id.in_(chunk), case_links.c.why != SUGGESTED)
        found |= set(conn.execute(query).scalars())
    return found


def nodes_of(conn: Connection, wanted: Collection[int]) -> dict[int, Node]:
    found: dict[int, Node] = {}
    columns = (messages.c.id, messages.c.case_id, messages.c.facts, messages.c.pinned_by, messages.c.joined)
    for chunk in chunks(sorted(wanted)):
        for row in conn.execute(select(*columns).where(messages.c.case_id.in_(chunk))).mappings():
            found[row["id"]] = node_of(row)
    return found


def node_of(row: Mapping[str, Any] | Any) -> Node:
    pinned = row["case_id"] if row["pinned_by"] else None
    return Node.from_document(
        row["facts"] or {}, id=row["id"], case=row["case_id"], pinned=pinned, joined=row["joined"]
    )


def aliases_of(conn: Connection, wanted: Collection[int]) -> dict[int, int]:
    """Merged cases → where they went, to the end, whatever circles there be."""
    step: dict[int, int] = {}
    ask = set(wanted)
    while ask:
        got: dict[int, int] = {}
        for chunk in chunks(sorted(ask)):
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


def chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[i : i + _CHUNK] for i in range(0, len(values), _CHUNK))
