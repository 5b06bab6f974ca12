"""Trace of the embedded reader for `explain`: units, normal forms, concepts, clause properties, meanings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mailrules.statement import MailText

from .embedded import Decision, EmbeddedReader

SHOWN = 5
LEAST_SCORE = -0.5


@dataclass(frozen=True, slots=True)
class UnitTrace:
    """Trace of one unit. `meanings` are its highest scores, highest first."""

    text: str
    forms: tuple[str, ...]
    concepts: tuple[str, ...]
    properties: tuple[str, ...]
    shapes: tuple[str, ...]
    signals: tuple[str, ...]
    meanings: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class MeaningTrace:
    """Trace of one meaning: its probability, the required threshold, and the unit with the highest score."""

    meaning: str
    known: bool
    probability: float
    threshold: float
    nearest: str

    @property
    def lacking(self) -> str:
        """Why the meaning was not stated, in one sentence; empty if it was stated."""
        if not self.known:
            return "the embedded reader does not detect this meaning; a language model or a phrase in your own pack can"
        if self.threshold > 1:
            return "no threshold was precise enough on mail by unseen writers, so this meaning is never stated"
        if self.probability >= self.threshold:
            return ""
        return f"its probability {self.probability:.2f} is below the threshold {self.threshold:.2f}"


def trace_units(reader: EmbeddedReader, mail: MailText) -> tuple[UnitTrace, ...]:
    """Return the trace of every unit of the mail, in order."""
    decision = reader.decide(mail)
    out = []
    for at, reading in enumerate(decision.view.readings):
        row = decision.scores[at]
        best = [int(column) for column in np.argsort(row)[::-1][:SHOWN] if row[column] >= LEAST_SCORE]
        out.append(
            UnitTrace(
                reading.text,
                tuple(reading.forms),
                tuple(sorted(reading.concepts)),
                tuple(sorted(frozenset().union(*reading.clauses.properties))),
                tuple(reading.shapes),
                tuple(reading.signals),
                tuple((_dotted(decision.classifier.meanings[column]), round(float(row[column]), 2)) for column in best),
            )
        )
    return tuple(out)


def trace_meaning(reader: EmbeddedReader, mail: MailText, meaning: str) -> MeaningTrace:
    """Return why a meaning was stated or not."""
    decision = reader.decide(mail)
    name = _label(meaning, decision)
    chance = decision.chances.get(name)
    column = decision.classifier.column.get(name)
    readings = decision.view.readings
    nearest = (
        readings[int(decision.scores[: len(readings), column].argmax())].text if readings and column is not None else ""
    )
    return MeaningTrace(meaning, chance is not None, chance or 0.0, decision.threshold(name), nearest)


def _label(meaning: str, decision: Decision) -> str:
    """Return the classifier's name of a catalogue meaning."""
    if meaning == "ask.something":
        return "ask:any"
    names = {_dotted(name): name for name in (*decision.chances, *decision.classifier.meanings)}
    return names.get(meaning, meaning)


def _dotted(name: str) -> str:
    return name.replace(":", ".")


def trace_lines(reader: EmbeddedReader, mail: MailText, meaning: str | None = None) -> Iterator[str]:
    """Yield lines of text: every unit with its trace, or why one meaning was stated or not."""
    if meaning is None:
        for unit in trace_units(reader, mail):
            yield f"“{unit.text}”"
            yield from (f"    {name}: {', '.join(values)}" for name, values in _seen(unit) if values)
        return
    trace = trace_meaning(reader, mail, meaning)
    if trace.lacking:
        yield f"not stated: {trace.lacking}"
    if trace.nearest:
        yield f"most similar: “{trace.nearest}”"


def _seen(unit: UnitTrace) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("normal forms", (" ".join(unit.forms),)),
        ("concepts", unit.concepts),
        ("properties", unit.properties),
        ("shapes", unit.shapes),
        ("signals", unit.signals),
        ("meanings", tuple(f"{meaning} {score:.2f}" for meaning, score in unit.meanings)),
    )
