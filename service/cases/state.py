"""The state of a case as values: the ask ledger, the clocks, manual changes, and the document of the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from mailrules.judgement import Finding, ItemState, Judgement, Problem
from mailrules.thread import Side

Status = Literal["open", "resolved", "closed"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing a vendor asked of us."""

    id: str
    by: str
    """Address of who asked."""
    of: Side
    what: str
    quote: str
    message: str
    asked_at: datetime
    state: Literal["open", "answered", "withdrawn"] = "open"
    answered_at: datetime | None = None
    answered_by_message: str | None = None
    set_by: str | None = None
    """Who said by hand that it was answered (by a portal, by phone) or is not needed."""

    def document(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "by": self.by,
            "of": self.of,
            "what": self.what,
            "quote": self.quote,
            "message": self.message,
            "asked_at": stamp(self.asked_at),
            "state": self.state,
            "answered_at": stamp(self.answered_at),
            "answered_by_message": self.answered_by_message,
            "set_by": self.set_by,
        }


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds each side held the case, elapsed and in business time; ``first_response`` is None until there is one."""

    team: int = 0
    vendor: int = 0
    requester: int = 0
    business: Mapping[str, int] = field(default_factory=dict)
    first_response: int | None = None
    turns: int = 0

    def document(self) -> dict[str, Any]:
        return {
            "team": self.team,
            "vendor": self.vendor,
            "requester": self.requester,
            "business": dict(self.business),
            "first_response": self.first_response,
            "turns": self.turns,
        }


@dataclass(frozen=True, slots=True)
class Participant:
    address: str
    name: str
    role: Side


@dataclass(frozen=True, slots=True)
class Promised:
    """A date that a side promised something for; ``overdue`` is said neutrally: an update was expected then."""

    by: Side
    due: datetime
    message: str
    quote: str
    kept: bool
    overdue: bool

    def document(self) -> dict[str, Any]:
        return {
            "by": self.by,
            "due": stamp(self.due),
            "message": self.message,
            "quote": self.quote,
            "kept": self.kept,
            "overdue": self.overdue,
        }


@dataclass(frozen=True, slots=True)
class Frame:
    """What the case is called, and which other cases it knows."""

    key: str
    merged: tuple[str, ...] = ()
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """What a person set, when; it stays until a person takes it back."""

    value: Any
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Overrides:
    """Everything people set in a case."""

    status: Setting | None = None
    priority: Setting | None = None
    title: Setting | None = None
    vendor: Setting | None = None
    waiting_on: Setting | None = None
    owner: Setting | None = None
    items: Mapping[str, Setting] = field(default_factory=dict)
    """Item → ``waived``, or the value that answers it."""
    asks: Mapping[str, Setting] = field(default_factory=dict)
    """Ask → ``answered`` or ``withdrawn``; ``*`` stands for all that were open at that time."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any] | None) -> Overrides:
        """From ``cases.set_by_people``: field → {"value", "by", "at"}; ``items``: item → the same."""
        document = document or {}
        one = {name: _setting(document[name]) for name in _FIELDS if name in document}
        items, asks = (
            {str(name): _setting(value) for name, value in (document.get(group) or {}).items()}
            for group in ("items", "asks")
        )
        return cls(**one, items=items, asks=asks)


_FIELDS = ("status", "priority", "title", "vendor", "waiting_on", "owner")


def _setting(written: Any) -> Setting:
    if not isinstance(written, Mapping):
        return Setting(written)
    value = written.get("value", written.get("state"))
    if written.get("state") == "waived":
        value = "waived"
    at = written.get("at")
    return Setting(value, str(written.get("by") or ""), datetime.fromisoformat(at) if isinstance(at, str) else at)


@dataclass(frozen=True, slots=True)
class CaseState:
    """A case as it stands. ``document`` is what the API shows; the attributes fill the columns that are filtered by."""

    key: str
    title: str
    status: Status
    waiting_on: Side | None
    waiting_since: datetime | None
    priority: str
    kind: str
    language: str
    vendor: str | None
    vendor_refs: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    asks: tuple[Ask, ...]
    messages: int
    opened_at: datetime
    updated_at: datetime
    judgement: Judgement
    checklist: tuple[ItemState, ...]
    priority_set_by: str
    clocks: Clocks
    promises: tuple[Promised, ...]
    participants: tuple[Participant, ...]
    problem: Problem
    parked: tuple[Finding, ...]
    frame: Frame
    set_by: Mapping[str, str] = field(default_factory=dict)
    """Field → who set it by hand."""
    notes: tuple[str, ...] = ()
    """What a colleague would point out: ``p1-without-contact``, ``p1-without-owner``, ``overdue-promise``, ``call``,
    ``dmarc-failed``: a mail in it was sent under another's name; ``sender-unverified``: one of our own people's whose
    sender nobody vouches for; ``outsider``: somebody wrote into it who takes no part."""
    not_counted: tuple[tuple[str, str], ...] = ()
    """Messages that move nothing, each with the reason (``forged``, ``unverified``, ``outsider``)."""
    owner: str | None = None
    """The person of the team it is assigned to."""

    @property
    def open_asks(self) -> int:
        return sum(ask.state == "open" for ask in self.asks)

    @property
    def needs_triage(self) -> bool:
        """Nobody has said how bad it is, the case is open, and no person has set the priority."""
        return self.judgement.priority.needs_triage and self.status == "open" and self.priority_set_by == "rules"

    def _requester(self) -> dict[str, str] | None:
        """Who asks: the first of our people who takes part, else the team's first."""
        for role in ("requester", "team", "unknown"):
            found = next((person for person in self.participants if person.role == role), None)
            if found is not None:
                return {"name": found.name, "address": found.address}
        return None

    def summary(self) -> dict[str, Any]:
        """The case summary of the API."""
        return {
            "key": self.key,
            "title": self.title,
            "status": self.status,
            "waiting_on": self.waiting_on,
            "waiting_since": stamp(self.waiting_since),
            "priority": self.priority,
            "kind": self.kind,
            "language": self.language,
            "vendor": self.vendor,
            "vendor_refs": [{"vendor": vendor, "ref": ref} for vendor, ref in self.vendor_refs],
            "missing": list(self.missing),
            "needs_triage": self.needs_triage,
            "requester": self._requester(),
            "excerpt": self.judgement.excerpt,
            "open_asks": self.open_asks,
            "messages": self.messages,
            "opened_at": stamp(self.opened_at),
            "updated_at": stamp(self.updated_at),
            "owner": self.owner,
        }

    def document(self) -> dict[str, Any]:
        """The case of the API: the summary (``open_asks`` a count) and everything else."""
        lang = "ja" if self.language == "ja" else "en"
        detail = self.judgement.priority
        return self.summary() | {
            "priority_detail": {
                "level": self.priority,
                "impact": detail.impact,
                "urgency": detail.urgency,
                "evidence": [{"rule": f.rule, "message": f.turn, "quote": f.quote} for f in detail.evidence],
                "heard": [{"quote": f.quote, "message": f.turn} for f in detail.heard],
                "basis": detail.rule,
                "set_by": self.priority_set_by,
                "by_rules": detail.level,
            },
            "recovered": self.judgement.recovered,
            "checklist": [
                {
                    "item": line.item,
                    "label": line.label.get(lang) or line.label.get("en") or line.item,
                    "state": line.state,
                    "value": line.value,
                    "message": line.turn,
                    "quote": line.quote,
                    "partial": line.partial,
                    "none": line.none,
                    "others": [
                        {"author": one.author, "message": one.turn, "value": one.value, "quote": one.quote}
                        for one in line.others
                    ],
                }
                for line in self.checklist
            ],
            "questions": [item for item in self.judgement.questions if item in self.missing],
            "asks": [ask.document() for ask in self.asks],
            "tone": [
                {
                    "id": hint.id,
                    "message": hint.finding.turn,
                    "quote": hint.finding.quote,
                    "advice": hint.advice.get(lang) or hint.advice.get("en") or "",
                }
                for hint in self.judgement.tone
            ],
            "parked": [{"topic": f.value or f.rule, "message": f.turn, "quote": f.quote} for f in self.parked],
            "problem": {
                "statement": self.problem.statement,
                "version": self.problem.version,
                "drift": self.problem.drift,
                "message": self.problem.turn,
                "agreed_at": stamp(self.problem.agreed_at),
            },
            "clocks": self.clocks.document(),
            "promises": [promise.document() for promise in self.promises],
            "participants": [{"address": p.address, "name": p.name, "role": p.role} for p in self.participants],
            "merged": list(self.frame.merged),
            "related": list(self.frame.related),
            "read_by": {
                "reader": self.judgement.reader,
                "version": self.judgement.reader_version,
                "pending": False,
            },
            "judged_by": self.judgement.judged_by,
            "set_by": dict(self.set_by),
            "notes": list(self.notes),
            "not_counted": [{"message": message, "why": why} for message, why in self.not_counted],
        }


def stamp(moment: datetime | None) -> str | None:
    """ISO 8601, UTC, ``Z``."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
