"""Creates the embedded reader, with the organisation's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailrules.reader.concepts import ConceptMatcher, shipped_vocabulary
from mailrules.reader.embedded import EmbeddedReader, shipped_matcher
from mailrules.statement import Reader


def make_reader(words: Mapping[str, Mapping[str, Sequence[str]]]) -> Reader:
    """Return the embedded reader. `words`: concept → language → additional words."""
    if not words:
        return EmbeddedReader(shipped_matcher())
    vocabulary = {
        concept: {language: list(some) for language, some in by.items()} for concept, by in shipped_vocabulary().items()
    }
    for concept, by_language in words.items():
        for language, some in by_language.items():
            vocabulary.setdefault(concept, {}).setdefault(language, []).extend(some)
    return EmbeddedReader(ConceptMatcher(vocabulary))


def concepts() -> tuple[str, ...]:
    """Return the concepts to which an organisation may add words."""
    return tuple(shipped_vocabulary())
