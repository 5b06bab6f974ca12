"""The result of placement, to be written by the store."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.cases.facts.message_facts import MessageFacts
from service.cases.placement.links import Kind


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a message is in its case, or what speaks for another case."""

    kind: Kind
    words: str = ""
    message: int | None = None
    """Id of the message that it points to."""
    against: str = ""
    """Why it was not followed."""
    case: int = 0
    """The other case that it points to, if it was not followed."""
    score: float | None = None
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A new message that is a copy of a known one."""

    message: int
    why: str
    better: bool
    """Whether the new copy is more complete; the stored message is then updated from it."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A case that a message may belong to."""

    message: int
    case: int
    score: float
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    """What to write. Negative ids are messages and cases that are not stored yet."""

    nodes: dict[int, MessageFacts] = field(default_factory=dict)
    """Messages that are new or that a better copy changed."""
    keys: dict[int, tuple[set[str], set[str]]] = field(default_factory=dict)
    """Their ``stored_keys``."""
    copies: dict[int, Copy] = field(default_factory=dict)
    reused: set[int] = field(default_factory=set)
    """New messages whose Message-ID another mail already has (a defect)."""
    home: dict[int, int] = field(default_factory=dict)
    """Id of a message of ``nodes`` → its case."""
    evidence: dict[int, Evidence] = field(default_factory=dict)
    runners_up: dict[int, list[Evidence]] = field(default_factory=dict)
    """Message id → what speaks for other cases."""
    merged_cases: dict[int, int] = field(default_factory=dict)
    """Stored case → the case it was merged into."""
    related: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    """Two linked cases that are not merged → (message id, reason)."""
    suggestions: list[Suggestion] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    """Cases that get a message, a copy, a merge or a suggestion."""
    rewritten: set[int] = field(default_factory=set)
    """Those of them in which more changes than that messages are added."""

    @property
    def cases(self) -> set[int]:
        """All cases that it names."""
        return self.touched.union(*self.related)
