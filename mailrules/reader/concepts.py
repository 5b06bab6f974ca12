"""Concepts: words by concept and language (`mailrules/concepts/*.yaml`), found in normal forms by Aho-Corasick.

An entry is one or more words as written in a mail; it is converted to normal forms when loaded. English entries match
whole words. Japanese entries must begin and end at word boundaries, whatever the boundaries between.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import accumulate, chain, count

import yaml
from ahocorasick_rs import AhoCorasick

from .normal_forms import english, fold, is_japanese, tokens

# Entries whose normal form is one of these ("ですか", "たら") carry no concept; clauses.py handles them.
_FUNCTION_WORDS = frozenset(
    ("だ た か て で と に は が を も の から ため ない する ある れる られる ば よう 成る # #時 #に だか").split()
)

Vocabulary = Mapping[str, Mapping[str, Sequence[str]]]


ConceptHit = tuple[str, int, int]
"""A concept found in a sentence, its first token, and the token after its last."""


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
                        joined.setdefault("".join(tokens(folded, japanese=is_japanese(folded))), set()).add(concept)
                    else:
                        spaced.setdefault(f" {' '.join(english(folded))} ", set()).add(concept)
        for entry in ("", *_FUNCTION_WORDS):
            joined.pop(entry, None)
        spaced.pop("  ", None)
        self._spaced = [tuple(sorted(names)) for names in spaced.values()]
        self._joined = [tuple(sorted(names)) for names in joined.values()]
        self._spaced_search = AhoCorasick(list(spaced))
        self._joined_search = AhoCorasick(list(joined))

    def find(self, forms: Sequence[Sequence[str]], japanese: Sequence[bool]) -> list[list[ConceptHit]]:
        """Return the hits in each of some sentences, in no particular order. `japanese`: whether it is Japanese."""
        found: list[list[ConceptHit]] = [[] for _ in forms]
        for language, search, names, separator in (
            (False, self._spaced_search, self._spaced, " "),
            (True, self._joined_search, self._joined, ""),
        ):
            chosen = [at for at, own in enumerate(japanese) if own is language]
            if chosen:
                _find(search, names, separator, [forms[at] for at in chosen], [found[at] for at in chosen])
        return found


def _find(
    search: AhoCorasick,
    names: Sequence[Sequence[str]],
    separator: str,
    sentences: Sequence[Sequence[str]],
    found: Sequence[list[ConceptHit]],
) -> None:
    """Search all sentences of a language at once: one a line, which no entry can match across."""
    tokens_and_ends = list(chain.from_iterable((*forms, "\n") for forms in sentences))
    matches = search.find_matches_as_indexes(separator + separator.join(tokens_and_ends), overlapping=True)
    if not matches:
        return
    gap = len(separator)
    lengths = map(gap.__add__, map(len, tokens_and_ends))
    token_at = dict(zip(accumulate(lengths, initial=0), count(), strict=False)).get
    firsts = list(accumulate((len(forms) + 1 for forms in sentences), initial=0))
    for pattern, start, end in matches:
        first, last = token_at(start), token_at(end - gap)
        if first is not None and last is not None:
            sentence = bisect_right(firsts, first) - 1
            begin = firsts[sentence]
            for name in names[pattern]:
                found[sentence].append((name, first - begin, last - begin))


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
