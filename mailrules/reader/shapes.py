"""Values with a recognisable form: codes, identifiers, versions, times, counts, amounts, file names (`shapes.yaml`).

The patterns of ``shapes.yaml`` are RE2: linear in the length of the text. One set search finds all that match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import re2
import yaml

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
_NUMBER_WORD = re.compile(
    rf"(?i)[0-9一二三四五六七八九十百千]|hundred|thousand|dozen|million|{'|'.join((*_SMALL, *_TENS))}"
)


@dataclass(frozen=True, slots=True)
class Count:
    """A number of people, places or machines."""

    of: str
    number: int


@dataclass(frozen=True, slots=True)
class _Shapes:
    names: tuple[str, ...]
    any_of: Any  # re2.Set
    counts: dict[str, dict[str, Any]]  # language → what is counted → pattern


def find_shapes(folded: str) -> list[str]:
    """Return the names of the shapes found in a folded sentence."""
    shapes = _shapes()
    return [shapes.names[at] for at in shapes.any_of.Match(folded) or ()]


def find_counts(folded: str, *, japanese: bool) -> list[Count]:
    """Return the numbers of people, places and machines in a folded sentence."""
    if not _NUMBER_WORD.search(folded):
        return []
    table = _shapes().counts["ja" if japanese else "en"]
    return [
        Count(of, number)
        for of, pattern in table.items()
        for found in pattern.finditer(folded)
        if (number := _number(found.group(1)))
    ]


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
    any_of = re2.Set.SearchSet()  # type: ignore[no-untyped-call]
    for pattern in patterns.values():
        any_of.Add(pattern)
    any_of.Compile()
    counts = {}
    for language, template in (("en", _EN), ("ja", _JA)):
        nouns = {of: "|".join(words.split()).replace("_", " ") for of, words in content["counts"][language].items()}
        counts[language] = {
            of: _compile(template.format(digits=_DIGITS, tens="|".join(_TENS), small="|".join(_SMALL), nouns=words))
            for of, words in nouns.items()
        }
    return _Shapes(tuple(patterns), any_of, counts)


def _compile(pattern: str) -> Any:
    return re2.compile(pattern)  # type: ignore[no-untyped-call]
