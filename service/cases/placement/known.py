"""Input and output of placing: some stored messages with their cases, and a plan."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from service.cases.facts.message_facts import MessageFacts
from service.cases.placement.keys import message_id_keys, stored_keys

MOST_ROWS = 12  # maximum number of messages loaded per key, newest first


@dataclass(slots=True)
class CaseFacts:
    """Facts about a case, including facts from messages that are not loaded."""

    settled_at: datetime | None = None  # time of the last mail, if the case is resolved or closed
    refs: set[tuple[str, str]] = field(default_factory=set)
    people: set[str] = field(default_factory=set)  # authors of the new mail who take part in the case
    guarded: bool = False  # our people or a vendor take part, so an unknown sender's mail does not merge the case
    apart: set[int] = field(default_factory=set)  # cases that a person or an objection separated from this case

    def add(self, node: MessageFacts) -> None:
        """Add the facts that a message of the case shows."""
        if node.trusted:
            self.guarded |= node.side != "unknown"
            self.refs.update(() if leaves_topic(node) else node.stated)


@dataclass(slots=True)
class Known:
    """Loaded messages by id, with indexes by key; merged cases are resolved through ``aliases``."""

    nodes: dict[int, MessageFacts] = field(default_factory=dict)
    own: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    cites: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    near: dict[int, set[int]] = field(default_factory=dict)  # new mail → stored cases to compare it with
    cases: dict[int, CaseFacts] = field(default_factory=lambda: defaultdict(CaseFacts))
    aliases: dict[int, int] = field(default_factory=dict)
    shared: dict[str, int] = field(default_factory=dict)
    """Candidate key → number of stored messages that have it, at most ``MOST_ROWS``."""

    def add(self, node: MessageFacts) -> tuple[set[str], set[str]]:
        """Add a message, new or with facts of a new copy (``merge_copies``). Return its keys, see ``stored_keys``."""
        self.nodes[node.id] = node
        own, cited = stored_keys(node)
        rows = [self.own[key] for key in (*own, *message_id_keys(node))] + [self.cites[key] for key in cited]
        for row in rows:
            if node.id not in row:
                row.append(node.id)
        return own, cited

    def owners(self, key: str) -> list[MessageFacts]:
        """Return the messages that have this key as their own.

        Messages that exist only inside a mail of a sender who is not trusted (``shown_by``) are left out.
        """
        return self._linkable(self.own.get(key, ()))

    def citing(self, key: str) -> list[MessageFacts]:
        """Return the messages with this reference, with the same exception as ``owners``."""
        return self._linkable(self.cites.get(key, ()))

    def naming(self, key: str) -> list[MessageFacts]:
        """Return the messages with this property or reference, with the same exception as ``owners``."""
        return self._linkable(dict.fromkeys((*self.own.get(key, ()), *self.cites.get(key, ()))))

    def _linkable(self, numbers: Iterable[int]) -> list[MessageFacts]:
        return [self.nodes[i] for i in numbers if i in self.nodes and not self.nodes[i].shown_by]


def leaves_topic(node: MessageFacts) -> bool:
    """Whether a reply begins another topic. False for a mail that is not a reply."""
    return node.fresh and (node.reply_marked or not node.headerless)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The reason why a message is in its case, or a reason for putting it into another case."""

    kind: str
    words: str = ""
    message: int | None = None  # the message that the evidence points to
    against: str = ""  # why this evidence did not put the message into the other ``case``
    case: int = 0
    score: float | None = None
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A new message that is a copy of a known message."""

    message: int
    why: str
    better: bool  # whether the new copy is more complete; if so, it updates the stored message


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A case that a message may belong to."""

    message: int
    case: int
    score: float
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    """The changes to write. Negative ids are messages and cases that are not stored yet."""

    nodes: dict[int, MessageFacts] = field(default_factory=dict)  # new messages, and those changed by a better copy
    keys: dict[int, tuple[set[str], set[str]]] = field(default_factory=dict)
    copies: dict[int, Copy] = field(default_factory=dict)
    reused: set[int] = field(default_factory=set)  # new messages whose Message-ID another mail already has (a defect)
    home: dict[int, int] = field(default_factory=dict)  # id of a message of ``nodes`` → its case
    evidence: dict[int, Evidence] = field(default_factory=dict)
    runners_up: dict[int, list[Evidence]] = field(default_factory=dict)  # message id → reasons for other cases
    merged_cases: dict[int, int] = field(default_factory=dict)  # stored case → the case into which it was merged
    related: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    """Two linked cases that are not merged → (message id, reason)."""
    suggestions: list[Suggestion] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)  # cases that get a message, a copy, a merge or a suggestion
    rewritten: set[int] = field(default_factory=set)  # cases of ``touched`` that not only get new messages

    @property
    def cases(self) -> set[int]:
        """All cases that the plan names."""
        return self.touched.union(*self.related)
