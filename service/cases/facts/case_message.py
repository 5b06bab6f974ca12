"""One message of a case, as the judge and ``revise`` see it: its facts, its turn for the rules, what was read in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mailrules.judgement import Reading
from mailrules.thread import RuleInput, Side, Thread
from service.cases.facts.message_facts import MessageFacts, order_of
from service.cases.facts.trust import Doubt, doubts


@dataclass(frozen=True, slots=True)
class CaseMessage:
    """A message of the timeline. ``id`` is the store's, also the id of its turn (as text)."""

    id: int
    node: MessageFacts
    turn: RuleInput
    received_at: datetime
    reading: Reading | None = None
    name: str = ""
    """Of the author."""
    people: tuple[tuple[str, str, Side], ...] = ()
    """Recipients: address (folded), name, side."""
    wrapper: bool = False
    """It handed another's mail on: what it says itself is the forwarder's remark."""


def in_order(lines: Iterable[CaseMessage]) -> list[CaseMessage]:
    """Oldest first, by the time of writing, never by arrival."""
    return sorted(lines, key=lambda line: order_of(line.node))


def doubts_of(lines: Sequence[CaseMessage]) -> dict[int, Doubt]:
    """The messages of a case that move nothing, with the reason. ``lines`` in order."""
    sides = {line.id: line.turn.side for line in lines}
    received = {line.id: line.received_at for line in lines}
    return doubts([line.node for line in lines], sides, received)


def counted(lines: Sequence[CaseMessage]) -> list[CaseMessage]:
    """Those that how a case stands follows from; all, where none counts."""
    doubted = doubts_of(lines)
    return [line for line in lines if line.id not in doubted] or list(lines)


def thread_of(lines: Iterable[CaseMessage]) -> Thread:
    """For ``Rules.judge``."""
    return tuple(line.turn for line in lines)


def with_readings(lines: Iterable[CaseMessage], readings: Iterable[Reading]) -> list[CaseMessage]:
    """The lines with what the rules read in each (``Judgement.readings``)."""
    return [replace(line, reading=reading) for line, reading in zip(lines, readings, strict=True)]
