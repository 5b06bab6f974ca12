"""What to notice: the phrases, patterns, labels, files and headers of all packs.

One automaton finds every word that any rule asks for, in one pass over the mail. A phrase is such a word; a pattern is
only tried in the sentences that hold the words it needs (``literals``), each by its own RE2 automaton. Many patterns in
one RE2 set would be fewer calls, but their joint automaton grows without end on texts it has not seen yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from copy import copy
from typing import Any

from mailrules.fold import fold, lower
from mailrules.guards import Guards
from mailrules.hits import Heard, Hit, Hits
from mailrules.pack import Signal
from mailrules.patterns import RE2, Find, compile_pattern, finder, options_for
from mailrules.sheet import Sheet, Unit
from mailrules.thread import Turn
from mailrules.vocabulary import Vocabulary

TEXT_PLACES = frozenset(("subject", "sentence", "label", "list"))
"""Where a signal looks if it does not say."""
_UNWRITTEN = ("placeholder", "empty")
"""States of a form line that says nothing: only a vendor asks by them."""
_REMEMBERED = 8192
_SHORT = 240
"""Characters of a sentence that may come again."""


class Spotter:
    """All signals of all packs, compiled."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self.signals = tuple(signals)
        self.index = {signal.id: number for number, signal in enumerate(self.signals)}
        self.vocabulary = Vocabulary(self.signals)
        self._guards = [self._guards_of(s) if s.not_ or s.not_after or s.not_before else None for s in self.signals]
        self._patterns: list[tuple[int, Find, int]] = []
        self._by_word: dict[int, frozenset[int]] = {}
        """Word → patterns that may match where it stands."""
        self._also: dict[int, frozenset[int]] = {}
        """Pattern → further words, of which one must be there too."""
        self._everywhere: frozenset[int] = frozenset()
        self._compile_patterns()
        self.vocabulary.close()
        self._labels: list[int] = []
        self._label_set = self._compile_labels()
        self._labels_seen: dict[str, tuple[int, ...]] = {}
        self._files = [(n, compile_pattern(p)) for n, s in enumerate(self.signals) for p in s.files]
        self._headers = [
            (n, name.lower(), compile_pattern(p)) for n, s in enumerate(self.signals) for name, p in s.headers.items()
        ]
        self._deaf: frozenset[int] = frozenset()
        self._places: dict[tuple[str, str, bool], tuple[frozenset[int], frozenset[int], frozenset[int]]] = {}
        self._known: dict[tuple[str, str, str, str, bool], Heard] = {}

    def _guards_of(self, signal: Signal) -> Guards:
        patterns = (*signal.not_, *signal.not_after, *signal.not_before)
        needed = {pattern: self.vocabulary.needed(pattern, 1) for pattern in patterns}
        return Guards(signal, {pattern: clauses[0] if clauses else None for pattern, clauses in needed.items()})

    def _compile_patterns(self) -> None:
        by_word: dict[int, set[int]] = {}
        everywhere: set[int] = set()
        for case in (False, True):
            for number, signal in enumerate(self.signals):
                if signal.case is not case:
                    continue
                for pattern in signal.patterns:
                    which = len(self._patterns)
                    self._patterns.append((number, *finder(pattern, case)))
                    clauses = self.vocabulary.needed(pattern)
                    for word in clauses[0] if clauses else ():
                        by_word.setdefault(word, set()).add(which)
                    if not clauses:
                        everywhere.add(which)
                    if len(clauses) > 1:
                        self._also[which] = clauses[1]
        same: dict[frozenset[int], frozenset[int]] = {}  # most words are those of one pattern: they share its set
        for word, patterns in by_word.items():
            frozen = frozenset(patterns)
            self._by_word[word] = same.setdefault(frozen, frozen)
        self._everywhere = frozenset(everywhere)

    def _compile_labels(self) -> Any:
        group = RE2.Set.FullMatchSet(options_for(False))
        for number, signal in enumerate(self.signals):
            for pattern in signal.labels:
                group.Add(fold(pattern)[0])
                self._labels.append(number)
        if self._labels:
            group.Compile()
        return group

    def label_signals(self, label: str) -> tuple[int, ...]:
        """Signals that know this label."""
        known = self._labels_seen.get(label)
        if known is None:
            matched = (self._label_set.Match(label) if self._labels and len(label) <= 60 else None) or ()
            known = tuple(sorted({self._labels[n] for n in matched}))
            if len(self._labels_seen) > _REMEMBERED:
                self._labels_seen.clear()
            self._labels_seen[label] = known
        return known

    def knows_label(self, label: str) -> bool:
        return bool(self.label_signals(label))

    def spot(self, sheet: Sheet, turn: Turn) -> Hits:
        """Every signal that fires in this mail, unit by unit."""
        text, side = sheet.text, turn.side
        units = [self._unit(text[unit.start : unit.end], unit, side) for unit in sheet.units]
        return Hits(units, self._outside(turn) if turn.files or turn.headers else {})

    def _unit(self, text: str, unit: Unit, side: str) -> Heard:
        """What fires in one unit: nothing else of the mail counts, so what people write again is known already."""
        key = (text, unit.where, unit.label, side, unit.state in _UNWRITTEN)
        heard = self._known.get(key)
        if heard is None:
            heard = self._hear(text, unit, side)
            if len(text) <= _SHORT:
                if len(self._known) >= _REMEMBERED:
                    del self._known[next(iter(self._known))]
                self._known[key] = heard
        return heard

    def _hear(self, text: str, unit: Unit, side: str) -> Heard:
        listening, reading, patterns = self._ears(unit.where, side, unit.state in _UNWRITTEN)
        words, phrases = self.vocabulary.look(lower(text))
        ear = _Ear(text, words)
        for phrase, start, end in phrases:
            if phrase.signal in reading:
                ear.phrase(phrase.signal, self._guards[phrase.signal], start, end)
        by_word, also = self._by_word, self._also
        candidates = self._everywhere.union(*[by_word[word] for word in words if word in by_word])
        for which in sorted(candidates & patterns):
            further = also.get(which)
            if further is None or not further.isdisjoint(words):
                signal, find, value = self._patterns[which]
                ear.pattern(signal, self._guards[signal], find, value, which + 1)
        for signal in self.label_signals(unit.label) if unit.label else ():
            if signal in listening:
                ear.label(signal, len(self._patterns) + 1)
        return ear.heard

    def _outside(self, turn: Turn) -> dict[int, Hit]:
        """What fires on files and headers."""
        found: dict[int, Hit] = {}
        for signal, pattern in self._files:
            for file in turn.files:
                if self._hears(signal, turn.side) and pattern.search(fold(file.filename)[0]):
                    found.setdefault(signal, Hit(-1, -1, file.filename, len(self._patterns) + 2))
        for signal, name, pattern in self._headers:
            for key, value in turn.headers:
                if key.lower() == name and self._hears(signal, turn.side) and pattern.search(value):
                    found.setdefault(signal, Hit(-1, -1, f"{key}: {value}", len(self._patterns) + 2))
        return found

    def _ears(self, where: str, side: str, unwritten: bool) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
        """Signals that listen at such a place in mails of such a side; those of them that read its words (an empty
        form line is what a vendor asks for, and nobody else); and their patterns."""
        key = (where, side, unwritten)
        known = self._places.get(key)
        if known is None:
            listening = frozenset(
                number
                for number, signal in enumerate(self.signals)
                if where in (signal.scope or TEXT_PLACES) and self._hears(number, side)
            )
            reading = frozenset(n for n in listening if not unwritten or set(self.signals[n].side) == {"vendor"})
            patterns = frozenset(which for which, (signal, _, _) in enumerate(self._patterns) if signal in reading)
            known = self._places[key] = (listening, reading, patterns)
        return known

    def _hears(self, signal: int, side: str) -> bool:
        """Whether it looks at mails of such a side."""
        sides = self.signals[signal].side
        return signal not in self._deaf and (not sides or side in sides)

    def without(self, signal: int) -> Spotter:
        """The same, but deaf to one signal."""
        deaf = copy(self)
        deaf._deaf, deaf._places, deaf._known = self._deaf | {signal}, {}, {}
        return deaf


class _Ear:
    """Collects what fires in one unit."""

    def __init__(self, text: str, words: AbstractSet[int]) -> None:
        self.text, self.words, self.heard = text, words, Heard()
        self.data = text.encode("utf-8", "replace")

    def phrase(self, signal: int, guards: Guards | None, start: int, end: int) -> None:
        if self.heard.fired >> signal & 1:
            return
        low = len(self.text[:start].encode("utf-8", "replace"))
        high = low + len(self.text[start:end].encode("utf-8", "replace"))
        if guards is None or not self._refused(signal, guards, low, high):
            self._keep(signal, Hit(low, high))

    def pattern(self, signal: int, guards: Guards | None, find: Find, value: int, rank: int) -> None:
        """Look for the first place that nothing speaks against. A place with a value is better than one without."""
        known = self.heard.hits.get(signal)
        if known is not None and not (value and known.value is None):
            return
        begin = 0
        while begin <= len(self.data) and (spans := find(self.data, begin)) is not None:
            start, end = spans[0]
            low, high = spans[value] if value else (0, 0)
            kept = self.data[low:high].decode("utf-8", "replace") if high > low else None
            if known is not None and not kept:
                return
            reason = self._refused(signal, guards, start, end) if guards is not None else ""
            if not reason:
                self._keep(signal, Hit(start, end, kept, known.rank if known else rank))
                return
            if reason.startswith("not:"):
                return
            begin = max(end, start + 1)

    def label(self, signal: int, rank: int) -> None:
        known = self.heard.hits.get(signal)
        if known is None or known.value is None:
            self._keep(signal, Hit(0, len(self.data), self.text, known.rank if known else rank))

    def _refused(self, signal: int, guards: Guards, start: int, end: int) -> str:
        reason = guards.against(self.data, start, end, self.words)
        if reason:
            self.heard.refused.setdefault(signal, (Hit(start, end), reason))
        return reason

    def _keep(self, signal: int, hit: Hit) -> None:
        self.heard.fired |= 1 << signal
        self.heard.hits[signal] = hit
