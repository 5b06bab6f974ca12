"""What mails show of a mail that nobody has: by it alone they can stand together.

One mail that never came is shown cut short here, dated by the day or not at all there. Likeness is not transitive, and
what was taken for one message depends on what came first. So the showings are looked at as they are now, all of them:
such as are alike from one to the next show one mail. Others do not, though they were taken for it once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from service.case.identity import better, same_mail
from service.case.keys import identity_keys, sought_identity
from service.case.node import Node


@dataclass(frozen=True, slots=True)
class Meeting:
    """The messages that a partition is made of."""

    nodes: dict[int, Node]
    parts: dict[int, int]
    """Message that is not stored → the stored one of which it is a part: that one is shown as several mails."""


def meeting(nodes: Mapping[int, Node]) -> Meeting:
    """The same messages; whoever shows one mail that nobody has holds the same ones, and nobody else holds them.

    The mails of a long exchange all show the same earlier ones: each way of showing one is looked at once.
    """
    shown_by: dict[Node, list[int]] = defaultdict(list)
    for outer in nodes.values():
        for seen in outer.sightings:
            if seen.id in nodes and nodes[seen.id].is_shown:
                shown_by[seen].append(outer.id)
    chains = _chains(list(shown_by))
    taken_for: dict[int, list[Node]] = defaultdict(list)
    for seen in shown_by:
        taken_for[seen.id].append(seen)
    best = {message: reduce(_better, showings) for message, showings in taken_for.items()}
    found = Meeting(dict(nodes), {})
    held: dict[Node, tuple[int, ...]] = {}
    for chain in chains:
        messages = tuple(sorted({seen.id for seen in chain if best[seen.id] in chain}))
        if not messages:
            first = reduce(_better, chain)
            part = min(0, *nodes, *found.parts) - 1
            found.parts[part], messages = first.id, (part,)
            found.nodes[part] = replace(_as(nodes[first.id], first), id=part, case=None, pinned=None, joined=None)
        held.update(dict.fromkeys(chain, messages))
    for message, showings in taken_for.items():
        if len({held[seen] for seen in showings}) > 1:
            found.nodes[message] = _as(nodes[message], best[message])
    for i in {i for outers in shown_by.values() for i in outers}:
        found.nodes[i] = _holding(nodes[i], held)
    return found


def _holding(outer: Node, held: Mapping[Node, tuple[int, ...]]) -> Node:
    """A mail with the messages that its showings stand for."""
    instead: dict[int, list[int]] = defaultdict(list)
    for seen in outer.sightings:
        if seen in held:
            instead[seen.id] += held[seen]
    holds = tuple(dict.fromkeys(i for inner in outer.holds for i in instead.get(inner, (inner,))))
    return outer if holds == outer.holds else replace(outer, holds=holds)


def _chains(showings: Sequence[Node]) -> list[set[Node]]:
    """Showings of mails, such as are alike from one to the next together."""
    sought: dict[str, list[Node]] = defaultdict(list)
    for seen in showings:
        for key in sought_identity(seen):
            sought[key].append(seen)
    chain_of = {seen: {seen} for seen in showings}
    for seen in showings:
        for key in identity_keys(seen):
            for other in sought[key]:
                if other not in chain_of[seen] and same_mail(other, seen) is not None:
                    chain_of[seen] |= chain_of[other]
                    chain_of.update(dict.fromkeys(chain_of[seen], chain_of[seen]))
    return list({id(chain): chain for chain in chain_of.values()}.values())


def _better(one: Node, other: Node) -> Node:
    """The showing that tells more."""
    return other if better(one, other) else one


def _as(message: Node, seen: Node) -> Node:
    """A message as it is shown."""
    return replace(message, at=seen.at, dated=seen.dated, origin=seen.origin, text=seen.text)
