"""Every word that any rule looks for, in one automaton: phrases, and what patterns and guards need to match at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ahocorasick_rs

from mailrules.fold import fold, lower
from mailrules.literals import EDGE, Clause, is_latin, needs
from mailrules.pack import Signal
from mailrules.patterns import PatternError


@dataclass(slots=True)
class Phrase:
    """Literal words of one signal. Latin words are whole words, unless their end is open."""

    signal: int
    open_end: bool
    latin_start: bool
    latin_end: bool
    text: str


def phrase_of(number: int, raw: str) -> Phrase:
    """A phrase as it is compared. Raises ``PatternError`` for an empty one."""
    open_end = raw.endswith("*")
    text = lower(fold(raw.rstrip("*"))[0])
    if not text.strip():
        raise PatternError(f"empty phrase {raw!r}")
    return Phrase(number, open_end, is_latin(text[0]), is_latin(text[-1]) and not open_end, text)


@dataclass(slots=True)
class _Use:
    """What it means that some letters stand somewhere."""

    phrases: tuple[Phrase, ...] = ()
    plain: int = -1
    """The word they are wherever they stand."""
    edged: tuple[tuple[tuple[bool, bool], int], ...] = ()
    """Words they are only between such edges."""


class Vocabulary:
    """Words by number: a word is what patterns need."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self._uses: dict[str, _Use] = {}
        self._numbers: dict[str, int] = {}
        for number, signal in enumerate(signals):
            for raw in signal.phrases:
                phrase = phrase_of(number, raw)
                use = self._uses.setdefault(phrase.text, _Use())
                use.phrases = (*use.phrases, phrase)
        self._automaton: Any = None
        self._simple: list[int] = []
        """By number of the letters: the word they are, -1 where more has to be looked at."""
        self._ordered: list[_Use] = []

    def needed(self, pattern: str, at_most: int = 2) -> list[frozenset[int]]:
        """The clauses of a pattern, as numbers of words."""
        return [self._numbered(clause) for clause in needs(fold(pattern)[0])[:at_most]]

    def _numbered(self, clause: Clause) -> frozenset[int]:
        return frozenset(map(self._number, sorted(clause)))

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is not None:
            return number
        number = self._numbers[word] = len(self._numbers)
        use = self._uses.setdefault(word.strip(EDGE), _Use())
        edges = (word[0] == EDGE, word[-1] == EDGE)
        if any(edges):
            use.edged = (*use.edged, (edges, number))
        else:
            use.plain = number
        return number

    def close(self) -> None:
        """All words are known now."""
        self._ordered = list(self._uses.values())
        self._simple = [-1 if use.phrases or use.edged else use.plain for use in self._ordered]
        self._automaton = ahocorasick_rs.AhoCorasick(list(self._uses)) if self._uses else None

    def look(self, text: str) -> tuple[set[int], list[tuple[Phrase, int, int]]]:
        """The words of a sentence in lower case, and each phrase with its place."""
        words: set[int] = set()
        phrases: list[tuple[Phrase, int, int]] = []
        if self._automaton is None:
            return words, phrases
        simple = self._simple
        for which, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
            if simple[which] >= 0:
                words.add(simple[which])
                continue
            use = self._ordered[which]
            if use.plain >= 0:
                words.add(use.plain)
            first = start == 0 or not is_latin(text[start - 1])
            last = end == len(text) or not is_latin(text[end])
            for (before, after), word in use.edged:
                if first >= before and last >= after:
                    words.add(word)
            for phrase in use.phrases:
                if first >= phrase.latin_start and last >= phrase.latin_end:
                    phrases.append((phrase, start, end))
        return words, phrases
