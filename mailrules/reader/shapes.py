"""Finds values by their form: codes, versions, times, counts, amounts (`shapes.yaml`).

The patterns of ``shapes.yaml`` are RE2: linear in the length of the text. One search finds all shapes of a sentence.
For people, places and machines, one search each finds the numbers in all sentences of a language.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

from ..patterns import RE2, set_of
from ..resources import read_yaml

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


class _Shapes(NamedTuple):
    names: tuple[str, ...]
    find: Callable[[bytes], Sequence[int]]  # returns the indexes of the shapes in a text
    counts: dict[bool, list[tuple[str, Any]]]  # whether Japanese → (what is counted, pattern)


FoundShapes = tuple[tuple[str, ...], list[Count]]  # names of shapes; numbers of people, places and machines


def find_shapes(sentences: Sequence[str], japanese: Sequence[bool]) -> list[FoundShapes]:
    """Return the shapes and counts of each folded sentence. `japanese`: whether each sentence is Japanese."""
    names, find, counts = _shapes()
    found: list[FoundShapes] = [(tuple([names[at] for at in find(text.encode())]), []) for text in sentences]
    for language, counted in counts.items():
        own = [at for at, is_japanese in enumerate(japanese) if is_japanese is language]
        text = "\n".join([sentences[at] for at in own])  # no pattern matches across lines
        for of, pattern in counted if own else ():
            for match in pattern.finditer(text):
                if number := _number(match.group(1)):
                    found[own[text.count("\n", 0, match.start())]][1].append(Count(of, number))
    return found


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
    content = read_yaml("reader", "shapes.yaml")
    patterns: dict[str, str] = content["shapes"]
    counts = {}
    for language, template in (("en", _EN), ("ja", _JA)):
        numbers = partial(template.format, digits=_DIGITS, tens="|".join(_TENS), small="|".join(_SMALL))
        counts[language == "ja"] = [
            (of, RE2.compile(numbers(nouns="|".join(words.split()).replace("_", " "))))
            for of, words in content["counts"][language].items()
        ]
    return _Shapes(tuple(patterns), set_of(list(patterns.values()), automata=2), counts)
