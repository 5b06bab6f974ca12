"""Values with a recognisable form: codes, identifiers, versions, times, counts, amounts, file names (`shapes.yaml`).

The patterns of ``shapes.yaml`` are RE2: linear in the length of the text. One search finds all shapes, and one the
numbers of people, places and machines to look for: a single automaton for both would outgrow its memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from ..patterns import RE2, set_of

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
_ANY_NUMBER = rf"(?i)[0-9一二三四五六七八九十百千]|\b(?:{'|'.join((*_SMALL, *_TENS, *filter(str.isascii, _LARGE)))})"
_JA = r"([0-9][0-9,]*|[一二三四五六七八九十百千]+|数十|数百|数千) ?(?:{nouns})"


Search = Callable[[str], Sequence[int]]
"""Returns the numbers of the patterns that match a text."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number of people, places or machines."""

    of: str
    number: int


class _Shapes(NamedTuple):
    names: tuple[str, ...]
    find: Search
    """Finds the shapes, and behind them whether there is any number word."""
    counts: dict[bool, tuple[list[tuple[str, Any]], Search]]
    """Japanese or not → what is counted and its pattern, and one search for all of them."""


def find_shapes(folded: str, *, japanese: bool) -> tuple[tuple[str, ...], tuple[Count, ...]]:
    """Return the names of the shapes, and the numbers of people, places and machines, in a folded sentence."""
    shapes = _shapes()
    found = shapes.find(folded)
    if not found:
        return (), ()
    names = tuple([shapes.names[at] for at in found if at < len(shapes.names)])
    return names, _counts(folded, *shapes.counts[japanese]) if len(names) < len(found) else ()


def _counts(folded: str, counted: Sequence[tuple[str, Any]], find: Search) -> tuple[Count, ...]:
    return tuple(
        Count(of, number)
        for of, pattern in [counted[at] for at in find(folded)]
        for match in pattern.finditer(folded)
        if (number := _number(match.group(1)))
    )


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
    counts = {}
    for language, template in (("en", _EN), ("ja", _JA)):
        nouns = {of: "|".join(words.split()).replace("_", " ") for of, words in content["counts"][language].items()}
        table = {
            of: template.format(digits=_DIGITS, tens="|".join(_TENS), small="|".join(_SMALL), nouns=words)
            for of, words in nouns.items()
        }
        counted = [(of, RE2.compile(pattern)) for of, pattern in table.items()]
        counts[language == "ja"] = counted, set_of(list(table.values()))
    return _Shapes(tuple(patterns), set_of([*patterns.values(), _ANY_NUMBER], automata=2), counts)
