"""Bytes without a label, in the languages whose letters tell them apart."""

from __future__ import annotations

import pytest

from service.mail.charset_guess import guess


@pytest.mark.parametrize(
    ("charset", "words"),
    [
        ("cp1254", "Toplantı yarın değil, şirket binasında"),
        ("cp1252", "Grüße aus München, déjà vu à côté"),
        ("cp1251", "Привет как дела"),
        ("cp949", "안녕하세요 감사합니다 문의"),
        ("gb18030", "您好，谢谢您的来信，我们会尽快处理这个问题"),
        ("cp932", "お世話になっております"),
        ("euc_jp", "お世話になっております"),
        ("utf-8", "お世話になっております"),
    ],
)
def test_the_language_tells_the_charset(charset: str, words: str) -> None:
    assert guess(words.encode(charset)) == (words, False)
