"""Why a rule fired, and why another did not."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it for one mail."""

    fired: tuple[Fired, ...]
    not_fired: tuple[WhyNot, ...]


def explain(reader: Reader, turn: Turn, rule: str | None) -> Explanation:
    """Every decision that holds with its words; of the others those that came near, or the one asked about."""
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
    return Explanation(tuple(fired), tuple(others))


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
    return WhyNot(
        compiled.decision.id, compiled.pack, compiled.decision.when, tuple(absent), tuple(present), tuple(refused)
    )
