"""Requests and manual changes of a case; and the form of judgements in the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from mailrules.judgement import Finding, ItemState, Judgement
from mailrules.thread import Side

Status = Literal["open", "resolved", "closed"]
Level = Literal["P1", "P2", "P3", "P4"]
SideToAct = Literal["team", "vendor", "requester", "none"]  # ``none``: nobody has to act
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
        """Read ``cases.set_by_people``: field → setting. ``items`` and ``asks`` have a setting for each name."""
        groups = {name: document[name] for name in ("items", "asks") if name in document}
        fields = {name: setting for name, setting in document.items() if name not in groups}
        return msgspec.convert({"fields": fields, **groups}, cls)

    def value(self, field: str, otherwise: Any) -> Any:
        """Return the value that a person set, or ``otherwise``."""
        return self.fields[field].value if field in self.fields else otherwise


def summary_of(judgement: Judgement) -> dict[str, Any]:
    """Return the fields of a case document that come only from the judgement."""
    return {
        **attributes(judgement, "kind language excerpt recovered judged_by"),
        "tone": [
            {"id": hint.id, **_cited(hint.finding), "advice": hint.advice.in_language(judgement.language)}
            for hint in judgement.tone
        ],
        "parked": [{"topic": f.value or f.rule, **_cited(f)} for f in judgement.parked],
        "read_by": {"reader": judgement.reader, "version": judgement.reader_version, "pending": False},
    }


def priority_detail(judgement: Judgement, level: str, set_by: str) -> dict[str, Any]:
    """Return the priority of a case with its evidence."""
    detail = judgement.priority
    return {
        "level": level,
        **attributes(detail, "impact urgency"),
        "evidence": [{"rule": f.rule, **_cited(f)} for f in detail.evidence],
        "heard": [{"quote": f.quote, "message": f.turn} for f in detail.heard],
        "basis": detail.rule,
        "set_by": set_by,
        "by_rules": detail.level,
    }


def checklist_line(line: ItemState, judgement: Judgement, set_by: str | None) -> dict[str, Any]:
    """Return a line of the checklist. ``set_by``: the person who answered or waived the item."""
    return {
        "item": line.item,
        "label": line.label.in_language(judgement.language),
        **attributes(line, "state value"),
        **_cited(line),
        **attributes(line, "partial none"),
        "set_by": set_by,
        "others": [{"author": o.author, "message": o.turn, **attributes(o, "value quote")} for o in line.others],
    }


def _cited(found: Finding | ItemState) -> dict[str, Any]:
    return {"message": found.turn, "quote": found.quote}


def attributes(value: object, names: str) -> dict[str, Any]:
    """Return some attributes of an object for JSON, with times as text. ``names``: separated by spaces."""
    values = {name: getattr(value, name) for name in names.split()}
    return {name: stamp(one) if isinstance(one, datetime) else one for name, one in values.items()}


def stamp(moment: datetime | None) -> str | None:
    """Format a time as ISO 8601 in UTC, ending in ``Z``."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
