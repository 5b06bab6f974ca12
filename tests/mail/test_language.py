"""The language of short and long texts."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mail.language import language_of
from tests.tables import table_beside

TEXTS: list[list[str]] = table_beside(__file__, "languages.yaml")


@pytest.mark.parametrize(("text", "language"), TEXTS)
def test_the_language_of_a_text(text: str, language: str) -> None:
    assert language_of(text) == language


@given(st.text(max_size=200))
def test_any_text_has_a_language_code(text: str) -> None:
    assert 2 <= len(language_of(text)) <= 3


IN_OWN_PROCESS = """
import resource, tempfile
from service.mail.language import language_of
GERMAN = 'Das Gerät funktioniert nicht mehr, bitte helfen Sie uns schnell weiter.'
tempfile.tempdir = '/no/such/folder'
before = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
first = language_of(GERMAN)
resource.setrlimit(resource.RLIMIT_NOFILE, before)
print(first, language_of(GERMAN))
"""


def test_the_language_is_unknown_while_the_classifier_cannot_be_loaded() -> None:
    """The classifier is loaded also without a usable temporary folder."""
    done = subprocess.run([sys.executable, "-c", IN_OWN_PROCESS], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "und de"
