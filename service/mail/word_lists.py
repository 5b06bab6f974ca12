"""Loads lists of words, phrases or patterns from YAML files in a folder ``words/``.

Each list is one text. Words are separated by white space, phrases by ``|`` or line ends, patterns by line ends.
"""

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any, Final

import re2
import yaml

INVISIBLE: Final = dict.fromkeys(
    (0x61C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF)
)


@cache
def load(name: str, package: str = "service.mail") -> dict[str, Any]:
    """Return the lists in the file ``words/{name}.yaml`` of a package, as list name → text."""
    loaded: dict[str, Any] = yaml.load(files(package).joinpath("words", f"{name}.yaml").read_bytes(), yaml.CSafeLoader)
    return loaded


def fold(text: str) -> str:
    """Return the text for comparison: NFKC, case-folded, without invisible characters."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text.translate(INVISIBLE)).casefold()


def phrases(text: str) -> frozenset[str]:
    """Return the phrases of a list, each folded."""
    return frozenset(fold(phrase.strip()) for phrase in re.split(r"[|\n]", text) if phrase.strip())


def words(text: str) -> frozenset[str]:
    """Return the words of a list, each folded."""
    return frozenset(map(fold, text.split()))


def alternatives(text: str) -> str:
    """Return a pattern that matches any of the patterns of a list."""
    return "|".join(text.splitlines())


def linear(pattern: str) -> re.Pattern[str]:
    """Compile a pattern with RE2, which matches any text in linear time; case is ignored."""
    compiled: re.Pattern[str] = re2.compile(f"(?i){pattern}")  # type: ignore[no-untyped-call]
    return compiled
