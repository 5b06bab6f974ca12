"""What placing decides, to be written by the store."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.cases.facts.message_facts import MessageFacts
from service.cases.placement.links import Kind


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a message is in its case, or what spoke for another case."""

    kind: Kind
    words: str = ""
    message: int | None = None
    """The message it points to."""
    against: str = ""
    """For a runner-up: what spoke against it."""
    score: float | None = None
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """Another case that something spoke for."""

    case: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Copy:
    """A new message that is known already."""

    message: int
    why: str
    better: bool
    """The new copy tells more: what is stored is renewed from it."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A case that a message may belong to."""

    message: int
    case: int
    score: float
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    """What to write. Negative numbers are messages and cases that are not stored yet."""

    nodes: dict[int, MessageFacts] = field(default_factory=dict)
    """Messages that are new or that a better copy changed."""
    copies: dict[int, Copy] = field(default_factory=dict)
    reused: set[int] = field(default_factory=set)
    """New messages whose Message-ID another mail bears (a defect)."""
    home: dict[int, int] = field(default_factory=dict)
    """New message → its case."""
    evidence: dict[int, Evidence] = field(default_factory=dict)
    runners_up: dict[int, list[RunnerUp]] = field(default_factory=dict)
    united: dict[int, int] = field(default_factory=dict)
    """Stored case → the case it became part of."""
    related: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    """Two cases that something points between → the message and why they stay apart."""
    suggestions: list[Suggestion] = field(default_factory=list)
