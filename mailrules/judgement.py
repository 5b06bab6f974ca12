"""Results of reading and judging. Each conclusion cites the rule, the mail and the quoted text it is based on.

A ``Reading`` is about one mail and depends on nothing else except the packs and the author's side, so it can be
stored with the mail. A ``Judgement`` is about the whole case and is computed again from all readings each time.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec

from mailrules.fields import Bilingual
from mailrules.statement import Statement

Kind = Literal["incident", "howto", "request", "billing", "security", "rca", "notice"]


class _Kept(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Base class of values that are stored as JSON with a mail. msgspec is used because it is fast.

    A new field needs a default, because values stored by earlier versions do not contain the field.
    """


class Finding(_Kept, frozen=True):
    """A rule that fired. ``start`` and ``end``: offsets in the text, or -1 for a subject, header or file name."""

    rule: str
    pack: str
    quote: str = ""
    start: int = -1
    end: int = -1
    value: str | None = None
    turn: str = ""  # id of the mail; only set in the findings of a case


class Reference(_Kept, frozen=True):
    """A vendor's case number. ``stated``: given as the mail's own case, for example in the subject."""

    vendor: str
    ref: str
    stated: bool
    quote: str
    token: bool = False
    """Whether it only links mails (``[ref:_00D…:ref]``). It is not shown, because people do not use such a number."""


class AskMade(_Kept, frozen=True):
    """One request in one mail: ``logs``, ``info:<item>``, ``permission``, …, or ``something``."""

    what: str
    finding: Finding


class Promise(_Kept, frozen=True):
    """A promise and its due time. The time is None if the quoted text states none."""

    due: datetime | None
    finding: Finding


class Reading(_Kept, frozen=True):
    """The result for one mail: statements, vendor, case numbers, and conclusions for placement."""

    statements: tuple[Statement, ...] = ()
    reader: str = ""  # name of the reader that found the statements; ``version``: the version of this reader
    version: str = ""
    references: tuple[Reference, ...] = ()
    vendor: str | None = None
    maker: str | None = None  # vendor of the product that a user mentions, if the mail mentions no vendor itself
    kind: str | None = None
    acts: tuple[str, ...] = ()
    asks: tuple[AskMade, ...] = ()
    tone: tuple[Finding, ...] = ()
    parked: tuple[Finding, ...] = ()
    promises: tuple[Promise, ...] = ()
    findings: tuple[Finding, ...] = ()  # every rule that fired for this mail
    continues: float = 0.0
    """Between -2 and 2: positive if the mail probably continues a matter, negative if it probably begins one."""
    departs: bool = False
    """Whether a reply begins another matter than the mail that it answers, or a first mail announces another matter."""
    solves: bool = False  # whether a mail that ``departs`` says that the earlier matter is solved
    next_scores: tuple[float, ...] = ()  # who has to act after this mail by its words alone; see `ReaderResult`
    report: str = ""  # what it reports, if it only reports; see `ReaderResult`
    vendor_author: bool = False  # whether the first mail of an unknown sender is a vendor's by its words

    def says(self, *meanings: str, states: tuple[str, ...] = ("value", "partial")) -> bool:
        """Whether the mail has a statement with one of these meanings and states.

        ``item.`` means all meanings that begin with it.
        """
        beginnings = tuple(one for one in meanings if one.endswith("."))
        return any(
            s.state in states and (s.meaning in meanings or s.meaning.startswith(beginnings)) for s in self.statements
        )


UNREAD: Final = Reading()
"""Stands for the reading of a mail that is not read yet."""


@dataclass(frozen=True, slots=True)
class PriorityDetail:
    level: str
    impact: str  # ``high``, ``medium``, ``low``, or ``unknown`` if no mail states an impact
    urgency: str
    evidence: tuple[Finding, ...]
    heard: tuple[Finding, ...]
    rule: str = ""  # id of the rule that decided
    needs_triage: bool = False
    """Whether a person must check the priority: an incident without a stated impact, or an undecidable one."""


@dataclass(frozen=True, slots=True)
class OtherValue:
    """A value of a checklist item that somebody other than the first reporter stated."""

    author: str
    turn: str
    value: str
    quote: str


@dataclass(frozen=True, slots=True)
class ItemState:
    """One checklist item. ``state``: present, missing, unknown or not_needed; only a person sets ``waived``."""

    item: str
    label: Bilingual
    state: str
    value: str | None = None
    turn: str | None = None
    quote: str | None = None
    partial: bool = False  # given, but not exactly enough for a vendor (a day without a time)
    none: bool = False  # the mail says that there is none
    others: tuple[OtherValue, ...] = ()


@dataclass(frozen=True, slots=True)
class ToneHint:
    id: str
    finding: Finding
    advice: Bilingual  # with a suggested wording


@dataclass(frozen=True, slots=True)
class Problem:
    """The current problem statement."""

    statement: str = ""
    version: int = 0  # number of problem statements so far
    drift: bool = False  # whether one of them is about something that no earlier text mentions
    turn: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judgement of a whole case. ``cases.revise`` derives the open requests and the turn from the readings."""

    kind: str
    language: str
    priority: PriorityDetail
    checklist: tuple[ItemState, ...]
    missing: tuple[str, ...]
    questions: tuple[str, ...]  # at most five items of ``missing`` to ask for now, most important first
    readings: tuple[Reading, ...]  # the reading of each mail, with the conclusions of the current rules
    excerpt: str  # the sentence that describes the problem, verbatim
    tone: tuple[ToneHint, ...]
    parked: tuple[Finding, ...]
    problem: Problem
    vendor: str | None
    references: tuple[Reference, ...]
    judged_by: str  # version of the rules
    recovered: bool = False
    """Whether the problem is over: a later statement of our side says that it works again, none that it continues."""
    reader: str = ""  # reader of the first mail written by a person; ``reader_version`` is its version
    reader_version: str = ""
