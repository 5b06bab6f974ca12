"""Patterns and decisions that get in each other's way, found for lint from how they are written and their examples."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from itertools import combinations
from typing import NamedTuple

from mailrules.covering import Sequence, covers, shape, text_of, ways
from mailrules.examples import turn_of
from mailrules.fold import fold
from mailrules.judge import Rules
from mailrules.library import Library
from mailrules.pack import Outcome, Signal
from mailrules.patterns import compile_pattern
from mailrules.thread import Turn

_SAID_AT_MOST = 60
_AS_GOOD = ({"value", "none"}, {"unknown", "not_applicable"}, {"placeholder", "empty"})
"""States of an item of which neither goes before the other: the rule loaded first has it."""


class _Way(NamedTuple):
    """One way in which a signal notices something."""

    where: tuple[int, int]
    """Number of its pattern (-1: it is a phrase), and of the alternative there."""
    written: str
    pattern: str
    shape: Sequence
    texts: tuple[str, ...]
    """Some that it matches."""


def idle_ways(signal: Signal) -> Iterator[str]:
    """Alternatives of a signal's patterns that notice nothing which another one does not notice anyway.

    Where the place of the words matters (guards on what stands around them), where a value is kept and where capitals
    matter, the two are not the same though they fire in the same sentences: only what is written twice is told there.
    """
    placed = bool(signal.not_after or signal.not_before or signal.case)
    known = list(_ways(signal))
    idle: set[tuple[int, int]] = set()
    for narrow in known:
        if narrow.where[0] < 0:
            continue
        only_twice = placed or "(?P<" in narrow.pattern
        for wide in known:
            if wide is narrow or wide.where in idle or (only_twice and wide.pattern != narrow.pattern):
                continue
            if only_twice or (_may_cover(wide, narrow) and covers(wide.shape, narrow.shape)):
                idle.add(narrow.where)
                yield f"{_short(narrow.written)} is noticed by {_short(wide.written)} already: drop it"
                break


def _ways(signal: Signal) -> Iterator[_Way]:
    written = [(-1, phrase, _as_pattern(phrase)) for phrase in signal.phrases]
    for number, pattern in enumerate(signal.patterns):
        written += [(number, way, way) for way in ways(pattern)]
    for at, (number, way, pattern) in enumerate(written):
        known = shape(pattern)
        if known is not None:
            texts = {text_of(known), text_of(known, -1)}
            own = compile_pattern(pattern)
            yield _Way((number, at), way, pattern, known, tuple(text for text in texts if own.search(text)))


def _as_pattern(phrase: str) -> str:
    """A phrase as it is looked for: Latin words are whole words, ``stem*`` may go on."""
    text = fold(phrase.rstrip("*"))[0]
    begin = r"\b" if re.match(r"[A-Za-z0-9_]", text) else ""
    end = r"\b" if re.search(r"[A-Za-z0-9_]$", text) and not phrase.endswith("*") else ""
    return begin + re.escape(text) + end


def _may_cover(wide: _Way, narrow: _Way) -> bool:
    """Whether it finds something in texts of the other: those are tried before the patterns are compared."""
    pattern = compile_pattern(wide.pattern)
    return all(pattern.search(text) for text in narrow.texts)


def _short(written: str) -> str:
    return repr(written if len(written) <= _SAID_AT_MOST else written[: _SAID_AT_MOST - 1] + "…")


def at_odds(library: Library, rules: Rules) -> Iterator[tuple[str, str, str]]:
    """Two decisions that say different things of the same words with the same weight, so that the order of loading
    tells who is heard: the later one, the earlier one, and what they are at odds about."""
    kept = {decision.id: decision.then for decision, _ in library.decisions.values()}
    order = {rule: number for number, rule in enumerate(kept)}
    told: set[tuple[str, str]] = set()
    for turn in _examples(library):
        reading = rules.read(turn)
        best = reading.kinds[0][1] if reading.kinds else 0
        leading = frozenset(kind for kind, weight in reading.kinds if weight == best)
        said_of: dict[tuple[int, int, str], set[str]] = defaultdict(set)
        for finding in reading.findings:
            if finding.rule in kept:
                said_of[finding.start, finding.end, finding.quote].add(finding.rule)
        for (_, _, words), there in said_of.items():
            for earlier, later in combinations(sorted(there, key=order.__getitem__), 2):
                about = _odds(kept[earlier], kept[later], leading)
                if about and (earlier, later) not in told:
                    told.add((earlier, later))
                    yield later, earlier, f"{about} in {_short(words)}"


def _examples(library: Library) -> Iterator[Turn]:
    for signal, source in library.signals.values():
        for example in signal.examples:
            yield turn_of(example, source.pack.defaults, signal.side[0] if signal.side else None)
    for decision, source in library.decisions.values():
        for example in decision.examples:
            yield turn_of(example, source.pack.defaults, None)


def _odds(one: Outcome, other: Outcome, leading: AbstractSet[str]) -> str:
    """What two outcomes on the same words are at odds about; empty where one goes before the other, or both hold."""
    if one.kind and other.kind and one.kind != other.kind and {one.kind, other.kind} <= leading:
        return f"whether it is {one.kind} or {other.kind}"
    if one.item and one.item == other.item != "about" and not (one.partial or other.partial):
        states = {one.state or "value", other.state or "value"}
        if len(states) == 2 and any(states <= equal for equal in _AS_GOOD):
            return f"whether {one.item} is {' or '.join(sorted(states))}"
    if {one.flag, other.flag} == {"ongoing", "recovered"}:
        return "whether it is ongoing or recovered"
    return ""
