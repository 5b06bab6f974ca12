"""Finds concepts (`mailrules/concepts/*.yaml`) in normal forms of words, by Aho-Corasick.

An entry is one or more words as written in a mail. Loading converts the entry to normal forms. English entries match
whole words. Japanese entries must begin and end at word boundaries; word boundaries inside an entry do not matter.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import accumulate, count
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from ..resources import read_yaml
from .normal_forms import fold, is_japanese, normal_forms, sentences_of
from .signals import groups_of

# An entry with one of these normal forms ("ですか", "たら", a pronoun) has no concept. clauses.py handles some of them.
_FUNCTION_WORDS = frozenset(
    (
        *"だ た か て で と に は が を も の から ため ない する ある れる られる ば よう 成る # #時 #に だか".split(),
        *("i", "we", "be"),
    )
)

PLAIN = "plain."
_STATING = (PLAIN, "settled.")  # prefixes of concepts that state a meaning by themselves
IDIOM = "idiom"
MOVED_BACK = "moved.back"
STATE = "ticket_state."
_HIDING = frozenset((IDIOM, MOVED_BACK))  # an entry of another concept does not count inside a phrase of these
Vocabulary = Mapping[str, Mapping[str, Sequence[str]]]


class Entry(NamedTuple):
    """One phrase of the vocabulary, with its concepts."""

    concepts: tuple[str, ...]
    groups: int  # the groups of `signals.yaml` that contain one of the concepts
    plain: tuple[str, ...]  # the concepts that state a meaning unmistakably (`unmistakable.yaml`, `resolved.yaml`)
    state: str  # the label or the name of a state of a case (`concepts/ticket_states.yaml`), or ""
    idiom: bool  # whether entries inside this phrase are ignored (`concepts/idioms.yaml`, `moved.back`)


class ConceptMatcher:
    """Finds all concepts of a vocabulary in the normal forms of sentences, in linear time."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._languages = tuple(_search_of(vocabulary, japanese=japanese) for japanese in (False, True))

    def find(self, tokens: Sequence[str], *, japanese: bool) -> Iterator[tuple[int, int, Entry]]:
        """Yield (index of the first token, index after the last token, entry) of each match.

        `tokens`: the tokens of sentences in one language. The last token of each sentence is a line break. No entry
        matches across a line break.
        """
        separator, search, entries = self._languages[japanese]
        matches = search.find_matches_as_indexes(separator + separator.join(tokens), overlapping=True)
        if not matches:
            return
        gap = len(separator)
        token_at = dict(zip(accumulate(map(gap.__add__, map(len, tokens)), initial=0), count(), strict=False)).get
        found = [
            (first, last, entries[pattern])
            for pattern, start, end in matches
            if (first := token_at(start)) is not None and (last := token_at(end - gap)) is not None
        ]
        idioms = sorted((first, last) for first, last, entry in found if entry.idiom)
        begins, ends = [first for first, _ in idioms], [*accumulate((last for _, last in idioms), max, initial=0)]
        for first, last, entry in found:
            if entry.idiom or last > ends[bisect_right(begins, first)]:
                yield first, last, entry


def _search_of(vocabulary: Vocabulary, *, japanese: bool) -> tuple[str, AhoCorasick, list[Entry]]:
    """Return the search for the words of one language: the separator of tokens, the automaton, and the entries.

    The entry at index i belongs to pattern i of the automaton.
    """
    separator = "" if japanese else " "
    written = [
        (concept, fold(str(text)))
        for concept, by_language in vocabulary.items()
        for language, some in by_language.items()
        if (language == "ja") is japanese
        for text in some
    ]
    found: dict[str, set[str]] = {}
    for own in (False, True):
        some = [(concept, text) for concept, text in written if (japanese and is_japanese(text)) is own]
        forms = sentences_of(normal_forms([text for _, text in some], japanese=own))
        for (concept, _), tokens in zip(some, forms, strict=True):
            found.setdefault(separator.join(tokens), set()).add(concept)
    for text in ("", *_FUNCTION_WORDS):
        found.pop(text, None)
    entries = [
        Entry(
            tuple(names),
            groups_of(names),
            tuple(name for name in names if name.startswith(_STATING)),
            next((name for name in names if name.startswith(STATE)), ""),
            not _HIDING.isdisjoint(names),
        )
        for names in map(sorted, found.values())
    ]
    return separator, AhoCorasick([f"{separator}{text}{separator}" for text in found]), entries


@cache
def shipped_vocabulary() -> dict[str, dict[str, list[str]]]:
    """Return the concepts shipped with sodan. A file has `concept: {en: "entry, entry, …", ja: "entry, …"}`."""
    merged: dict[str, dict[str, list[str]]] = {}
    names = sorted(file.name for file in (files("mailrules") / "concepts").iterdir())
    for name in [name for name in names if name.endswith(".yaml")]:
        for concept, by_language in read_yaml("concepts", name).items():
            for language, entries in by_language.items():
                own = merged.setdefault(concept, {}).setdefault(language, [])
                own.extend(filter(None, map(str.strip, entries.split(","))))
    return merged


@cache
def shipped_matcher() -> ConceptMatcher:
    """Return the matcher of the shipped concepts."""
    return ConceptMatcher(shipped_vocabulary())
