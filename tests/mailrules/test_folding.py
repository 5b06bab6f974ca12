"""Folding a text."""

from __future__ import annotations

import unicodedata

from mailrules.fold import _SINGLE, fold


def test_a_fold_of_one_character_is_that_of_the_table() -> None:
    for code in (*range(0x20, 0x3400), *range(0xF900, 0xD7FF + 0x2800)):
        text = f"あ{chr(code)}い"
        folded, shifts = fold(text)
        if len(shifts.here) == 1 and unicodedata.category(chr(code)) != "Cs":
            assert folded == text.translate(_SINGLE)
