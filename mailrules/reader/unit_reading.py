"""Reads one unit: normal forms, concepts, clauses and their properties, shapes, counts, signals."""

from __future__ import annotations

from dataclasses import dataclass

from .clauses import Clauses, split_clauses
from .concepts import ConceptHit, ConceptMatcher
from .normal_forms import fold, is_japanese, tokens
from .shapes import Count, find_shapes
from .signals import find_signals
from .units import Unit


@dataclass(slots=True)
class Reading:
    """A unit and everything found in it before meanings are assigned."""

    unit: Unit
    folded: str
    japanese: bool
    forms: list[str]
    hits: list[ConceptHit]
    concepts: set[str]
    clauses: Clauses
    clause_concepts: list[set[str]]
    shapes: list[str]
    counts: list[Count]
    signals: list[str]

    def asked_topics(self) -> set[str]:
        """Return the topics of a request that words of the unit name (`concepts/vendor_asks.yaml`)."""
        named = (concept.removeprefix("asked.") for concept in self.concepts if concept.startswith("asked."))
        return {f"ask:{topic.replace('info.', 'info:')}" for topic in named}


def read_unit(unit: Unit, matcher: ConceptMatcher) -> Reading:
    """Read one unit."""
    folded = fold(unit.text)
    japanese = is_japanese(folded)
    forms = tokens(folded)
    hits = matcher.find(forms, japanese=japanese)
    clauses = split_clauses(forms)
    concepts = {hit.concept for hit in hits}
    clause_concepts = (
        [concepts]
        if len(clauses.ranges) == 1
        else [{hit.concept for hit in hits if start <= hit.start < end} for start, end in clauses.ranges]
    )
    shapes, counts = find_shapes(folded, japanese=japanese)
    signals = find_signals(clause_concepts, clauses.properties, counts, shapes)
    return Reading(unit, folded, japanese, forms, hits, concepts, clauses, clause_concepts, shapes, counts, signals)
