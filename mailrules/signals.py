"""What to notice: the phrases, patterns, labels, files and headers of all packs, looked for in one pass.

Phrases go through one Aho-Corasick automaton, patterns through RE2 sets that only say *which* can match; the places are
then asked of those few. Both are linear in the text, whatever a pack's author wrote.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import ahocorasick_rs
import re2 as _re2

from mailrules.fold import fold, lower
from mailrules.pack import Signal
from mailrules.thread import Turn
from mailrules.units import Sheet

RE2: Any = _re2
"""The library has no types."""
TEXT_PLACES = frozenset(("subject", "sentence", "label", "list"))
"""Where a signal looks if it does not say."""
_ANYWHERE = RE2._Anchor.UNANCHORED
_NOWHERE = (-1, -1)
"""How the library itself asks for a match: its generator of match objects costs several times the match."""
_SET_SIZE = 120
"""Patterns of one RE2 set: few enough that its automaton stays small."""


class PatternError(ValueError):
    """A pattern that RE2 does not take."""


def compile_pattern(pattern: str, case: bool = False) -> Any:
    """An RE2 pattern for folded text: never crosses a line, any case unless ``case``."""
    try:
        return RE2.compile(_rooted(pattern), _options(case))
    except RE2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise PatternError(f"RE2 does not take {pattern!r}: {text}") from None


def _rooted(pattern: str) -> str:
    """``^`` and ``$`` are the ends of a line of the sheet."""
    return "(?m)" + fold(pattern)[0]


def _options(case: bool) -> Any:
    options = RE2.Options()
    options.case_sensitive = case
    options.never_nl = True
    options.log_errors = False
    options.max_mem = 64 << 20
    return options


@dataclass(slots=True)
class Hit:
    """Where a signal fired first in a unit. ``start``/``end`` count characters of the sheet, -1 outside of it."""

    signal: int
    unit: int
    start: int
    end: int
    value: str | None = None
    words: str = ""


@dataclass(slots=True)
class Hits:
    """All that fired in one mail. Masks have one bit a signal."""

    by_unit: list[int]
    mail: int
    found: dict[tuple[int, int], Hit]
    """(unit, signal) → the first place; unit -1 for files and headers."""
    refused: dict[tuple[int, int], str] = field(default_factory=dict)
    """(unit, signal) → why words that were there did not count."""


class _Guards:
    """The ``not`` patterns of one signal."""

    __slots__ = ("after", "before", "sentence")

    def __init__(self, signal: Signal) -> None:
        self.sentence = [compile_pattern(p, signal.case) for p in signal.not_]
        self.after = [compile_pattern(p, signal.case) for p in signal.not_after]
        self.before = [compile_pattern(p, signal.case) for p in signal.not_before]

    def against(self, unit: bytes, start: int, end: int) -> str:
        """Which guard keeps the words at these bytes from counting, empty if none."""
        for kind, patterns, text in (
            ("not", self.sentence, unit),
            ("not_after", self.after, unit[end:]),
            ("not_before", self.before, unit[:start]),
        ):
            for pattern in patterns:
                if pattern.search(text):
                    return f"{kind}: {pattern.pattern.removeprefix('(?m)')}"
        return ""


@dataclass(slots=True)
class _Phrase:
    signal: int
    open_end: bool
    latin_start: bool
    latin_end: bool
    text: str


class Spotter:
    """All signals of all packs, compiled."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self.signals = tuple(signals)
        self.index = {signal.id: number for number, signal in enumerate(self.signals)}
        self._places = [frozenset(signal.scope) or TEXT_PLACES for signal in self.signals]
        self._sides = [frozenset(signal.side) for signal in self.signals]
        self._guards = [_Guards(s) if s.not_ or s.not_after or s.not_before else None for s in self.signals]
        self._phrases: list[list[_Phrase]] = []
        self._automaton = self._compile_phrases()
        self._patterns: list[tuple[int, Any, int]] = []
        self._sets: list[tuple[Any, int]] = []
        self._compile_patterns()
        self._labels: list[int] = []
        self._label_set = self._compile_labels()
        self._labels_seen: dict[str, tuple[int, ...]] = {}
        self._files = [(n, compile_pattern(p)) for n, s in enumerate(self.signals) for p in s.files]
        self._headers = [
            (n, name.lower(), compile_pattern(p)) for n, s in enumerate(self.signals) for name, p in s.headers.items()
        ]

    def _compile_phrases(self) -> Any:
        by_text: dict[str, list[_Phrase]] = {}
        for number, signal in enumerate(self.signals):
            for raw in signal.phrases:
                open_end = raw.endswith("*")
                text = lower(fold(raw.rstrip("*"))[0])
                if not text.strip():
                    raise PatternError(f"empty phrase {raw!r}")
                by_text.setdefault(text, []).append(
                    _Phrase(number, open_end, _is_latin(text[0]), _is_latin(text[-1]) and not open_end, text)
                )
        self._phrases = list(by_text.values())
        return ahocorasick_rs.AhoCorasick(list(by_text)) if by_text else None

    def _compile_patterns(self) -> None:
        for case in (False, True):
            patterns = [
                (number, pattern)
                for number, signal in enumerate(self.signals)
                if signal.case is case
                for pattern in signal.patterns
            ]
            for low in range(0, len(patterns), _SET_SIZE):
                group = RE2.Set.SearchSet(_set_options(case))
                base = len(self._patterns)
                for number, pattern in patterns[low : low + _SET_SIZE]:
                    compiled = compile_pattern(pattern, case)
                    value = dict(compiled.groupindex).get("value", 0)
                    self._patterns.append((number, compiled._regexp.Match, value))
                    group.Add(_rooted(pattern))
                group.Compile()
                self._sets.append((group, base))

    def _compile_labels(self) -> Any:
        group = RE2.Set.FullMatchSet(_set_options(False))
        for number, signal in enumerate(self.signals):
            for pattern in signal.labels:
                compile_pattern(pattern)
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
            if len(self._labels_seen) > 5000:
                self._labels_seen.clear()
            self._labels_seen[label] = known
        return known

    def knows_label(self, label: str) -> bool:
        return bool(self.label_signals(label))

    def spot(self, sheet: Sheet, turn: Turn) -> Hits:
        """Every signal that fires in this mail, unit by unit."""
        hits = Hits([0] * len(sheet.units), 0, {})
        starts = [unit.start for unit in sheet.units]
        seen = _Seen(self, sheet, turn, hits, starts)
        self._spot_phrases(seen)
        self._spot_patterns(seen)
        for number, unit in enumerate(sheet.units):
            if unit.label:
                for signal in self.label_signals(unit.label):
                    seen.note(signal, number, unit.start, unit.end, sheet.text[unit.start : unit.end], labelled=True)
        for signal, pattern in self._files:
            for file in turn.files:
                match = pattern.search(fold(file.filename)[0])
                if match:
                    seen.note_outside(signal, file.filename)
        for signal, name, pattern in self._headers:
            for key, value in turn.headers:
                if key.lower() == name and pattern.search(value):
                    seen.note_outside(signal, f"{key}: {value}")
        return hits

    def _spot_phrases(self, seen: _Seen) -> None:
        if self._automaton is None:
            return
        text = lower(seen.sheet.text)
        for which, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
            for phrase in self._phrases[which]:
                if phrase.latin_start and start and _is_latin(text[start - 1]):
                    continue
                if phrase.latin_end and end < len(text) and _is_latin(text[end]):
                    continue
                seen.note(phrase.signal, bisect_right(seen.starts, start) - 1, start, end, None)

    def _spot_patterns(self, seen: _Seen) -> None:
        data = seen.data
        if not data:
            return
        for group, base in self._sets:
            for which in group.Match(data) or ():
                signal, find, value = self._patterns[base + which]
                at = 0
                while (spans := find(_ANYWHERE, data, at, len(data)))[0] != _NOWHERE:
                    start, end = spans[0]
                    unit = seen.unit_at(start)
                    if not self.accepts(signal, seen.sheet.units[unit].where, seen.turn.side):
                        at = seen.after(unit)
                        if at >= len(data):
                            break
                        continue
                    low, high = spans[value]
                    kept = data[low:high].decode("utf-8", "replace") if value and high > low else None
                    noted = seen.note_bytes(signal, unit, start, end, kept)
                    at = seen.after(unit) if noted else max(end, start + 1)
                    if at >= len(data):
                        break

    def accepts(self, signal: int, where: str, side: str) -> bool:
        """Whether this signal looks at such a place in mails of such a side."""
        sides = self._sides[signal]
        return where in self._places[signal] and (not sides or side in sides)

    def for_vendors(self, signal: int) -> bool:
        """Whether it looks at vendors' mails alone: there an empty form line is what they ask for."""
        return self._sides[signal] == {"vendor"}

    def guarded(self, signal: int) -> bool:
        """Whether something may speak against its words."""
        return self._guards[signal] is not None

    def guard(self, signal: int, unit: bytes, start: int, end: int) -> str:
        guards = self._guards[signal]
        return guards.against(unit, start, end) if guards else ""


class _Seen:
    """Collects the hits of one mail."""

    def __init__(self, spotter: Spotter, sheet: Sheet, turn: Turn, hits: Hits, starts: list[int]) -> None:
        self.spotter, self.sheet, self.turn, self.hits, self.starts = spotter, sheet, turn, hits, starts
        self.data: bytes = sheet.text.encode("utf-8", "replace")
        self._plain = len(self.data) == len(sheet.text)
        self._bytes: list[int] = starts
        """Where each unit begins in the encoded sheet."""
        if not self._plain:
            self._bytes = []
            at = last = 0
            for unit in sheet.units:
                at += len(sheet.text[last : unit.start].encode("utf-8", "replace"))
                last = unit.start
                self._bytes.append(at)

    def unit_at(self, byte: int) -> int:
        return max(0, bisect_right(self._bytes, byte) - 1)

    def after(self, number: int) -> int:
        """The byte where the unit after this one begins."""
        return self._bytes[number + 1] if number + 1 < len(self._bytes) else len(self.data)

    def note_bytes(self, signal: int, number: int, start: int, end: int, value: str | None) -> bool:
        """``note`` for a place in the encoded sheet."""
        if self._plain:
            return self.note(signal, number, start, end, value)
        base = self._bytes[number]
        low = self.starts[number] + len(self.data[base:start].decode("utf-8", "ignore"))
        high = low + len(self.data[start:end].decode("utf-8", "ignore"))
        return self.note(signal, number, low, high, value)

    def note(
        self, signal: int, number: int, start: int, end: int, value: str | None, *, labelled: bool = False
    ) -> bool:
        """Keep a hit, unless something speaks against it. False where other words of the unit may still count."""
        unit = self.sheet.units[number]
        bit = 1 << signal
        if self.hits.by_unit[number] & bit and not (value and self.hits.found[number, signal].value is None):
            return True
        if not self.spotter.accepts(signal, unit.where, self.turn.side):
            return True
        text = self.sheet.text
        if not labelled:
            if unit.state in ("placeholder", "empty") and not self.spotter.for_vendors(signal):
                return True
            if self.spotter.guarded(signal):
                inside = text[unit.start : unit.end]
                low = len(inside[: start - unit.start].encode("utf-8", "replace"))
                high = low + len(text[start:end].encode("utf-8", "replace"))
                reason = self.spotter.guard(signal, inside.encode("utf-8", "replace"), low, high)
                if reason:
                    self.hits.refused.setdefault((number, signal), f"{text[start:end]!r}, but {reason}")
                    return reason.startswith("not:")
        self.hits.by_unit[number] |= bit
        self.hits.mail |= bit
        self.hits.found[number, signal] = Hit(signal, number, start, end, value, text[start:end])
        return True

    def note_outside(self, signal: int, words: str) -> None:
        sides = self.spotter._sides[signal]
        if sides and self.turn.side not in sides:
            return
        self.hits.mail |= 1 << signal
        self.hits.found.setdefault((-1, signal), Hit(signal, -1, -1, -1, words, words))


def _set_options(case: bool) -> Any:
    options = _options(case)
    options.max_mem = 256 << 20
    return options


def _is_latin(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")
