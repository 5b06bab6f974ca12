"""The shipped vocabulary: an entry must keep its meaning in the normal forms, and idioms hide the words inside them."""

from collections import Counter
from collections.abc import Iterator

import pytest

from mailrules.reader.concepts import ConceptMatcher, shipped_matcher, shipped_vocabulary
from mailrules.reader.normal_forms import fold, is_japanese, normal_forms
from tests.tables import table_beside

TABLES = table_beside(__file__, "vocabulary.yaml")

COMMON = {"#", "i", "we", "you", "be", "do", "have", "can", "go", "it", "a", "the", "not"}


def concepts_of(sentence: str) -> set[str]:
    japanese = is_japanese(sentence)
    tokens = normal_forms([fold(sentence)], japanese=japanese)
    return {concept for *_, entry in shipped_matcher().find(tokens, japanese=japanese) for concept in entry.concepts}


def entries_of(language: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield concept, text and normal forms of each entry of a language."""
    for concept, by_language in shipped_vocabulary().items():
        for text in by_language.get(language, ()):
            japanese = language == "ja" and is_japanese(fold(text))
            yield concept, text, normal_forms([fold(text)], japanese=japanese)[:-1]


def test_no_english_entry_becomes_a_number_or_a_common_word() -> None:
    found = [one for one in entries_of("en") if len(one[2]) == 1 and one[2][0] in COMMON - {one[1]}]
    assert found == []


@pytest.mark.parametrize(("language", "separator"), [("en", " "), ("ja", "")])
def test_no_concept_has_an_entry_twice_or_in_another_spelling(language: str, separator: str) -> None:
    entries = Counter((concept, separator.join(forms)) for concept, _, forms in entries_of(language))
    assert [entry for entry, count in entries.items() if count > 1] == []


@pytest.mark.parametrize(("sentence", "concept"), TABLES["common_words_carry_no_concept"])
def test_common_words_carry_no_concept(sentence: str, concept: str) -> None:
    assert concept not in concepts_of(sentence)


@pytest.mark.parametrize(("sentence", "concept"), TABLES["a_phrase_outside_an_idiom_counts"])
def test_a_phrase_outside_an_idiom_counts(sentence: str, concept: str) -> None:
    assert concept in concepts_of(sentence)


def test_an_idiom_that_ends_within_a_word_hides_nothing() -> None:
    matcher = ConceptMatcher({"idiom": {"ja": ["皆様"]}, "all": {"ja": ["皆"]}})
    for sentence, concepts in (("皆様子がおかしい。", ("all",)), ("皆様がお困りです。", ("idiom",))):
        tokens = normal_forms([fold(sentence)], japanese=True)
        assert [entry.concepts for *_, entry in matcher.find(tokens, japanese=True)] == [concepts]
