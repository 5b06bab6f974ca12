"""Why a rule fired, and why another did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailrules.conditions import Blamed, Part, asked_for, blame, take_apart
from mailrules.decisions import Compiled
from mailrules.hits import place
from mailrules.hits import words as words_of
from mailrules.judgement import Finding
from mailrules.reading import Looked, Reader
from mailrules.thread import Turn


@dataclass(frozen=True, slots=True)
class Words:
    """Words that a signal noticed. ``start``/``end`` count characters of the turn's text, -1 outside of it."""

    signal: str
    words: str
    start: int
    end: int
    where: str


@dataclass(frozen=True, slots=True)
class Fired:
    """A decision that holds, with the words of each signal behind it."""

    rule: str
    pack: str
    then: str
    finding: Finding
    words: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class WhyNot:
    """A decision that does not hold: what was false, or what spoke against it."""

    rule: str
    pack: str
    when: str
    absent: tuple[str, ...]
    """Signals it asks for that fired nowhere."""
    present: tuple[str, ...]
    """Signals and facts of its condition that are true somewhere, with their place or value."""
    refused: tuple[str, ...]
    """Words that were there but did not count, and the guard that says so."""
    place: str
    """The words of the sentence that came nearest; empty where none came near, or the mail as a whole was asked."""
    because: Blamed
    """The condition as it came out there: of its parts those that made it false."""
    false: tuple[Blamed, ...]
    """Of the parts that all had to hold, those that did not."""
    near: bool
    """Words that it asks for were there, and one part of the condition alone was false."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Words that a signal knows, and the guard by which they did not count."""

    words: str
    where: str
    guard: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """A signal that was asked about."""

    signal: str
    words: tuple[Words, ...]
    """The first in each sentence that has some."""
    refused: tuple[Refused, ...]
    deaf: str
    """Why it does not listen to this mail at all; empty if it does."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it for one mail."""

    fired: tuple[Fired, ...]
    not_fired: tuple[WhyNot, ...]
    noticed: Noticed | None = None
    """The signal that was asked about."""


def explain(reader: Reader, turn: Turn, rule: str | None) -> Explanation:
    """Every decision that holds with its words; of the others those that came near, or the rule asked about."""
    looked = reader.look(turn)
    reading = reader.read(turn)
    fired: list[Fired] = []
    holds: set[str] = set()
    for compiled, number in reader.decider.judge_units(looked.sheet, looked.hits, looked.facts):
        holds.add(compiled.decision.id)
        fired.append(_fired(reader, compiled, number, turn, looked))
    looked.facts["kind"] = reading.kinds[0][0] if reading.kinds else "incident"
    looked.facts["items"] = sorted(v.item for v in reading.items if v.state in ("value", "none") and not v.partial)
    looked.facts["asks"] = sorted(ask.what for ask in reading.asks)
    for compiled in (
        *reader.decider.judge_mail(looked.hits, looked.facts, late=False),
        *reader.decider.judge_mail(looked.hits, looked.facts, late=True),
    ):
        holds.add(compiled.decision.id)
        fired.append(_fired(reader, compiled, -1, turn, looked))
    others = [
        _why_not(reader, compiled, looked)
        for compiled in reader.decider.compiled
        if compiled.decision.id not in holds and _asked(compiled, rule, looked)
    ]
    if rule is not None:
        fired = [one for one in fired if one.rule == rule]
    return Explanation(tuple(fired), tuple(others), _noticed(reader, rule, looked) if rule is not None else None)


def _asked(compiled: Compiled, rule: str | None, looked: Looked) -> bool:
    if rule is not None:
        return compiled.decision.id == rule
    return bool(compiled.signals & looked.hits.mail)


def _fired(reader: Reader, compiled: Compiled, number: int, turn: Turn, looked: Looked) -> Fired:
    noted = [
        (hit.rank, at, signal, hit)
        for signal in range(compiled.signals.bit_length())
        if compiled.signals >> signal & 1
        for at, hit in looked.hits.places(signal)
        if number < 0 or at in (number, -1)
    ]
    words = []
    for _, at, signal, hit in sorted(noted, key=lambda one: one[:2] if one[1] >= 0 else (one[0], len(noted))):
        start, end = looked.sheet.span(*place(at, hit, looked.sheet)) if at >= 0 else (-1, -1)
        where = looked.sheet.units[at].where if at >= 0 else "file"
        words.append(Words(reader.spotter.signals[signal].id, words_of(at, hit, looked.sheet), start, end, where))
    then = ", ".join(
        f"{name}={value}" for name, value in compiled.decision.then.model_dump(exclude_defaults=True).items()
    )
    finding = reader.finding(compiled, number, turn, looked)
    return Fired(compiled.decision.id, compiled.pack, then, finding, tuple(words))


def _why_not(reader: Reader, compiled: Compiled, looked: Looked) -> WhyNot:
    absent, present, refused = [], [], []
    for name, _view, bit in compiled.variables:
        signal = bit.bit_length() - 1
        if looked.hits.mail & bit:
            first = looked.hits.first(signal)
            present.append(f"{name}: {words_of(*first, looked.sheet) if first else ''!r}")
        else:
            absent.append(name)
        refused += [f"{name}: {why}" for why in looked.hits.against(signal, looked.sheet)]
    present += [f"{name} = {looked.facts[name]!r}" for name in compiled.facts if name not in ("where", "state")]
    at, because = _nearest(reader, compiled, looked)
    unit = looked.sheet.units[at] if at >= 0 else None
    return WhyNot(
        rule=compiled.decision.id,
        pack=compiled.pack,
        when=compiled.decision.when,
        absent=tuple(absent),
        present=tuple(present),
        refused=tuple(refused),
        place=looked.sheet.text[unit.start : unit.end] if unit else "",
        because=because,
        false=(false := because.parts if take_apart(because.text).shape == "all" else (because,)),
        near=_came_near(reader, compiled, looked, false),
    )


def _nearest(reader: Reader, compiled: Compiled, looked: Looked) -> tuple[int, Blamed]:
    """The sentence where least was false (-1: none, or all of the mail), and the condition there."""
    condition = take_apart(compiled.decision.when)
    if compiled.decision.per == "mail":
        return -1, _blamed(reader, compiled, looked, -1, condition)
    asked = _asked_for(compiled)
    near = [
        number
        for number, heard in enumerate(looked.hits.units)
        if not asked.isdisjoint(heard.refused) or any(heard.fired >> signal & 1 for signal in asked)
    ]
    against = [number for number, heard in enumerate(looked.hits.units) if heard.fired & compiled.signals]
    tried = [(number, _blamed(reader, compiled, looked, number, condition)) for number in near or against or [-1]]
    return min(tried, key=lambda one: (one[1].holds, sum(1 for _ in one[1].leaves())))


def _asked_for(compiled: Compiled) -> set[int]:
    """The signals of its own sentence that it wants, not those that speak against it."""
    wanted = set(asked_for(take_apart(compiled.decision.when)))
    return {bit.bit_length() - 1 for name, view, bit in compiled.variables if not view and name in wanted}


def _came_near(reader: Reader, compiled: Compiled, looked: Looked, false: Sequence[Blamed]) -> bool:
    """One part alone was false, and not for that this side's mails are not listened to."""
    if len(false) != 1 or not any(looked.hits.mail >> signal & 1 for signal in _asked_for(compiled)):
        return False
    signals = {name: bit.bit_length() - 1 for name, _, bit in compiled.variables}
    leaves = [leaf.text for leaf in false[0].leaves()]
    return not all(name in signals and _deaf(reader, looked.facts, signals[name]) for name in leaves)


def _blamed(reader: Reader, compiled: Compiled, looked: Looked, at: int, condition: Part) -> Blamed:
    hits, units = looked.hits, looked.sheet.units
    whole = compiled.decision.per == "mail"
    seen = {
        "": at,
        "before": units[at].before if at >= 0 else -1,
        "lead": units[at].lead if at >= 0 else -1,
    }
    facts = looked.facts | ({"where": units[at].where, "state": units[at].state} if at >= 0 else {})
    names = {name: (view, bit.bit_length() - 1) for name, view, bit in compiled.variables}

    def fired(name: str) -> bool:
        view, signal = names[name]
        if view == "mail" or (whole and not view):
            return bool(hits.mail >> signal & 1)
        return seen[view] >= 0 and bool(hits.by_unit[seen[view]] >> signal & 1)

    def leaf(text: str) -> tuple[bool, str]:
        if text in names:
            view, signal = names[text]
            place = None if view == "mail" or (not view and at < 0) else seen[view]
            return fired(text), _heard(reader, looked, signal, place)
        inside = [name for name in names if name in text] + [name for name in compiled.facts if name in text]
        data: dict[str, Any] = {name: fired(name) if name in names else facts[name] for name in inside}
        return reader.decider.ask(text, data), ", ".join(f"{name} is {_said(value)}" for name, value in data.items())

    return blame(condition, leaf)


def _heard(reader: Reader, looked: Looked, signal: int, place: int | None) -> str:
    """Why a signal counts in a sentence (``place``; None: in all of the mail), or why it does not."""
    places = list(looked.hits.places(signal))
    here = [one for one in places if place is None or one[0] == place]
    if here:
        return f"“{words_of(*here[0], looked.sheet)}”"
    refused = _refused(looked, signal, place)
    if refused:
        return f"“{refused[0].words}” does not count by {refused[0].guard}"
    if place is not None and place < 0:
        return _deaf(reader, looked.facts, signal) or "there is no such sentence"
    if places:
        return f"“{words_of(*places[0], looked.sheet)}” stands elsewhere in the mail"
    elsewhere = _refused(looked, signal, None)
    if elsewhere:
        return f"“{elsewhere[0].words}” elsewhere does not count by {elsewhere[0].guard}"
    return _deaf(reader, looked.facts, signal) or "none of its words stand in the mail"


def _refused(looked: Looked, signal: int, place: int | None) -> list[Refused]:
    return [
        Refused(words_of(at, heard.refused[signal][0], looked.sheet), looked.sheet.units[at].where, guard)
        for at, heard in enumerate(looked.hits.units)
        if signal in heard.refused and (place is None or at == place)
        for guard in (heard.refused[signal][1],)
    ]


def _deaf(reader: Reader, facts: Mapping[str, Any], signal: int) -> str:
    sides = reader.spotter.signals[signal].side
    if not sides or facts["side"] in sides:
        return ""
    return f"it listens to mails of {' and '.join(sides)} only, and this one is of {facts['side']}"


def _noticed(reader: Reader, rule: str, looked: Looked) -> Noticed | None:
    signal = reader.spotter.index.get(rule)
    if signal is None:
        return None
    words = []
    for at, hit in looked.hits.places(signal):
        start, end = looked.sheet.span(*place(at, hit, looked.sheet)) if at >= 0 else (-1, -1)
        where = looked.sheet.units[at].where if at >= 0 else "file"
        words.append(Words(rule, words_of(at, hit, looked.sheet), start, end, where))
    return Noticed(rule, tuple(words), tuple(_refused(looked, signal, None)), _deaf(reader, looked.facts, signal))


def _said(value: Any) -> str:
    """A value as CEL writes it."""
    return str(value).lower() if isinstance(value, bool) else repr(value)
