"""The state of a case as values: requests, clocks, manual changes, and the case document of the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

from mailrules.judgement import Finding, ItemState, Judgement, Problem
from mailrules.thread import Side

Status = Literal["open", "resolved", "closed"]
AskState = Literal["open", "answered", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a vendor."""

    id: str
    by: str  # address of the person who asked
    of: Side
    what: str
    quote: str
    message: str
    asked_at: datetime
    state: AskState = "open"
    answered_at: datetime | None = None
    answered_by_message: str | None = None
    set_by: str | None = None  # who marked it as answered elsewhere (portal, phone) or as not needed
    answer: str | None = None  # the answer that this person entered


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds during which each side had to act, elapsed and in business time."""

    team: int = 0
    vendor: int = 0
    requester: int = 0
    business: Mapping[str, int] = field(default_factory=dict)
    first_response: int | None = None  # None until there is a response
    turns: int = 0


@dataclass(frozen=True, slots=True)
class Participant:
    address: str
    name: str
    role: Side


@dataclass(frozen=True, slots=True)
class Promised:
    """A promise with a due date; ``overdue`` only means that an update was expected by then."""

    by: Side
    due: datetime
    message: str
    quote: str
    kept: bool
    overdue: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that a person set; it is kept until a person removes it."""

    value: Any
    by: str
    at: datetime
    text: str = ""  # for a request: the answer in words


@dataclass(frozen=True, slots=True)
class Overrides:
    """All manual changes of a case."""

    fields: Mapping[str, Setting] = field(default_factory=dict)  # ``status``, ``priority``, … → its value
    items: Mapping[str, Setting] = field(default_factory=dict)  # item → ``waived``, or its value
    asks: Mapping[str, Setting] = field(default_factory=dict)
    """Request id → ``answered`` or ``withdrawn``; ``*`` means all requests open at that time."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Overrides:
        """Read ``cases.set_by_people``: field → {"value", "by", "at"}; ``items``, ``asks``: name → such a value."""
        fields = {name: value for name, value in document.items() if name not in ("items", "asks")}
        groups = (fields, document.get("items", {}), document.get("asks", {}))
        return cls(*({name: _setting(**written) for name, written in group.items()} for group in groups))

    def value(self, field: str, otherwise: Any) -> Any:
        """Return the value that a person set, or ``otherwise``."""
        return self.fields[field].value if field in self.fields else otherwise


def _setting(value: Any, by: str, at: str, text: str = "") -> Setting:
    return Setting(value, by, datetime.fromisoformat(at), text)


@dataclass(frozen=True, slots=True)
class CaseState:
    """The current state of a case. The API shows ``document``. The attributes are stored in columns for filters."""

    title: str
    status: Status
    waiting_on: Side | None
    waiting_since: datetime | None
    priority: str
    vendor: str | None
    vendor_refs: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    asks: tuple[Ask, ...]
    messages: int
    opened_at: datetime
    updated_at: datetime
    judgement: Judgement
    checklist: tuple[ItemState, ...]
    clocks: Clocks
    promises: tuple[Promised, ...]
    participants: tuple[Participant, ...]
    problem: Problem
    items_set_by: Mapping[str, str] = field(default_factory=dict)  # item → who answered or waived it
    set_by: Mapping[str, str] = field(default_factory=dict)  # field → who set it by hand
    notes: tuple[str, ...] = ()
    """Notes for the team.

    ``p1-without-contact``, ``p1-without-owner``, ``overdue-promise``; ``call``: many turns, suggest a phone call;
    ``reminded``: the requester was reminded; ``dmarc-failed``: a mail has a forged sender; ``sender-unverified``: a
    mail of our own people lacks verification; ``outsider``: somebody wrote who takes no part in the case.
    """
    not_counted: tuple[tuple[str, str], ...] = ()  # messages that do not count, with the reason (see ``Doubt``)
    owner: str | None = None  # the team member to whom the case is assigned

    @property
    def open_asks(self) -> int:
        return sum(ask.state == "open" for ask in self.asks)

    @property
    def needs_triage(self) -> bool:
        """Whether the case is open, its severity is unknown, and no person has set the priority."""
        return self.judgement.priority.needs_triage and self.status == "open" and "priority" not in self.set_by

    def _requester(self) -> dict[str, str] | None:
        """Return the requester: the first participant of our people, otherwise of the team, otherwise unknown."""
        for role in ("requester", "team", "unknown"):
            found = next((person for person in self.participants if person.role == role), None)
            if found is not None:
                return {"name": found.name, "address": found.address}
        return None

    def summary(self) -> dict[str, Any]:
        """Return the case summary of the API, without the key."""
        return {
            **shown(self, "title status waiting_on waiting_since priority"),
            **shown(self.judgement, "kind language"),
            "vendor": self.vendor,
            "vendor_refs": [{"vendor": vendor, "ref": ref} for vendor, ref in self.vendor_refs],
            "missing": list(self.missing),
            "needs_triage": self.needs_triage,
            "requester": self._requester(),
            "excerpt": self.judgement.excerpt,
            **shown(self, "open_asks messages opened_at updated_at owner"),
        }

    def document(self) -> dict[str, Any]:
        """Return the case of the API, without its key, merged and related cases."""
        judged = self.judgement
        lang = "ja" if judged.language == "ja" else "en"
        return self.summary() | {
            "priority_detail": self._priority_detail(),
            "recovered": judged.recovered,
            "checklist": [_checklist_line(line, lang, self.items_set_by.get(line.item)) for line in self.checklist],
            "questions": [item for item in judged.questions if item in self.missing],
            "asks": list(map(_record, self.asks)),
            "tone": [
                {"id": hint.id, **_cited(hint.finding), "advice": hint.advice.get(lang) or hint.advice.get("en") or ""}
                for hint in judged.tone
            ],
            "parked": [{"topic": f.value or f.rule, **_cited(f)} for f in judged.parked],
            "problem": {
                **shown(self.problem, "statement version drift"),
                "message": self.problem.turn,
                "agreed_at": stamp(self.problem.agreed_at),
            },
            "clocks": _record(self.clocks),
            "promises": list(map(_record, self.promises)),
            "participants": list(map(_record, self.participants)),
            "read_by": {"reader": judged.reader, "version": judged.reader_version, "pending": False},
            "judged_by": judged.judged_by,
            "set_by": dict(self.set_by),
            "notes": list(self.notes),
            "not_counted": [{"message": message, "why": why} for message, why in self.not_counted],
        }

    def _priority_detail(self) -> dict[str, Any]:
        detail = self.judgement.priority
        return {
            "level": self.priority,
            **shown(detail, "impact urgency"),
            "evidence": [{"rule": f.rule, **_cited(f)} for f in detail.evidence],
            "heard": [{"quote": f.quote, "message": f.turn} for f in detail.heard],
            "basis": detail.rule,
            "set_by": self.set_by.get("priority", "rules"),
            "by_rules": detail.level,
        }


def _checklist_line(line: ItemState, lang: str, set_by: str | None) -> dict[str, Any]:
    return {
        "item": line.item,
        "label": line.label.get(lang) or line.label.get("en") or line.item,
        **shown(line, "state value"),
        **_cited(line),
        **shown(line, "partial none"),
        "set_by": set_by,
        "others": [{"author": o.author, "message": o.turn, **shown(o, "value quote")} for o in line.others],
    }


def _cited(found: Finding | ItemState) -> dict[str, Any]:
    return {"message": found.turn, "quote": found.quote}


def _record(value: Ask | Clocks | Promised | Participant) -> dict[str, Any]:
    return shown(value, " ".join(field.name for field in fields(value)))


def shown(value: object, names: str) -> dict[str, Any]:
    """Return the attributes of an object for JSON, with times as text."""
    values = {name: getattr(value, name) for name in names.split()}
    return {name: stamp(one) if isinstance(one, datetime) else one for name, one in values.items()}


def stamp(moment: datetime | None) -> str | None:
    """Format a time as ISO 8601 in UTC, ending in ``Z``."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
