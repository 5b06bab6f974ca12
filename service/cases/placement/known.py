"""Stored data that may matter for new mail: a limited set of messages, their keys and facts about their cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from service.cases.facts.message_facts import MessageFacts
from service.cases.placement.keys import message_id_keys, stored_keys

MOST_ROWS = 12
"""Maximum number of messages loaded per key, newest first."""


@dataclass(slots=True)
class CaseFacts:
    """Facts about a case that its loaded messages do not show."""

    settled_at: datetime | None = None
    """Time of its last mail if the case is resolved or closed."""
    refs: set[tuple[str, str]] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    """Those authors of the new mail who take part in the case."""
    guarded: bool = False
    """Whether our own people or a vendor take part; then mail of an unknown sender does not merge it."""
    apart: set[int] = field(default_factory=set)
    """Cases that a person or an objection separated from this one."""

    def add(self, node: MessageFacts) -> None:
        """Add what a message of the case shows."""
        if node.trusted:
            self.guarded |= node.side != "unknown"
            self.refs.update(() if leaves_topic(node) else node.stated)


@dataclass(slots=True)
class Known:
    """Loaded messages by id, with indexes by key; merged cases are resolved through ``aliases``."""

    nodes: dict[int, MessageFacts] = field(default_factory=dict)
    own: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    cites: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    near: dict[int, set[int]] = field(default_factory=dict)
    """New mail → stored cases to compare it with."""
    cases: dict[int, CaseFacts] = field(default_factory=lambda: defaultdict(CaseFacts))
    aliases: dict[int, int] = field(default_factory=dict)
    shared: dict[str, int] = field(default_factory=dict)
    """Candidate key → number of stored messages that have it, at most ``MOST_ROWS``."""

    def enter(self, node: MessageFacts) -> tuple[set[str], set[str]]:
        """Add a message that is not stored yet, or one that another copy completed. Returns its ``stored_keys``."""
        self.nodes[node.id] = node
        own, cited = stored_keys(node)
        rows = [self.own[key] for key in (*own, *message_id_keys(node))] + [self.cites[key] for key in cited]
        for row in rows:
            if node.id not in row:
                row.append(node.id)
        return own, cited

    def copies(self, keys: Iterable[str]) -> dict[int, MessageFacts]:
        """Return the messages that may be copies, by these identity keys."""
        return {i: self.nodes[i] for key in keys for i in self.own.get(key, ()) if i in self.nodes}

    def owners(self, key: str) -> list[MessageFacts]:
        return self._linkable(self.own.get(key, ()))

    def citing(self, key: str) -> list[MessageFacts]:
        return self._linkable(self.cites.get(key, ()))

    def _linkable(self, numbers: Iterable[int]) -> list[MessageFacts]:
        """Return the messages with these ids that may be linked: none that only an unknown sender shows."""
        return [self.nodes[i] for i in numbers if i in self.nodes and not self.nodes[i].shown_by]


def leaves_topic(node: MessageFacts) -> bool:
    """Whether a reply announces another topic; a mail that is no reply cannot leave a topic."""
    return node.fresh and (node.reply_marked or not node.headerless)
