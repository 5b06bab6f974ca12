"""Where the messages of new mails go: which of them are known already, which case each belongs to, which cases change.

``plan`` is pure. The store brings every message that shares a key with the new ones (``keys.sought_keys``), with all
the other messages of their cases and of cases related to these; ``grouping.partition`` groups the lot anew; here the
groups get their cases back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from service.case.group import Evidence, order_of
from service.case.grouping import Partition, partition
from service.case.meeting import meeting
from service.case.node import Node
from service.case.reach import Reach
from service.case.recognising import Recognised, Turned, recognise


@dataclass(frozen=True, slots=True)
class Standing:
    """One group of messages and the case it is (None: a new one)."""

    case: int | None
    members: tuple[int, ...]
    related: tuple[int, ...]
    """Positions in ``Plan.standings``."""


@dataclass(slots=True)
class Plan:
    """What has to be written."""

    standings: list[Standing]
    nodes: dict[int, Node]
    """Every message, as it now is."""
    recognised: dict[int, Recognised]
    """New message (negative id) → the one it is; that may be a new one too."""
    reused: set[int] = field(default_factory=set)
    """New messages whose Message-ID another mail bears already (a defect)."""
    evidence: dict[int, Evidence] = field(default_factory=dict)
    runners_up: dict[int, list[tuple[Evidence, int]]] = field(default_factory=dict)
    """With the position of the group spoken for."""
    emptied: dict[int, int] = field(default_factory=dict)
    """Case that has no message left → position of the group most of them went to."""
    turned: list[Turned] = field(default_factory=list)


def plan(
    known: Iterable[Node],
    come: Sequence[Node],
    *,
    reopen: timedelta = timedelta(days=14),
    aliases: Mapping[int, int] | None = None,
    reach: Reach | None = None,
) -> Plan:
    """Place the messages ``come`` (ids negative, in order of arrival) among the ``known`` ones.

    ``aliases``: merged cases → the case they became, followed to its end, for claims on old keys.
    ``reach``: whose content can be compared (None: everybody's); the others stay as they are joined.
    """
    nodes = {n.id: n for n in known}
    known_as = recognise(nodes, come)
    recognised, reused = known_as.recognised, known_as.reused
    if aliases:
        nodes = {i: _follow(n, aliases) for i, n in nodes.items()}
    met = meeting(nodes)
    if reach is not None:
        for new, same in recognised.items():
            if same.better:
                reach.extend(new, same.message)
        for part, whole in met.parts.items():
            reach.extend(whole, part)
    parted = _stored(partition(met.nodes.values(), reopen, reach), met.parts)
    cases = _cases_for([g.members for g in parted.groups])
    at = {group.index: position for position, group in enumerate(parted.groups)}
    standings = [
        Standing(
            case,
            tuple(m.id for m in group.members),
            tuple(sorted(at[i] for i in group.related if i in at)),
        )
        for case, group in zip(cases, parted.groups, strict=True)
    ]
    return Plan(
        standings,
        nodes,
        recognised,
        reused,
        parted.evidence,
        {m: [(e, at[i]) for e, i in found if i in at] for m, found in parted.runners_up.items()},
        _emptied(standings, nodes),
        known_as.turned,
    )


def _stored(parted: Partition, parts: Mapping[int, int]) -> Partition:
    """Without the parts of messages that were shown as several mails: what rests on one rests on the message."""
    if not parts:
        return parted
    for group in parted.groups:
        group.members = [m for m in group.members if m.id not in parts]

    def of_message(evidence: Evidence) -> Evidence:
        whole = None if evidence.message is None else parts.get(evidence.message)
        return evidence if whole is None else replace(evidence, message=whole)

    return Partition(
        [group for group in parted.groups if group.members],
        {m: of_message(e) for m, e in parted.evidence.items() if m not in parts},
        {m: [(of_message(e), i) for e, i in found] for m, found in parted.runners_up.items() if m not in parts},
    )


def _follow(node: Node, aliases: Mapping[int, int]) -> Node:
    claims = tuple(dict.fromkeys(aliases.get(c, c) for c in node.claims))
    token = aliases.get(node.token, node.token) if node.token is not None else None
    return node if claims == node.claims and token == node.token else replace(node, claims=claims, token=token)


def _cases_for(groups: Sequence[Sequence[Node]]) -> list[int | None]:
    """Give each group a case it had: the one a person chose, else the oldest that has its opener there.

    A case goes to one group only: to the one that holds its first message."""
    pinned: dict[int, int] = {}
    for position, members in enumerate(groups):
        for member in members:
            if member.label is not None:
                pinned[member.label] = position
    first: dict[int, tuple[tuple[int, ...], int]] = {}
    for position, members in enumerate(groups):
        for member in members:
            if member.case is not None and member.case not in pinned:
                rank = (member.id if member.id > 0 else 1 << 62,)
                if member.case not in first or rank < first[member.case][0]:
                    first[member.case] = (rank, position)
    out: list[int | None] = [None] * len(groups)
    for case, position in pinned.items():
        out[position] = case if out[position] is None else min(out[position] or case, case)
    for case, (_rank, position) in sorted(first.items()):
        if out[position] is None:
            out[position] = case
    return out


def _emptied(standings: Sequence[Standing], nodes: Mapping[int, Node]) -> dict[int, int]:
    left = {standing.case for standing in standings}
    went: dict[int, Counter[int]] = defaultdict(Counter)
    for position, standing in enumerate(standings):
        for member in standing.members:
            case = nodes[member].case
            if case is not None and case not in left:
                went[case][position] += 1
    return {case: min(count, key=lambda p: (-count[p], p)) for case, count in went.items()}


def arrival(nodes: Iterable[Node]) -> list[Node]:
    """For display: oldest first, in the order of writing."""
    return sorted(nodes, key=order_of)
