"""Shows for `explain` what the embedded reader found in each unit."""

from collections.abc import Iterable, Iterator
from math import exp

from mailrules.statement import NEXT_SIDES, MailText

from .decision import Decision
from .embedded import EmbeddedReader
from .unit_reading import Reading

SHOWN = 5  # maximum number of meanings shown for a unit: those with the highest scores, at least `LEAST_SCORE`
LEAST_SCORE = -0.5


def trace_lines(reader: EmbeddedReader, mail: MailText, meaning: str | None = None) -> Iterator[str]:
    """Yield the trace of every unit, or the reason why one meaning was or was not stated."""
    decision = reader.decide(mail)
    if meaning is not None:
        yield from _trace_meaning(decision, meaning)
        return
    chances = (f"{side} {exp(one):.2f}" for side, one in zip(NEXT_SIDES, decision.next_scores, strict=False))
    yield f"who has to act next by the words of this mail: {', '.join(chances) or 'not known'}"
    names = [_dotted(name) for name in decision.classifier.meanings]
    for at, reading in enumerate(decision.view.readings):
        best = sorted(zip(decision.scores[at].tolist(), names, strict=True), reverse=True)[:SHOWN]
        meanings = [f"{name} {score:.2f}" for score, name in best if score >= LEAST_SCORE]
        yield f"“{reading.text}”"
        for name, values in (*_found(reading), ("meanings", meanings)):
            if values:
                yield f"    {name}: {', '.join(values)}"


def _found(reading: Reading) -> Iterable[tuple[str, Iterable[str]]]:
    return (
        ("normal forms", (" ".join(reading.forms),)),
        ("concepts", sorted(reading.concepts)),
        ("properties", sorted(frozenset().union(*reading.clauses.properties))),
        ("shapes", sorted(reading.shapes)),
        ("signals", reading.signals),
    )


def _trace_meaning(decision: Decision, meaning: str) -> Iterator[str]:
    """Yield why a meaning was not stated, and the unit with the highest score."""
    names = {_dotted(name): name for name in (*decision.chances, *decision.classifier.meanings)}
    name = "ask:any" if meaning == "ask.something" else names.get(meaning, meaning)
    chance, threshold = decision.chances.get(name), decision.threshold(name)
    if chance is None:
        yield (
            "not stated: the embedded reader does not detect this meaning; "
            "a language model or a phrase in your own pack can"
        )
    elif threshold > 1:
        yield "not stated: no threshold was precise enough on mail by unseen writers, so this meaning is never stated"
    elif chance < threshold:
        yield f"not stated: its probability {chance:.2f} is below the threshold {threshold:.2f}"
    column, readings = decision.classifier.column.get(name), decision.view.readings
    if readings and column is not None:
        yield f"most similar: “{readings[int(decision.scores[: len(readings), column].argmax())].text}”"


def _dotted(name: str) -> str:
    return name.replace(":", ".")
