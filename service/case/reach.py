"""Which messages can be compared by content, and by which keys: what a crowd holds tells nobody from the others."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from service.case.group import Group, Groups
from service.case.keys import content_keys, content_sought
from service.case.node import Node
from service.case.words import content_words

CROWD = 10
"""So many cases may share a key that still tells something."""
WAIT = timedelta(days=10)
"""How long an inquiry may wait for the vendor's number, or an exchange with a vendor may rest."""
EARLY = timedelta(minutes=5)
"""How far a clock may be wrong: so much earlier than what it answers may a mail claim to be written."""


@dataclass(slots=True)
class Reach:
    """Which messages were compared with all that share their content; the others stay with the case they are in."""

    complete: set[int] = field(default_factory=set)
    crowded: dict[int, frozenset[str]] = field(default_factory=dict)
    """Message → keys that more than ``CROWD`` cases hold, which are not all here."""
    openers: dict[int, int] = field(default_factory=dict)
    """Found on the way: messages that content may join to earlier ones, since nothing else puts them behind any; each
    with the message whose place is argued about then."""

    beside: dict[int, frozenset[int]] = field(default_factory=dict)
    """Of each of these those that may be joined in its group: where one is asked again, all are."""

    def extend(self, message: int, other: int) -> None:
        """What was compared of a message was compared of another one too, which has the same content."""
        if message in self.complete:
            self.complete.add(other)
            self.crowded[other] = self.crowded.get(message, frozenset())


@dataclass(frozen=True, slots=True)
class Join:
    """A message that opened a group, the group it goes to, the message it points to there, the words it rests on."""

    message: Node
    group: Group
    pointed: Node
    words: str


Scored = list[tuple[float, Group, Node, str]]
"""What speaks for a group, and how much."""


def clearest(scored: Scored, message: Node, ratio: float, *, least: float = 0.0) -> Join | None:
    """The group for which most speaks: ``least`` at least, and ``ratio`` times what speaks for the next."""
    if not scored:
        return None
    first, *rest = sorted(scored, key=lambda s: (-s[0], s[1].index))
    if first[0] < least or (rest and first[0] < ratio * rest[0][0]):
        return None
    return Join(message, *first[1:])


def own_of(members: Sequence[Node]) -> list[Node]:
    """Without what is quoted, and without what only a later mail handed on: that opened nothing here."""
    first = next((m for m in members if m.origin == "delivered"), None)
    later = {inner for m in members if m.origin == "delivered" and m is not first for inner in m.holds}
    if first is not None:
        later -= set(first.holds)
    return [m for m in members if m.origin == "delivered" or (m.origin != "quoted" and m.id not in later)]


def until(members: Iterable[Node], at: datetime) -> list[Node]:
    """What was written by then. Nobody looks again at where a mail belongs when something is written after it: so it
    must not matter."""
    return [m for m in members if m.at <= at + EARLY]


def people_of(members: Iterable[Node]) -> set[str]:
    """Who takes part by the word of one of us or a vendor."""
    return {p for m in members if m.side != "unknown" and not m.doubted for p in (m.author, *m.to, *m.cc) if p}


def names_writer(mail: Node, other: Node) -> bool:
    """Whether a mail names the writer of another by one of the names that he bears."""
    parts = [part for part in _PART.split(other.author_name.casefold()) if content_words(part)]
    return any(part in mail.named for part in parts if part[-1] not in "部課室係店局")


_PART = re.compile(r"[\s,.]+")


def told_in_openers(members: Iterable[Node], keys: frozenset[str]) -> set[str]:
    """The telling words of those messages that share a key. A user's mail that answers another has none, and adds
    nothing: what a case tells must not change by a mail that calls nobody up."""
    return {w for m in members if keys & content_keys(m) for w in (*m.words, *m.subject_words)}


class Alive:
    """The keys of content by which a message may be compared."""

    def __init__(self, groups: Groups, reach: Reach | None) -> None:
        self._groups = groups.kept()
        self._reach = reach
        self._since: dict[str, list[datetime]] | None = None
        self._holding: dict[str, list[int]] = defaultdict(list)
        """Key → the groups that have it."""
        self._of: dict[int, frozenset[str]] = {}

    def __contains__(self, message: int) -> bool:
        return self._reach is None or message in self._reach.complete

    def of(self, node: Node) -> frozenset[str]:
        if node.id not in self:
            return frozenset()
        if node.id not in self._of:
            if self._since is None:
                self._since = self._held_since()
            crowded = self._reach.crowded.get(node.id, frozenset()) if self._reach is not None else frozenset()
            until = node.at + EARLY
            self._of[node.id] = frozenset(
                key
                for key in content_sought(node) - crowded
                if key in self._since and sum(at <= until for at in self._since[key]) <= CROWD
            )
        return self._of[node.id]

    def near(self, groups: Groups, others: Sequence[Group], but: Group, keys: frozenset[str]) -> list[Group]:
        """Those that share one of these keys, as they stand by now (united or not), without ``but``."""
        sharing = {groups.root(index) for key in keys for index in self._holding[key]}
        return [one for one in others if one is not but and one.index in sharing]

    def _held_since(self) -> dict[str, list[datetime]]:
        """Key → when each case first had it."""
        since: dict[str, list[datetime]] = defaultdict(list)
        for group in self._groups:
            first: dict[str, datetime] = {}
            for member in group.members:
                for key in content_keys(member):
                    first.setdefault(key, member.at)
            for key, at in first.items():
                since[key].append(at)
                self._holding[key].append(group.index)
        return since
