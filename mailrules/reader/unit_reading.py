"""Reads units: normal forms, concepts, clauses and their properties, shapes, counts, signals."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from .clauses import Clauses, clause_properties, split_clauses
from .concepts import ConceptHit, ConceptMatcher
from .normal_forms import fold, is_japanese, tokens
from .shapes import Count, find_shapes
from .signals import find_signals
from .units import Unit

PLAIN, _MATTER, _ASKED = "plain.", "matter.", "asked."
_SPECIAL = (PLAIN, _MATTER, _ASKED)
_MILD = frozenset({"question", "condition", "plan"})


class Reading(msgspec.Struct, gc=False, eq=False):
    """What is found in a unit before meanings are assigned. Depends on the text, the shape and the label alone."""

    text: str
    shape: str
    label: str
    folded: str
    japanese: bool
    forms: tuple[str, ...]
    concepts: frozenset[str]
    clauses: Clauses
    clause_concepts: tuple[frozenset[str], ...]
    shapes: Sequence[str]
    counts: Sequence[Count]
    signals: tuple[str, ...]
    mild: bool
    """Whether it contains a question, condition or plan, so that it states no fact."""
    plain: tuple[str, ...] = ()
    """Concepts that state a meaning unmistakably (`concepts/unmistakable.yaml`): not mild, and not negated."""
    matters: tuple[str, ...] = ()
    """The subject matter (`concepts/subject_matter.yaml`). A single device does not count beside "all" or "every"."""
    topics: tuple[str, ...] = ()
    """What a request in the unit is about, by its words (`concepts/vendor_asks.yaml`)."""
    rows: bytes = b""
    """Its features, as rows of the table of the classifiers that it was read for (`unit_scores.py`)."""
    sums: bytes = b""
    """What it adds to scores: a line for each `features.Part`."""

    @property
    def size(self) -> int:
        """About the bytes that this takes."""
        return 3500 + 8 * len(self.text) + 40 * len(self.forms)


_NOTHING: frozenset[str] = frozenset()


def read_units(units: Sequence[Unit], matcher: ConceptMatcher) -> list[Reading]:
    """Read units."""
    folded = [fold(unit.text) for unit in units]
    japanese = [is_japanese(text) for text in folded]
    forms = [tokens(text, japanese=own) for text, own in zip(folded, japanese, strict=True)]
    hits = matcher.find(forms, japanese)
    return [_reading(*parts) for parts in zip(units, folded, japanese, forms, hits, strict=True)]


def _reading(unit: Unit, folded: str, japanese: bool, forms: list[str], hits: Sequence[ConceptHit]) -> Reading:
    clauses = split_clauses(forms)
    concepts = frozenset([hit[0] for hit in hits]) if hits else _NOTHING
    clause_concepts: tuple[frozenset[str], ...] = (concepts,) * len(clauses.ranges)
    if hits and len(clauses.ranges) > 1:
        clause_concepts = tuple(
            frozenset([hit[0] for hit in hits if start <= hit[1] < end]) for start, end in clauses.ranges
        )
    shapes, counts = find_shapes(folded, japanese=japanese)
    signals = find_signals(clause_concepts, clauses.properties, counts, shapes)
    mild = any(own & _MILD for own in clauses.properties)
    reading = Reading(
        unit.text,
        unit.shape,
        unit.label,
        folded,
        japanese,
        tuple(forms),
        concepts,
        clauses,
        clause_concepts,
        shapes,
        counts,
        signals,
        mild,
    )
    special = [hit for hit in hits if hit[0].startswith(_SPECIAL)]
    if special:
        names = sorted({hit[0] for hit in special})
        reading.matters = tuple(
            name
            for name in names
            if name.startswith(_MATTER) and not (name == "matter.device" and "scale.all" in concepts)
        )
        reading.topics = tuple(
            sorted(
                f"ask:{name.removeprefix(_ASKED).replace('info.', 'info:')}"
                for name in names
                if name.startswith(_ASKED)
            )
        )
        if not mild:
            reading.plain = tuple(
                hit[0] for hit in special if hit[0].startswith(PLAIN) and not _negated_around(forms, clauses, hit)
            )
    return reading


def _negated_around(forms: Sequence[str], clauses: Clauses, hit: ConceptHit) -> bool:
    """Whether the clause of a hit is negated by words outside the hit."""
    start, end = next(span for span in clauses.ranges if span[0] <= hit[1] < span[1])
    return "negated" in clause_properties((*forms[start : hit[1]], *forms[hit[2] : end]))
