"""What a judge says of a thread. Every statement carries the rule, the mail and the words it rests on.

``Reading`` is about one mail alone and never changes for it (unless packs or the author's side change), so it may be
kept with the mail. ``Judgement`` is about the whole case and is made anew from all readings each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from mailrules.statement import Statement
from mailrules.thread import Side


class _Kept(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What is kept with a mail, as JSON. It is made and read back a hundred times a mail: by a library in C.

    A field that is added gets a default, lest what was kept before cannot be read."""


class Finding(_Kept, frozen=True):
    """A rule that fired. ``start``/``end`` count characters of the turn's text (-1 where the words stand elsewhere:
    in the subject, a header, a file name)."""

    rule: str
    pack: str
    turn: str = ""
    """Empty while it is kept with its mail: the number of a mail is known only when it is read back."""
    quote: str = ""
    start: int = -1
    end: int = -1
    value: str | None = None


class Reference(_Kept, frozen=True):
    """A vendor's case number. ``stated``: at a place where a vendor states it (header, subject, token line);
    otherwise merely mentioned in a body, which is weaker."""

    vendor: str
    ref: str
    stated: bool
    quote: str
    token: bool = False
    """Ties mails together, but is no number that people use (``[ref:_00D…:ref]``): not shown as the case's number."""


class AskMade(_Kept, frozen=True):
    """One thing one mail asks for: ``logs``, ``info:<item>``, ``permission``, …, or ``something``."""

    what: str
    finding: Finding


class Promise(_Kept, frozen=True):
    """A time a writer promised something for; None where its words name none that can be read."""

    due: datetime | None
    finding: Finding


class Reading(_Kept, frozen=True):
    """One mail alone: its statements, its vendor and case numbers, and what the rules conclude from them.

    The conclusions follow from the rest; they are kept with it because placing a mail needs them.
    """

    turn: str = ""
    statements: tuple[Statement, ...] = ()
    reader: str = ""
    """The reader whose statements they are, and its version."""
    version: str = ""
    references: tuple[Reference, ...] = ()
    vendor: str | None = None
    maker: str | None = None
    """Of the product that a user names, where the mail speaks of no vendor."""
    kind: str | None = None
    acts: tuple[str, ...] = ()
    asks: tuple[AskMade, ...] = ()
    tone: tuple[Finding, ...] = ()
    parked: tuple[Finding, ...] = ()
    promises: tuple[Promise, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Every rule that fired in this mail alone."""

    def says(self, *meanings: str, states: tuple[str, ...] = ("value", "partial")) -> bool:
        """Whether a statement of one of the meanings (``item.`` for all that begin so) stands in it."""
        beginnings = tuple(one for one in meanings if one.endswith("."))
        return any(
            s.state in states and (s.meaning in meanings or s.meaning.startswith(beginnings)) for s in self.statements
        )


@dataclass(frozen=True, slots=True)
class PriorityDetail:
    level: str
    impact: str
    """``high``, ``medium``, ``low``, or ``unknown`` where nothing was said."""
    urgency: str
    evidence: tuple[Finding, ...]
    heard: tuple[Finding, ...]
    rule: str = ""
    """The rule that decided."""
    needs_triage: bool = False
    """An incident whose impact nobody has told, or whose weight could not be judged."""


@dataclass(frozen=True, slots=True)
class OtherValue:
    """What a second reporter says of an item."""

    author: str
    turn: str
    value: str
    quote: str


@dataclass(frozen=True, slots=True)
class ItemState:
    """One line of the checklist. ``state``: present, missing, unknown, not_needed (``waived`` is a person's word)."""

    item: str
    label: dict[str, str]
    """By language: ``ja``, ``en``."""
    state: str
    value: str | None = None
    turn: str | None = None
    quote: str | None = None
    partial: bool = False
    """Told, but not exactly enough for a vendor (a day without a time)."""
    none: bool = False
    """Told that there is none."""
    others: tuple[OtherValue, ...] = ()


@dataclass(frozen=True, slots=True)
class ToneHint:
    id: str
    finding: Finding
    advice: dict[str, str]
    """The kind rewrite, by language."""


@dataclass(frozen=True, slots=True)
class Problem:
    """The problem as currently agreed. ``version`` counts its statements, ``drift`` says that they moved apart."""

    statement: str = ""
    version: int = 0
    drift: bool = False
    turn: str | None = None
    agreed_at: datetime | None = None
    """When our side said yes to it; the ledger of asks tells."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The whole case, judged. Asks and acts stay per mail: ``cases.revise`` makes the ledger and the turn of them."""

    kind: str
    language: str
    side: Side
    """Whose checklist counts: ``requester`` (towards us) or ``team`` (towards a vendor)."""
    priority: PriorityDetail
    checklist: tuple[ItemState, ...]
    missing: tuple[str, ...]
    present: tuple[str, ...]
    unknown: tuple[str, ...]
    questions: tuple[str, ...]
    """At most five items of ``missing`` worth asking for now, most needed first."""
    readings: tuple[Reading, ...]
    """Of each mail, with its conclusions as these rules draw them."""
    excerpt: str
    """The sentence that tells the matter, verbatim."""
    tone: tuple[ToneHint, ...]
    parked: tuple[Finding, ...]
    problem: Problem
    vendor: str | None
    references: tuple[Reference, ...]
    judged_by: str
    """Rules and their version."""
    recovered: bool = False
    """It is over: somebody of ours says that it works again, and nobody that it goes on."""
    reader: str = ""
    """Who read the mails of the case, and its version."""
    reader_version: str = ""
