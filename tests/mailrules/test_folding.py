"""Folding a text."""

import unicodedata

from mailrules.fold import _PECULIAR, _SINGLE, fold


def test_a_fold_of_one_character_is_that_of_the_table() -> None:
    for code in (*range(0x20, 0x3400), *range(0xF900, 0xD7FF + 0x2800)):
        text = f"あ{chr(code)}い"
        if not _PECULIAR.search(text) and unicodedata.category(chr(code)) != "Cs":
            assert fold(text) == text.translate(_SINGLE)
