"""Concepts: words by concept and language (`mailrules/concepts/*.yaml`), found in normal forms by Aho-Corasick.

An entry is one or more words as written in a mail; it is converted to normal forms when loaded. English entries match
whole words. Japanese entries must begin and end at word boundaries, whatever the boundaries between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import accumulate, count
from typing import NamedTuple

import yaml
from ahocorasick_rs import AhoCorasick

from .normal_forms import english, fold, is_japanese, tokens

# Entries whose normal form is one of these ("ですか", "たら") carry no concept; clauses.py handles them.
_FUNCTION_WORDS = frozenset(
    ("だ た か て で と に は が を も の から ため ない する ある れる られる ば よう 成る # #時 #に だか").split()
)

Vocabulary = Mapping[str, Mapping[str, Sequence[str]]]


class ConceptHit(NamedTuple):
    """A concept found in a sentence: tokens `start` to `end`."""

    concept: str
    start: int
    end: int


class ConceptMatcher:
    """Finds all concepts of a vocabulary in the normal forms of a sentence, in time linear in its length."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        spaced: dict[str, set[str]] = {}
        joined: dict[str, set[str]] = {}
        for concept, by_language in vocabulary.items():
            for language, entries in by_language.items():
                for entry in entries:
                    folded = fold(str(entry))
                    if language == "ja":
                        joined.setdefault(
                            "".join(tokens(folded) if is_japanese(folded) else english(folded)), set()
                        ).add(concept)
                    else:
                        spaced.setdefault(f" {' '.join(english(folded))} ", set()).add(concept)
        for entry in ("", *_FUNCTION_WORDS):
            joined.pop(entry, None)
        spaced.pop("  ", None)
        self._spaced = [tuple(sorted(names)) for names in spaced.values()]
        self._joined = [tuple(sorted(names)) for names in joined.values()]
        self._spaced_search = AhoCorasick(list(spaced))
        self._joined_search = AhoCorasick(list(joined))

    def find(self, forms: Sequence[str], *, japanese: bool) -> list[ConceptHit]:
        """Return the hits in one sentence, in no particular order."""
        return self._find_joined(forms) if japanese else self._find_spaced(forms)

    def _find_spaced(self, forms: Sequence[str]) -> list[ConceptHit]:
        text = f" {' '.join(forms)} "
        return [
            ConceptHit(concept, text.count(" ", 0, start), text.count(" ", 0, end - 1))
            for pattern, start, end in self._spaced_search.find_matches_as_indexes(text, overlapping=True)
            for concept in self._spaced[pattern]
        ]

    def _find_joined(self, forms: Sequence[str]) -> list[ConceptHit]:
        matches = self._joined_search.find_matches_as_indexes("".join(forms), overlapping=True)
        if not matches:
            return []
        index = dict(zip(accumulate(map(len, forms), initial=0), count(), strict=False))
        return [
            ConceptHit(concept, index[start], index[end])
            for pattern, start, end in matches
            if start in index and end in index
            for concept in self._joined[pattern]
        ]


def load_vocabulary(documents: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Merge concept files: `concept: {en: "entry, entry, …", ja: "entry, …"}`; later files add words."""
    merged: dict[str, dict[str, list[str]]] = {}
    for document in documents:
        content: dict[str, dict[str, str]] = yaml.load(document, Loader=yaml.CSafeLoader)
        for concept, by_language in content.items():
            for language, entries in by_language.items():
                merged.setdefault(concept, {}).setdefault(language, []).extend(
                    filter(None, map(str.strip, entries.split(",")))
                )
    return merged


@cache
def shipped_vocabulary() -> dict[str, dict[str, list[str]]]:
    """Return the concepts shipped with sodan."""
    folder = files("mailrules") / "concepts"
    return load_vocabulary(
        entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda file: file.name)
        if entry.name.endswith(".yaml")
    )
