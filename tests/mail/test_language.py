"""The language of short and long texts."""

import subprocess
import sys
import tempfile
from pathlib import Path

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


def in_own_process(code: str) -> str:
    """What this code prints in a process that has not loaded the classifier. ``GERMAN`` is a text that needs it."""
    start = (
        "import resource, tempfile\n"
        "from service.mail import language_table\n"
        "from service.mail.language import language_of\n"
        "GERMAN = 'Das Gerät funktioniert nicht mehr, bitte helfen Sie uns schnell weiter.'\n"
    )
    done = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_temporary_folder_that_takes_no_file_does_not_matter() -> None:
    gone = Path(tempfile.gettempdir()) / "no" / "such" / "folder"
    assert in_own_process(f"tempfile.tempdir = {str(gone)!r}\nprint(language_of(GERMAN))") == "de"


def test_without_the_classifier_the_language_is_unknown_until_it_can_be_loaded() -> None:
    code = (
        "before = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))\n"
        "first = language_of(GERMAN)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, before)\n"
        "print(first, language_of(GERMAN))"
    )
    assert in_own_process(code) == "und de"
