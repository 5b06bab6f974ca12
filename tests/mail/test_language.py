"""The language of short and long texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mail.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("プリンタが動きません。", "ja"),
        ("FortiClient 7.2 で Error -14 が出る", "ja"),
        ("了解", "ja"),
        ("承知いたしました。", "ja"),
        ("请问这个问题如何解决，谢谢您", "zh"),
        ("안녕하세요, 프린터가 작동하지 않습니다.", "ko"),
        ("Works like a charm, cheers.", "en"),
        ("ok", "en"),
        ("for the record (attached)", "en"),
        ("Thanks! See https://pl.example/drukarka/pomoc for the details", "en"),
        ("Das Gerät funktioniert nicht mehr, bitte helfen Sie uns schnell weiter.", "de"),
        ("Bonjour, je ne peux plus ouvrir le fichier partagé depuis ce matin.", "fr"),
        ("Привет, не работает почта с самого утра, помогите пожалуйста", "ru"),
        ("สวัสดีครับ เครื่องพิมพ์ไม่ทำงาน", "th"),
        ("", "und"),
        ("0x8024402C", "und"),
        ("https://firm.example/x", "und"),
    ],
)
def test_language_of_a_text(text: str, language: str) -> None:
    assert language_of(text) == language


@given(st.text(max_size=200))
def test_any_text_has_a_code(text: str) -> None:
    assert 2 <= len(language_of(text)) <= 3
