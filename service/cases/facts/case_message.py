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

    @property
    def read_as_vendor(self) -> bool:
        """Whether only the words of this mail of an unknown author say that the author is a vendor."""
        return self.node.side == "unknown" and self.turn.side == "vendor"

    @property
    def author_side(self) -> Side:
        """The side of the author; the words of the mail do not count."""
        return "unknown" if self.read_as_vendor else self.turn.side


def in_order(lines: Iterable[CaseMessage]) -> list[CaseMessage]:
    """Return the messages sorted by time of writing (not of arrival), oldest first."""
    return sorted(lines, key=lambda line: order_of(line.node))
