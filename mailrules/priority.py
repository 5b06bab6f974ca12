"""How urgent it really is: impact by urgency, with the sentences both rest on (DOMAIN 2.3).

What counts are facts in new text of our own side. Words of urgency are heard and shown, and change nothing; reminders
and rank change nothing either. Recovery lowers, a reopening starts afresh.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import date

from mailrules.dates import next_business_end
from mailrules.judgement import Finding, PriorityDetail, Reading, Weight
from mailrules.thread import Thread, Turn

_MATRIX = {
    ("high", "high"): "P1",
    ("high", "medium"): "P2",
    ("high", "low"): "P3",
    ("medium", "high"): "P2",
    ("medium", "medium"): "P3",
    ("medium", "low"): "P4",
    ("low", "high"): "P3",
    ("low", "medium"): "P4",
    ("low", "low"): "P4",
    ("unknown", "high"): "P3",
    ("unknown", "medium"): "P3",
    ("unknown", "low"): "P4",
}
_ORDER = {"low": 0, "medium": 1, "high": 2}
_DESKS = ("howto", "request", "billing")


@dataclass(slots=True)
class _Facts:
    """What stands after the last mail."""

    impacts: list[Weight] = field(default_factory=list)
    security: list[Finding] = field(default_factory=list)
    workaround: tuple[str, Finding] | None = None
    strained: Finding | None = None
    """A business process of several stands still, or people get by, but not well: customers leave, the rest does not
    keep up (2.1: with another way it is P3, not P4)."""
    calm: Finding | None = None
    growing: Finding | None = None
    recovered: Finding | None = None
    confirmed: bool = False
    """We said that it works again: what is left of it can wait (2.1, P4)."""
    ongoing: Finding | None = None
    deadline: Finding | None = None
    heard: list[Finding] = field(default_factory=list)


def prioritise(
    thread: Thread, readings: Sequence[Reading], kind: str, holidays: Container[date] = frozenset()
) -> PriorityDetail:
    """The priority of the case as its mails stand."""
    facts = _Facts()
    for turn, reading in zip(thread, readings, strict=True):
        if turn.automatic is None:
            _take(facts, turn, reading, holidays)
    impact, impact_by = _impact(facts)
    urgency, urgency_by = _urgency(facts)
    evidence = tuple(dict.fromkeys([*impact_by, *urgency_by]))
    heard = tuple(facts.heard)
    if kind == "notice":
        return PriorityDetail("P4", impact, urgency, evidence, heard, "notice")
    if kind in _DESKS:
        if facts.deadline is not None:
            return PriorityDetail("P3", "low", "high", (facts.deadline,), heard, "deadline")
        return PriorityDetail("P4", "low", "low", (), heard, kind)
    if kind == "security" or facts.security:
        return _secure(facts, impact, urgency, evidence, heard)
    if kind == "rca":
        return PriorityDetail("P3", impact, "low", evidence, heard, "rca")
    if facts.recovered is not None and facts.confirmed:
        return PriorityDetail("P4", impact, "low", evidence, heard, "recovered")
    basis = "matrix" if impact != "unknown" else "default"
    return PriorityDetail(_MATRIX[impact, urgency], impact, urgency, evidence, heard, basis)


def _take(facts: _Facts, turn: Turn, reading: Reading, holidays: Container[date]) -> None:
    ours = turn.side != "vendor"
    if "reopen" in reading.acts and ours:
        facts.recovered = facts.calm = facts.workaround = facts.strained = None
        facts.confirmed = False
        if any(weight.axis == "impact" for weight in reading.weights):
            facts.impacts.clear()
    low = [w.finding for w in reading.weights if w.axis == "urgency" and w.level == "low"]
    high = [w.finding for w in reading.weights if w.axis == "urgency" and w.level == "high"]
    for item in reading.items:
        if item.item == "workaround" and item.state in ("value", "none"):
            facts.workaround = item.state, item.finding
    if not ours:
        return  # a vendor's word of recovery lowers nothing before we agree to it (2.3, point 8)
    if "recovered" in reading.flags or "confirm_resolved" in reading.acts:
        facts.recovered = low[0] if low else _of_act(reading, "confirm_resolved")
        facts.confirmed = "confirm_resolved" in reading.acts
    elif "ongoing" in reading.flags:
        facts.recovered, facts.confirmed = None, False
    facts.heard += reading.heard
    facts.impacts += [w for w in reading.weights if w.axis == "impact"]
    facts.security += [w.finding for w in reading.weights if w.axis == "security"]
    if "ongoing" in reading.flags:
        facts.ongoing = _flagged(reading)
    if low and "recovered" not in reading.flags:
        facts.calm = low[0]
    facts.strained = next(
        (w.finding for w in reading.weights if w.axis == "urgency" and w.level == "medium"), facts.strained
    )
    if high:
        facts.growing = high[0]
    _deadline(facts, turn, reading, holidays)


def _deadline(facts: _Facts, turn: Turn, reading: Reading, holidays: Container[date]) -> None:
    consequence = any(weight.axis == "consequence" for weight in reading.weights)
    if not consequence or turn.date is None:
        return
    limit = next_business_end(turn.date, holidays)
    for wanted in reading.deadlines:
        if wanted.due is not None and wanted.due <= limit:
            facts.deadline = wanted.finding


def _of_act(reading: Reading, act: str) -> Finding | None:
    """The words of an act: its rule is named after it; else the first that a rule found in the text."""
    named = (f for f in reading.findings if f.rule.rpartition(".")[2] == act)
    said = (f for f in reading.findings if f.start >= 0)
    return next(named, None) or next(said, None) or next(iter(reading.findings), None)


def _flagged(reading: Reading) -> Finding | None:
    return next((item.finding for item in reading.items if item.item == "ongoing_state"), None) or _of_act(
        reading, "ongoing"
    )


def _impact(facts: _Facts) -> tuple[str, list[Finding]]:
    """The highest level that stands. Who says in the text that he is the only one means it, whatever the subject says:
    that may be the words of somebody whose mail he hands on."""
    if not facts.impacts:
        return "unknown", []
    caps = [weight for weight in facts.impacts if weight.cap]
    if caps:
        level = min(caps, key=lambda w: _ORDER[w.level]).level
        return level, [weight.finding for weight in caps]
    single = [weight for weight in facts.impacts if weight.single]
    alone = {weight.finding.turn for weight in single}
    alone_in_text = {weight.finding.turn for weight in single if weight.finding.start >= 0}
    rest = [
        weight
        for weight in facts.impacts
        if not weight.single
        and not (weight.level == "medium" and weight.finding.turn in alone)
        and not (weight.finding.start < 0 and weight.finding.turn in alone_in_text)
    ]
    counted = rest or single
    level = max(counted, key=lambda w: _ORDER[w.level]).level
    return level, [weight.finding for weight in counted if weight.level == level]


def _urgency(facts: _Facts) -> tuple[str, list[Finding]]:
    if facts.recovered is not None:
        return "low", [facts.recovered]
    if facts.growing is not None:
        return "high", [facts.growing]
    if facts.workaround is not None and facts.workaround[0] == "value":
        if facts.strained is not None:
            return "medium", [facts.workaround[1], facts.strained]
        return "low", [facts.workaround[1]]
    if facts.deadline is not None:
        return "high", [facts.deadline]
    if facts.workaround is not None:
        return "high", [facts.workaround[1]]
    if facts.calm is not None:
        return "low", [facts.calm]
    return "medium", []


def _secure(
    facts: _Facts, impact: str, urgency: str, evidence: tuple[Finding, ...], heard: tuple[Finding, ...]
) -> PriorityDetail:
    """Floor of P2; P1 while it goes on."""
    found = tuple(dict.fromkeys([*facts.security, *evidence]))
    going_on = facts.ongoing or facts.growing
    if going_on is not None and facts.recovered is None:
        return PriorityDetail("P1", impact, "high", (*found, going_on), heard, "security")
    level = _MATRIX[impact, urgency]
    return PriorityDetail(min(level, "P2"), impact, urgency, found, heard, "security")
