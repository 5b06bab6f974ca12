"""One mail read by all rules: which decisions hold, and what follows from each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailrules.dates import read_limit
from mailrules.decisions import Compiled, Decider
from mailrules.fold import fold
from mailrules.hits import Hits
from mailrules.hits import words as words_of
from mailrules.judgement import AskMade, Finding, ItemValue, Promise, Reading, Weight
from mailrules.pack import Outcome
from mailrules.patterns import compile_pattern
from mailrules.sheet import Sheet
from mailrules.signals import Spotter
from mailrules.thread import Turn
from mailrules.units import lay_out
from mailrules.vendors import Vendors

_RANK = {"value": 6, "none": 6, "unknown": 4, "not_applicable": 4, "pending": 3, "placeholder": 1, "empty": 1}
_PARTIAL = 2
_QUOTE = 300
"""Characters of a quote that are kept."""
_NAME = 40
"""Characters that a product's name may have."""
_TOLD = 4
"""A rule that only fills an item or weighs something is told so often; more of the same changes nothing."""
_STATES = ("placeholder", "not_applicable", "unknown", "pending", "none")


class States:
    """The state of a form line's value (DOMAIN 1.4)."""

    def __init__(self, patterns: Mapping[str, Sequence[str]]) -> None:
        self._patterns = [
            (state, compile_pattern(rf"^(?:{pattern})$")) for state in _STATES for pattern in patterns.get(state, ())
        ]
        self._seen: dict[str, str] = {}

    def of(self, value: str) -> str:
        text = value.strip()
        if not text:
            return "empty"
        state = self._seen.get(text)
        if state is None:
            state = next((state for state, pattern in self._patterns if pattern.search(text)), "value")
            if len(self._seen) > 5000:
                self._seen.clear()
            self._seen[text] = state
        return state


@dataclass(slots=True)
class Looked:
    """What was seen in a mail, before anything is concluded."""

    sheet: Sheet
    hits: Hits
    facts: dict[str, Any]
    quotes: dict[int, tuple[str, int, int]] = field(default_factory=dict)

    def quote(self, number: int, text: str) -> tuple[str, int, int]:
        """A unit as the mail has it, and its place there."""
        known = self.quotes.get(number)
        if known is None:
            unit = self.sheet.units[number]
            start, end = self.sheet.span(unit.start, unit.end)
            quote = text[start:end] if start >= 0 else self.sheet.text[unit.start : unit.end]
            known = self.quotes[number] = (" ".join(quote.split())[:_QUOTE], start, end)
        return known


@dataclass(slots=True)
class _Collected:
    findings: list[Finding] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    counted: set[str] = field(default_factory=set)
    acts: list[str] = field(default_factory=list)
    asks: dict[str, AskMade] = field(default_factory=dict)
    items: dict[str, ItemValue] = field(default_factory=dict)
    weights: list[Weight] = field(default_factory=list)
    tone: list[Finding] = field(default_factory=list)
    parked: list[Finding] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    deadlines: list[Promise] = field(default_factory=list)
    heard: list[Finding] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    told: dict[str, int] = field(default_factory=dict)
    """How often each rule was told."""
    unknown_at: set[tuple[str, int]] = field(default_factory=set)
    """Items said to be unknown, with the place: the same sentence then does not tell their value."""


class Reader:
    """Reads one mail with all rules."""

    def __init__(self, spotter: Spotter, decider: Decider, states: States, vendors: Vendors) -> None:
        self.spotter, self.decider, self.states, self.vendors = spotter, decider, states, vendors
        self._about = {n: s.about for n, s in enumerate(spotter.signals) if s.about}
        self._about_mask = sum(1 << n for n in self._about)

    def look(self, turn: Turn) -> Looked:
        """Lay the mail out and note every signal."""
        sheet = lay_out(turn.text, turn.subject, turn.subject_is_new, self.spotter.knows_label, self.states.of)
        hits = self.spotter.spot(sheet, turn)
        facts: dict[str, Any] = {
            "side": turn.side,
            "ours": turn.side != "vendor",
            "automatic": turn.automatic is not None,
            "machine": turn.automatic or "",
            "language": turn.language,
            "reply": not (turn.subject_is_new or turn.begins),
            "to_vendor": "vendor" in turn.towards,
            "to_team": "team" in turn.towards,
            "to_requester": "requester" in turn.towards,
            "has_files": bool(turn.files),
            "vendor": turn.vendor or "",
            "where": "",
            "state": "",
            "kind": "",
            "items": [],
            "asks": [],
        }
        return Looked(sheet, hits, facts)

    def read(self, turn: Turn) -> Reading:
        """All that this mail says by itself."""
        looked = self.look(turn)
        got = _Collected()
        for compiled, number in self.decider.judge_units(looked.sheet, looked.hits, looked.facts):
            self._conclude(compiled, number, turn, looked, got)
        for compiled in self.decider.judge_mail(looked.hits, looked.facts, late=False):
            self._conclude(compiled, -1, turn, looked, got)
        kinds = tuple(sorted(got.kinds.items(), key=lambda pair: -pair[1]))
        looked.facts["kind"] = kinds[0][0] if kinds else "incident"
        looked.facts["items"] = sorted(i for i, v in got.items.items() if _RANK[v.state] >= 6 and not v.partial)
        looked.facts["asks"] = sorted(got.asks)
        for compiled in self.decider.judge_mail(looked.hits, looked.facts, late=True):
            self._conclude(compiled, -1, turn, looked, got)
        kinds = tuple(sorted(got.kinds.items(), key=lambda pair: -pair[1]))
        places = self.vendors.places(turn, looked.sheet)
        known = self.vendors.recognise(turn, looked.sheet, places)
        if known.finding is not None:
            got.findings.append(known.finding)
        return Reading(
            turn=turn.id,
            kind=kinds[0][0] if kinds else None,
            acts=tuple(dict.fromkeys(got.acts)),
            asks=tuple(got.asks.values()),
            items=tuple(got.items.values()),
            references=self.vendors.references(turn, looked.sheet, known.vendor, known.by_domain, places),
            vendor=known.vendor,
            tone=tuple(got.tone),
            parked=tuple(got.parked),
            promises=tuple(got.promises),
            heard=tuple(got.heard),
            findings=tuple(sorted(got.findings, key=lambda finding: finding.start)),
            weights=tuple(got.weights),
            kinds=kinds,
            deadlines=tuple(got.deadlines),
            problems=tuple(got.problems),
            flags=tuple(dict.fromkeys(got.flags)),
            topic=self._topic(turn, looked, got),
            maker=known.maker,
        )

    def finding(self, compiled: Compiled, number: int, turn: Turn, looked: Looked) -> Finding:
        """Where and on which words a decision rests."""
        id, pack = compiled.decision.id, compiled.pack
        if number >= 0:
            known = looked.hits.units[number].hits
            value = next((hit.value for n in compiled.plain if (hit := known.get(n)) and hit.value), None)
            return Finding(id, pack, turn.id, *looked.quote(number, turn.text), value)
        signals = [bit.bit_length() - 1 for _, _, bit in compiled.variables]
        places = [place for n in signals if (place := looked.hits.first(n)) is not None]
        value = next((hit.value for _, hit in places if hit.value), None)
        inside = next((at for at, _ in places if at >= 0), None)
        if inside is None:
            words = words_of(*places[0], looked.sheet) if places else turn.author
            return Finding(id, pack, turn.id, words[:_QUOTE], value=value)
        return Finding(id, pack, turn.id, *looked.quote(inside, turn.text), value)

    def _conclude(self, compiled: Compiled, number: int, turn: Turn, looked: Looked, got: _Collected) -> None:
        then, told = compiled.decision.then, got.told.get(compiled.rule, 0)
        if told >= _TOLD and compiled.weighs:
            return
        got.told[compiled.rule] = told + 1
        finding = self.finding(compiled, number, turn, looked)
        got.findings.append(finding)
        if then.kind and compiled.decision.id not in got.counted:
            got.counted.add(compiled.decision.id)
            got.kinds[then.kind] = got.kinds.get(then.kind, 0) + then.weight
        if then.item:
            for item in self._about_items(looked, number) if then.item == "about" else (then.item,):
                named = _named(compiled, number, looked) if item == "product" and not finding.value else None
                self._item(item, then, finding if named is None else _valued(finding, named), number, turn, looked, got)
        if then.ask:
            self._ask(then.ask, finding, number, looked, got)
        if then.act:
            got.acts.append(then.act)
        if then.tone:
            got.tone.append(_valued(finding, then.tone))
        if then.parked and all(kept.value != then.parked for kept in got.parked):
            got.parked.append(_valued(finding, then.parked))
        if then.promise:
            got.promises.append(Promise(read_limit(fold(finding.quote)[0], turn.date), finding))
        if then.heard:
            got.heard.append(finding)
        if then.problem:
            got.problems.append(finding)
        if then.flag:
            got.flags.append(then.flag)
        got.weights.extend(_weights(then, finding))

    def _item(
        self, item: str, then: Outcome, finding: Finding, number: int, turn: Turn, looked: Looked, got: _Collected
    ) -> None:
        state, value = "value", finding.value or finding.quote
        if number >= 0:
            unit = looked.sheet.units[number]
            if unit.where == "label" and unit.state:
                state, value = unit.state, looked.sheet.text[unit.start : unit.end]
                value = finding.value or ("" if state == "empty" else value)
        state = then.state or state
        made = ItemValue(item, state, value, finding, then.partial)
        place = (item, finding.start)
        if state == "unknown":
            got.unknown_at.add(place)
            kept = got.items.get(item)
            if kept is not None and kept.finding.start == finding.start:
                del got.items[item]
        elif state in ("value", "none") and place in got.unknown_at:
            return
        if item == "deadline" and state == "value":
            got.deadlines.append(Promise(read_limit(fold(finding.quote)[0], turn.date), finding))
        if item not in got.items or _rank(made) > _rank(got.items[item]):
            got.items[item] = made

    def _about_items(self, looked: Looked, number: int) -> tuple[str, ...]:
        fired = (looked.hits.by_unit[number] if number >= 0 else looked.hits.mail) & self._about_mask
        return tuple(dict.fromkeys(self._about[n] for n in self._about if fired >> n & 1))

    def _ask(self, what: str, finding: Finding, number: int, looked: Looked, got: _Collected) -> None:
        names = [f"info:{item}" for item in self._about_items(looked, number)] if what == "info" else [what]
        for name in names:
            got.asks.setdefault(name, AskMade(name, finding))

    @staticmethod
    def _topic(turn: Turn, looked: Looked, got: _Collected) -> str:
        symptom = got.items.get("symptom")
        subject = " ".join(fold(turn.subject)[0].split())
        if turn.begins:  # its subject is about something else: the first sentence that tells something of the matter
            told = [value.finding for value in got.items.values() if value.finding.start >= 0]
            if told:
                return min(told, key=lambda finding: finding.start).quote[:200]
        if turn.subject_is_new and subject:
            return subject[:200]
        return symptom.finding.quote[:200] if symptom else subject[:200]


def _named(compiled: Compiled, number: int, looked: Looked) -> str | None:
    """The longest of the words that name a product in a sentence; a form line is its value as it stands."""
    if number < 0 or looked.sheet.units[number].where == "label":
        return None
    known = looked.hits.units[number].hits
    said = [words_of(number, known[n], looked.sheet).strip() for n in compiled.plain if n in known]
    return max((words for words in said if len(words) <= _NAME), key=len, default=None) or None


def _rank(value: ItemValue) -> int:
    return _PARTIAL if value.partial else _RANK[value.state]


def _valued(finding: Finding, value: str) -> Finding:
    return Finding(finding.rule, finding.pack, finding.turn, finding.quote, finding.start, finding.end, value)


def _weights(then: Outcome, finding: Finding) -> list[Weight]:
    weights: list[Weight] = []
    if then.impact:
        weights.append(Weight("impact", then.impact, finding, then.cap, then.single))
    if then.urgency:
        weights.append(Weight("urgency", then.urgency, finding))
    if then.security:
        weights.append(Weight("security", "high", finding))
    if then.consequence:
        weights.append(Weight("consequence", "high", finding))
    return weights
