"""What a judge says of a thread. Every statement carries the rule, the mail and the words it rests on.

``Reading`` is about one mail alone and never changes for it (unless packs or the author's side change), so it may be
kept with the mail. ``Judgement`` is about the whole case and is made anew from all readings each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

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


class ItemValue(_Kept, frozen=True):
    """What one mail says about one checklist item (DOMAIN 1.4). ``state``: ``value`` and ``none`` count as present;
    ``unknown`` and ``not_applicable`` as known to be unknown; ``pending``, ``placeholder``, ``empty`` as missing."""

    item: str
    state: str
    value: str
    finding: Finding
    partial: bool = False
    """E.g. a date without a time: asked for once."""


class AskMade(_Kept, frozen=True):
    """One thing one mail asks for: ``logs``, ``info:<item>``, ``permission``, …"""

    what: str
    finding: Finding


class Promise(_Kept, frozen=True):
    """A date a writer promised something for."""

    due: datetime | None
    finding: Finding


class Weight(_Kept, frozen=True):
    """Something that speaks for a priority. ``axis``: ``impact``, ``urgency``, ``security``, ``consequence``."""

    axis: str
    level: str
    finding: Finding
    cap: bool = False
    """The impact is not above this level, whatever else is said."""
    single: bool = False
    """The reporter alone is affected."""


class Reading(_Kept, frozen=True):
    """One mail, judged alone."""

    turn: str = ""
    kind: str | None = None
    acts: tuple[str, ...] = ()
    asks: tuple[AskMade, ...] = ()
    items: tuple[ItemValue, ...] = ()
    references: tuple[Reference, ...] = ()
    vendor: str | None = None
    tone: tuple[Finding, ...] = ()
    parked: tuple[Finding, ...] = ()
    promises: tuple[Promise, ...] = ()
    heard: tuple[Finding, ...] = ()
    """Words of urgency that do not count (緊急, URGENT, Importance: high)."""
    findings: tuple[Finding, ...] = ()
    """All of the above and the signals behind them, in the order of the text."""
    weights: tuple[Weight, ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()
    """Each kind that something speaks for, with its weight."""
    deadlines: tuple[Promise, ...] = ()
    """Dates by which the writer needs something."""
    problems: tuple[Finding, ...] = ()
    """Sentences that state the problem."""
    flags: tuple[str, ...] = ()
    """Plain facts: ``installed``, ``ongoing``, ``recovered``, ``growing``."""
    topic: str = ""
    """What the mail is about, in its own words: the subject, or its first telling sentence."""
    maker: str | None = None
    """Of the product that a user names, where the mail speaks of no vendor."""


@dataclass(frozen=True, slots=True)
class PriorityDetail:
    level: str
    impact: str
    """``high``, ``medium``, ``low``, or ``unknown`` where nothing was said."""
    urgency: str
    evidence: tuple[Finding, ...]
    heard: tuple[Finding, ...]
    basis: str = ""
    """Why this level, in the words of the algorithm (e.g. ``matrix``, ``default``, ``request``, ``security``)."""


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
    """The whole case, judged. Asks and acts stay per mail: ``case.revise`` makes the ledger and the turn of them."""

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
    tone: tuple[ToneHint, ...]
    parked: tuple[Finding, ...]
    problem: Problem
    vendor: str | None
    references: tuple[Reference, ...]
    judged_by: str
    """Packs and their version."""
