"""One message of a case with its facts, rule input and reading, for judging the case."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mailrules.judgement import UNREAD, Reading
from mailrules.thread import RuleInput, Side
from service.cases.facts.message_facts import MessageFacts, order_of


@dataclass(frozen=True, slots=True)
class CaseMessage:
    """A message of a case. ``id``: its id in the store. ``turn`` has the same id as text."""

    id: int
    node: MessageFacts
    turn: RuleInput
    received_at: datetime
    reading: Reading = UNREAD
    name: str = ""  # display name of the author
    people: tuple[tuple[str, str, Side], ...] = ()  # recipients as (case-folded address, name, side)
    by_number: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    """Numbered request (``asks.request_key``) → whether this mail answers it; empty if it answers no number."""


def in_order(lines: Iterable[CaseMessage]) -> list[CaseMessage]:
    """Return the messages sorted by time of writing (not of arrival), oldest first."""
    return sorted(lines, key=lambda line: order_of(line.node))
