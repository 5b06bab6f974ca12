"""Reads units: finds words, concepts, clauses, shapes, counts and signals."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

import msgspec

from .clauses import Clauses, clause_properties, split_clauses
from .concepts import PLAIN, STATE, ConceptMatcher
from .normal_forms import fold, is_japanese, normal_forms, sentences_of
from .shapes import Count, find_shapes
from .signals import find_signals
from .ticket_states import Name, is_doubtful, named_states
from .units import Unit

_MATTER, _ASKED = "matter.", "asked."
_PROMISE = ".act.promise"
_MILD = frozenset({"question", "condition", "plan"})


class Reading(msgspec.Struct, gc=False, eq=False):
    """The features found in a unit, before meanings are assigned. They depend only on text, shape and label."""

    text: str
    shape: str
    label: str
    folded: str
    japanese: bool
    forms: tuple[str, ...]
    concepts: frozenset[str]
    clauses: Clauses
    clause_concepts: Sequence[Set[str]]
    shapes: tuple[str, ...]
    counts: tuple[Count, ...]
    signals: tuple[str, ...]
    mild: bool  # whether the unit contains a question, condition or plan, and so states no fact
    plain: Sequence[str]
    """Concepts that state a meaning unmistakably (`concepts/unmistakable.yaml`), not negated.

    If the unit is ``mild``, only promises after たら, and the state of a case in a clause that is not mild.
    """
    matters: Sequence[str]
    """The subject matter (`concepts/subject_matter.yaml`). With "all" or "every", a single device does not count."""
    topics: Sequence[str]  # the topics of requests in the unit (`concepts/vendor_asks.yaml`)
    rows: bytes = b""  # the rows of the unit's features in the table of the classifiers of one side (`unit_scores.py`)
    sums: bytes = b""  # what the unit adds to the scores: one row for each `features.Part`


_NOTHING: frozenset[str] = frozenset()


class _Sentence(NamedTuple):
    """The findings in the words of a sentence."""

    forms: Sequence[str]
    clauses: Clauses
    concepts: Sequence[Set[str]]  # the concepts of each clause
    groups: Sequence[int]  # the groups of each clause (`signals.py`)
    plain: Sequence[str]  # unmistakable concepts that no other word denies
    states: Sequence[str]  # … of the states of a case, in clauses that are no question, condition or plan either


def read_units(units: Sequence[Unit], matcher: ConceptMatcher) -> list[Reading]:
    """Find concepts, clauses, shapes, counts and signals in units. Returns a reading for each unit."""
    folded = [fold(unit.text) for unit in units]
    japanese = [is_japanese(text) for text in folded]
    shapes = find_shapes(folded, japanese)
    sentences = {
        own: _sentences([folded[at] for at, its in enumerate(japanese) if its is own], matcher, japanese=own)
        for own in set(japanese)
    }
    return [
        _reading(unit, text, own, next(sentences[own]), *found)
        for unit, text, own, found in zip(units, folded, japanese, shapes, strict=True)
    ]


def _sentences(texts: Sequence[str], matcher: ConceptMatcher, *, japanese: bool) -> Iterator[_Sentence]:
    """Yield the findings of each sentence. All sentences are in one language."""
    tokens = normal_forms(texts, japanese=japanese)
    every = split_clauses(tokens)
    begins = [begin for clauses in every for begin in clauses.begins]
    concepts: dict[int, set[str]] = {}
    groups = [0] * len(begins)
    plain: dict[int, list[str]] = {}
    states: dict[int, list[str]] = {}
    names: list[Name] = []
    for first, last, entry in matcher.find(tokens, japanese=japanese):
        clause = bisect_right(begins, first) - 1
        concepts.setdefault(clause, set()).update(entry.concepts)
        groups[clause] |= entry.groups
        if entry.state:
            names.append(Name(first, last, entry.state))
        if entry.plain:
            end = tokens.index("\n", first)
            stop = min([end, *begins[clause + 1 : clause + 2]])
            # the word that denies a phrase follows it in Japanese, and precedes it in English
            if "negated" not in clause_properties(tokens[last:stop] if japanese else tokens[begins[clause] : first]):
                plain.setdefault(end, []).extend(entry.plain)
    properties = [own for clauses in every for own in clauses.properties]
    for first, last, state in named_states(tokens, names):
        clause, end = bisect_right(begins, first) - 1, tokens.index("\n", first)
        meaning = f"{PLAIN}vendor.desk.{state.removeprefix(STATE)}"
        concepts[clause].add(meaning)
        tail = tokens[last : min([end, *begins[clause + 1 : clause + 2]])]
        if properties[clause].isdisjoint(_MILD) and not is_doubtful(tokens[begins[clause] : first], tail):
            states.setdefault(end, []).append(meaning)
    at = end = 0
    for clauses, forms in zip(every, sentences_of(tokens), strict=True):
        numbers = range(at, at + len(clauses.begins))
        end += len(forms)
        found = [concepts.get(clause, _NOTHING) for clause in numbers]
        yield _Sentence(
            forms, clauses, found, groups[numbers.start : numbers.stop], plain.get(end, ()), states.get(end, ())
        )
        at = numbers.stop
        end += 1


def _reading(
    unit: Unit, folded: str, japanese: bool, sentence: _Sentence, shapes: tuple[str, ...], counts: Sequence[Count]
) -> Reading:
    clauses = sentence.clauses
    concepts = _NOTHING.union(*sentence.concepts)
    mild = any(not own.isdisjoint(_MILD) for own in clauses.properties)
    told = concepts or counts
    return Reading(
        unit.text,
        unit.shape,
        unit.label,
        folded,
        japanese,
        tuple(["た" if form == "たら" else form for form in sentence.forms]),  # as when the weights were trained
        concepts,
        clauses,
        sentence.concepts,
        shapes,
        tuple(counts),
        find_signals(zip(sentence.groups, clauses.properties, strict=True), counts, shapes) if told else (),
        mild,
        (*_stated(sentence, mild), *sentence.states),
        tuple([one for one in _named(concepts, _MATTER) if one != "matter.device" or "scale.all" not in concepts]),
        tuple([f"ask:{one.removeprefix(_ASKED).replace('info.', 'info:')}" for one in _named(concepts, _ASKED)]),
    )


def _stated(sentence: _Sentence, mild: bool) -> Sequence[str]:
    """Return the concepts that a sentence states unmistakably.

    A ``mild`` sentence (question, condition or plan) states none, except a promise after たら (「分かったら追って…」).
    """
    if not mild:
        return sentence.plain
    unasked = "たら" in sentence.forms and "question" not in sentence.clauses.whole
    return [one for one in sentence.plain if unasked and one.endswith(_PROMISE)]


def _named(concepts: Set[str], family: str) -> list[str]:
    return sorted(concept for concept in concepts if concept.startswith(family))
