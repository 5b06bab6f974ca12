"""Groups of messages while a partition is made, and the evidence that put each message into its group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from service.case.node import Node
from service.case.trust import Company

Kind = Literal[
    "person",
    "same",
    "token",
    "bounce",
    "vendor_ref",
    "in_reply_to",
    "references",
    "recovered",
    "case_key",
    "thread_index",
    "mention",
    "content",
    "new",
]
"""Evidence, strongest first (``new``: none). docs/evidence.md shows an example of each."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a message stands where it stands, or what spoke for another case."""

    kind: Kind
    words: str
    """The id, number or words it rests on."""
    message: int | None = None
    """The message it points to."""
    against: str = ""
    """For a runner-up: what spoke against it."""


@dataclass(slots=True)
class Group:
    """Messages of one case, while the partition is made."""

    index: int
    members: list[Node] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    refs: set[tuple[str, str]] = field(default_factory=set)
    bases: set[str] = field(default_factory=set)
    company: Company = field(default_factory=Company)
    """Who takes part, by the mails that may steer it."""
    pinned: int | None = None
    """The case a person made it."""
    held: bool = False
    """A message in it was put there by hand: rules unite it with nothing more."""
    apart: bool = False
    """Its first mail was set apart from another case on purpose (a new topic, settled too long ago, a claim)."""
    resolved: bool = False
    """Some mail in it says that it is settled."""
    outsiders: set[int] = field(default_factory=set)
    """Messages of whoever may not steer it."""
    related: set[int] = field(default_factory=set)
    """Indexes of groups that something points to, without gluing."""

    def settled(self, at: datetime) -> datetime | None:
        """When our side had said so by ``at``, if nobody had written since. What came after ``at`` has no say."""
        if not self.resolved:
            return None
        heard = (m for m in self.members if m.at <= at and m.id not in self.outsiders)
        spoken = [m for m in heard if m.resolves or not m.automatic]
        last = max((m.at for m in spoken if m.resolves), default=None)
        return None if last is None or any(m.at > last for m in spoken) else last


def order_of(node: Node) -> tuple[datetime, str, str, str]:
    """The order of writing, by the earlier of date and receipt: the same whatever the order of arrival."""
    return (node.at - timedelta(seconds=node.ahead), node.message_id or "", node.author, node.text[:80])


class Groups:
    """Disjoint groups that can only grow together (union-find). The older index stays."""

    def __init__(self) -> None:
        self.all: list[Group] = []
        self.home: dict[int, int] = {}
        """Message → index of the group it entered."""
        self._up: list[int] = []

    def new(self) -> Group:
        group = Group(len(self.all))
        self.all.append(group)
        self._up.append(group.index)
        return group

    def root(self, index: int) -> int:
        while self._up[index] != index:
            self._up[index] = self._up[self._up[index]]
            index = self._up[index]
        return index

    def of(self, message: int) -> Group | None:
        """The group a message stands in; None while it stands in none."""
        index = self.home.get(message)
        return None if index is None else self.all[self.root(index)]

    def kept(self) -> Sequence[Group]:
        """The groups that were not united with an older one, oldest mail first."""
        kept = [g for g in self.all if self.root(g.index) == g.index]
        return sorted(kept, key=lambda g: (g.members[0].at, g.index))

    def are_related(self, one: Group, other: Group) -> bool:
        """Whether something points from one to the other, without gluing."""
        return other.index in map(self.root, one.related) or one.index in map(self.root, other.related)

    def enter(self, node: Node, group: Group, steers: bool) -> None:
        """``steers``: it may say something about the group (see ``trust``)."""
        group.members.append(node)
        self.home[node.id] = group.index
        if node.base:
            group.bases.add(node.base)
        if node.label is not None:
            group.pinned = node.label
            group.held = group.held or node.pinned is not None
        if not steers:
            group.outsiders.add(node.id)
            return
        group.company.add(node, node.side)
        group.people.update(p for p in (node.author, *node.to, *node.cc) if p)
        group.resolved = group.resolved or node.resolves
        if not node.fresh:
            group.refs.update(node.stated)

    def union(self, one: Group, other: Group) -> Group:
        if one is other:
            return one
        first, second = sorted((one, other), key=lambda g: g.index)
        self._up[second.index] = first.index
        first.members = sorted((*first.members, *second.members), key=order_of)
        first.people |= second.people
        first.company.unite(second.company)
        first.outsiders |= second.outsiders
        first.refs |= second.refs
        first.bases |= second.bases
        first.related |= second.related
        first.apart = first.apart or second.apart
        first.held = first.held or second.held
        first.resolved = first.resolved or second.resolved
        first.pinned = first.pinned if first.pinned is not None else second.pinned
        return first
