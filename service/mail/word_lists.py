"""Loads the lists of words and patterns in ``words/``, one file per subject.

Every list is one text. Words are separated by white space, phrases by ``|`` or line ends. A pattern has one or more
alternatives per line.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any, Final

import re2
import yaml

INVISIBLE: Final = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"))


@cache
def load(name: str, package: str = "service.mail") -> dict[str, Any]:
    """Return the lists of one file by name."""
    loaded: dict[str, Any] = yaml.load(files(package).joinpath("words", f"{name}.yaml").read_bytes(), yaml.CSafeLoader)
    return loaded


def fold(text: str) -> str:
    """Normalise for comparison: NFKC, case-folded, without direction marks and zero-width characters."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text.translate(INVISIBLE)).casefold()


def phrases(text: str) -> frozenset[str]:
    """Return the phrases of a list, folded."""
    return frozenset(fold(phrase.strip()) for phrase in re.split(r"[|\n]", text) if phrase.strip())


def words(text: str) -> frozenset[str]:
    """Return the words of a list, folded."""
    return frozenset(map(fold, text.split()))


def alternatives(text: str) -> str:
    """Return the pattern of a list."""
    return "|".join(text.splitlines())


def linear(pattern: str) -> re.Pattern[str]:
    """Compile ``pattern`` for any text, without regard to case: RE2, linear time, with the methods of ``re``."""
    compiled: re.Pattern[str] = re2.compile(f"(?i){pattern}")  # type: ignore[no-untyped-call]
    return compiled
