"""The short ways of folding and parting a text come to the same as the long ones."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from mailrules.fold import _SINGLE, fold
from mailrules.sentences import _several, sentences

PIECES = ("。", "!", "?", ".", ";", " ", "\t", "」", "「", ")", '"', "と", "の", "あ", "A", "b", "1", "e.g", "、")


def test_a_fold_of_one_character_is_that_of_the_table() -> None:
    for code in (*range(0x20, 0x3400), *range(0xF900, 0xD7FF + 0x2800)):
        text = f"あ{chr(code)}い"
        folded, shifts = fold(text)
        if len(shifts.here) == 1 and unicodedata.category(chr(code)) != "Cs":
            assert folded == text.translate(_SINGLE)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_sentences_are_the_same_by_the_short_way(text: str) -> None:
    assert sentences(text) == _several(text)


def test_words_in_quotes_are_one_sentence_and_end_it() -> None:
    text = 'It stops with "Cannot reach it. Try again later." It is only his.'
    assert [text[low:high].strip() for low, high in sentences(text)] == [
        'It stops with "Cannot reach it. Try again later."',
        "It is only his.",
    ]
