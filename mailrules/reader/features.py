"""Features of a unit: normal forms, concepts, clause properties, shapes, signals and its position in the mail.

They are the input of the linear classifiers (`weights.py`) and are shown by `sodan explain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from ..statement import MailText
from .clauses import clause_properties, split_clauses
from .concepts import ConceptHit, ConceptMatcher
from .normal_forms import fold, is_japanese, tokens
from .shapes import Count, find_counts, find_shapes
from .signals import find_signals
from .units import Unit

_FAMILY_SHOWN = 12  # number of tokens of a form label that become features
_MARKS = ".,;:!?()[]{}\"'"
_LONGEST_WORD = 30


@dataclass
class Reading:
    """A unit and everything found in it before meanings are assigned."""

    unit: Unit
    folded: str
    forms: list[str]
    hits: list[ConceptHit]
    clauses: list[tuple[int, int]]
    properties: list[frozenset[str]]
    shapes: list[str]
    counts: list[Count]
    signals: list[str] = field(default_factory=list)

    @property
    def concepts(self) -> set[str]:
        return {hit.concept for hit in self.hits}


def read_unit(unit: Unit, matcher: ConceptMatcher) -> Reading:
    """Read one unit: normal forms, concepts, clauses, shapes, signals."""
    folded = fold(unit.text)
    japanese = is_japanese(folded)
    forms = tokens(folded)
    hits = matcher.find(forms, japanese=japanese)
    clauses = split_clauses(forms)
    properties = [clause_properties(forms[start:end]) for start, end in clauses]
    reading = Reading(
        unit, folded, forms, hits, clauses, properties, find_shapes(folded), find_counts(folded, japanese=japanese)
    )
    reading.signals = find_signals(reading.hits, reading.clauses, reading.properties, reading.counts, reading.shapes)
    return reading


class Features(NamedTuple):
    """Names of the features of one unit."""

    own: list[str]
    placed: list[str]
    """Features of its position in the mail; not used for the mail as a whole."""


def unit_features(readings: Sequence[Reading], index: int, mail: MailText) -> Features:
    """Return the names of the features of one unit, including those of its position in the mail."""
    reading = readings[index]
    forms = reading.forms
    place = ("first", "second")[index] if index < 2 else "last" if index >= len(readings) - 2 else "middle"
    placed = [f"shape:{reading.unit.shape}", f"len:{min(len(forms) // 6, 6)}", f"at:{place}"]
    if index:
        placed.extend(f"P:{form}" for form in readings[index - 1].forms)
        placed.extend(f"Q:{concept}" for concept in readings[index - 1].concepts)
    own = ["bias", f"side:{mail.side}", f"to:{mail.to}", f"opens:{mail.opens}", f"auto:{mail.automatic is not None}"]
    before, previous = "", "^"
    for form in (*forms, "$"):
        own += (form, f"{previous} {form}", f"{before} {previous} {form}")
        before, previous = previous, form
    own.extend(_letters(reading))
    own.extend(_concept_features(reading))
    own.extend(f"s:{shape}" for shape in reading.shapes)
    own.extend(f"n:{count.of}:{_bucket(count.number)}" for count in reading.counts)
    own.extend(f"g:{signal}" for signal in reading.signals)
    own.extend(f"p:{name}" for name in clause_properties(forms))
    if reading.unit.label:
        own.append("label")
        placed.extend(f"l:{form}" for form in tokens(fold(reading.unit.label))[:_FAMILY_SHOWN])
    heading = _heading(readings, index)
    if heading is not None:
        placed.extend(f"h:{concept}" for concept in heading.concepts)
    return Features(own, placed)


def _letters(reading: Reading) -> list[str]:
    """Return character n-grams: even inflected forms and compounds that are in no word list share them."""
    text = reading.folded.lower()
    if is_japanese(text):
        text = f"^{text}$"
        return [f"k:{text[at : at + length]}" for length in (2, 3, 4) for at in range(len(text) - length + 1)]
    return [piece for word in text.split() for piece in _pieces(word)]


@lru_cache(maxsize=20_000)
def _pieces(word: str) -> tuple[str, ...]:
    word = f"<{word.strip(_MARKS)[:_LONGEST_WORD]}>"
    return tuple(f"k:{word[at : at + length]}" for length in (3, 4, 5) for at in range(len(word) - length + 1))


def _concept_features(reading: Reading) -> list[str]:
    found: set[str] = set()
    for (start, end), properties in zip(reading.clauses, reading.properties, strict=True):
        here = {hit.concept for hit in reading.hits if start <= hit.start < end}
        for concept in here:
            found.add(f"c:{concept}")
            found.update(f"c:{concept}/{name}" for name in properties)
    families = {concept.split(".")[0] for concept in reading.concepts}
    found.update(f"f:{family}" for family in families)
    return sorted(found)


def _heading(readings: Sequence[Reading], index: int) -> Reading | None:
    """Return the sentence that introduces a list, or None.

    It is the nearest of the eleven units before that is no list or form line.
    """
    if readings[index].unit.shape == "sentence" and not readings[index].folded.endswith((":", "?")):
        return None
    for at in range(index - 1, max(-1, index - 12), -1):
        if readings[at].unit.shape == "sentence":
            return readings[at]
    return None


def _bucket(number: int) -> str:
    for limit, name in ((1, "1"), (4, "few"), (19, "group"), (99, "many")):
        if number <= limit:
            return name
    return "crowd"
