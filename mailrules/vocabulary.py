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
    edged: tuple[tuple[tuple[bool, bool], int], ...] = ()
    """Words they are only between such edges."""


class Vocabulary:
    """Words by number: a word is what patterns need."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self._uses: dict[str, _Use] = {}
        """Letters that are a phrase, or a word between edges only."""
        self._numbers: dict[str, int] = {}
        for number, signal in enumerate(signals):
            for raw in signal.phrases:
                phrase = phrase_of(number, raw)
                use = self._uses.setdefault(phrase.text, _Use())
                use.phrases = (*use.phrases, phrase)
        self._automaton: Any = None
        self._plain: list[int] = []
        """By number of the letters: the word they are wherever they stand, -1 for none."""
        self._ordered: list[_Use] = []
        """The same, of the letters that mean more than that: the first ones."""

    def needed(self, pattern: str, at_most: int = 2) -> list[frozenset[int]]:
        """The clauses of a pattern, as numbers of words."""
        return [self._numbered(clause) for clause in needs(fold(pattern)[0])[:at_most]]

    def _numbered(self, clause: Clause) -> frozenset[int]:
        return frozenset(map(self._number, sorted(clause)))

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self._numbers)
            if EDGE in word:
                use = self._uses.setdefault(word.strip(EDGE), _Use())
                use.edged = (*use.edged, ((word[0] == EDGE, word[-1] == EDGE), number))
        return number

    def close(self) -> None:
        """All words are known now."""
        letters = list(self._uses)
        letters += [word for word in self._numbers if EDGE not in word and word not in self._uses]
        self._plain = [self._numbers.get(word, -1) for word in letters]
        self._ordered = list(self._uses.values())
        self._automaton = ahocorasick_rs.AhoCorasick(letters) if letters else None

    def look(self, text: str) -> tuple[set[int], list[tuple[Phrase, int, int]]]:
        """The words of a sentence in lower case, and each phrase with its place."""
        words: set[int] = set()
        phrases: list[tuple[Phrase, int, int]] = []
        if self._automaton is None:
            return words, phrases
        plain, more = self._plain, len(self._ordered)
        for which, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
            if plain[which] >= 0:
                words.add(plain[which])
            if which >= more:
                continue
            use = self._ordered[which]
            first = start == 0 or not is_latin(text[start - 1])
            last = end == len(text) or not is_latin(text[end])
            for (before, after), word in use.edged:
                if first >= before and last >= after:
                    words.add(word)
            for phrase in use.phrases:
                if first >= phrase.latin_start and last >= phrase.latin_end:
                    phrases.append((phrase, start, end))
        return words, phrases
