"""Folding a text."""

from mailrules.fold import fold


def test_width_quotes_and_dashes_are_folded_but_circled_numbers_stay() -> None:
    assert fold("①ｶﾞﾗｽ　㈱ＡＢＣ‐“１”\r\n②a\u200bb～") == '①ガラス (株)ABC-"1"\n②ab~'
