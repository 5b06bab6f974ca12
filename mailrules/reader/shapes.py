"""Values with a recognisable form: codes, identifiers, versions, times, counts, amounts, file names (`shapes.yaml`).

The patterns of ``shapes.yaml`` are RE2: linear in the length of the text. One set search finds all that match,
and which numbers of people, places and machines to look for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import re2
import yaml

from ..patterns import set_of

_DIGITS = "[0-9][0-9,.]*k?"
_SMALL = "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
_SMALL += "seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORTH = dict(zip(_SMALL, range(2, 20), strict=True)) | dict(zip(_TENS, range(20, 100, 10), strict=True))
_LARGE = {"million": 10**6, "thousand": 2000, "千": 1000, "hundred": 200, "百": 200, "dozen": 24, "十": 20}
_KANJI = dict(zip("一二三四五六七八九十", range(1, 11), strict=True))
_EN = (
    r"(?i)\b({digits}|(?:{tens})(?:-[a-z]+)?|{small}"
    r"|(?:a |several |many |few )?(?:hundreds?|thousands?|dozens?|million))"
    r"(?: (?:of|the|our|my|other|all|or so|more|[a-z-]+)){{0,2}}? (?:{nouns})\b"
)
_JA = r"([0-9][0-9,]*|[一二三四五六七八九十百千]+|数十|数百|数千) ?(?:{nouns})"


@dataclass(frozen=True, slots=True)
class Count:
    """A number of people, places or machines."""

    of: str
    number: int


@dataclass(frozen=True, slots=True)
class _Shapes:
    names: tuple[str, ...]
    counts: dict[str, list[tuple[str, Any]]]
    """Language → what is counted and its pattern."""
    any_of: dict[str, Callable[[str], Sequence[int]]]
    """Language → one search for all shapes and its counts."""


def find_shapes(folded: str, *, japanese: bool) -> tuple[list[str], list[Count]]:
    """Return the names of the shapes, and the numbers of people, places and machines, in a folded sentence."""
    shapes = _shapes()
    language = "ja" if japanese else "en"
    matched = shapes.any_of[language](folded)
    if not matched:
        return [], []
    names, counts = shapes.names, shapes.counts[language]
    found = [
        Count(of, number)
        for at in matched
        if at >= len(names)
        for of, pattern in (counts[at - len(names)],)
        for match in pattern.finditer(folded)
        if (number := _number(match.group(1)))
    ]
    return [names[at] for at in matched if at < len(names)], found


def _number(words: str) -> int:
    words = words.lower().replace(",", "").strip(".")
    if words[:1].isdigit():
        digits = words.rstrip("k").split(".")[0]
        return min(int(digits[:9] or 0), 10**9) * (1000 if words.endswith("k") else 1)
    if words in _KANJI:
        return _KANJI[words]
    head = words.split("-")[0]
    return _WORTH.get(head) or next((number for word, number in _LARGE.items() if word in words), 0)


@cache
def _shapes() -> _Shapes:
    content = yaml.load(
        (files("mailrules") / "reader" / "shapes.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader
    )
    patterns: dict[str, str] = content["shapes"]
    counts: dict[str, list[tuple[str, str]]] = {}
    for language, template in (("en", _EN), ("ja", _JA)):
        nouns = {of: "|".join(words.split()).replace("_", " ") for of, words in content["counts"][language].items()}
        counts[language] = [
            (of, template.format(digits=_DIGITS, tens="|".join(_TENS), small="|".join(_SMALL), nouns=words))
            for of, words in nouns.items()
        ]
    return _Shapes(
        tuple(patterns),
        {language: [(of, _compile(pattern)) for of, pattern in table] for language, table in counts.items()},
        {
            language: set_of([*patterns.values(), *(pattern for _, pattern in table)])
            for language, table in counts.items()
        },
    )


def _compile(pattern: str) -> Any:
    return re2.compile(pattern)  # type: ignore[no-untyped-call]
