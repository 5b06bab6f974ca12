"""Figures by which people tell the same trouble twice: how many are hit, at what minute, how large, what share."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

_NUMBERS = {
    word: number
    for number, word in enumerate(
        "three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
        " nineteen twenty".split(),
        start=3,
    )
}
_NUMBER = re.compile(r"\d+(?:\.\d+)?|\b(?:" + "|".join(_NUMBERS) + r")\b")
_PEOPLE = re.compile(
    r"\+?(?:\s?(?:人|名)(?!目|様|前)|\s(?:[a-z-]{1,20}\s)?"
    r"(?:people|persons|users|staff|employees|colleagues|engineers|members|agents|operators|folks)\b"
    r"|\s(?:out )?of (?:the |our )?(?:\d+ |[a-z]+ )?"
    r"(?:us|them|people|persons|users|staff|employees|colleagues|members|agents)\b)"
)
_MACHINES = re.compile(
    r"\s?(?:台|店舗|拠点|(?:[a-z-]{1,20}\s)?(?:machines|pcs|laptops|stores|branches|shops|devices|printers"
    r"|terminals|tablets)\b)"
)
_SHARE = re.compile(r"\s?(?:%|percent\b|パーセント)")
_SIZE = re.compile(r"\s?([kmgt]b)\b")
_CLOCK = re.compile(
    r"(?::(?P<m>[0-5]\d)(?::[0-5]\d)?(?![\d:])|時(?P<j>[0-5]?\d)分)(?:\s?(?P<half>[ap])\.?m\b)?(?!\s?\+)"
)
_HALF = re.compile(r"(?:午後|夕方|夜)\s?$")
MOST = 6
"""Figures of one mail that are kept."""
_LOOKED_AT = 200
"""Numbers of one mail that are looked at: a log has thousands."""
_ROUND = frozenset({0, 30})
"""Minutes at which so much begins that they tell nothing."""


def figures_in(text: str) -> tuple[str, ...]:
    """As words, in the order met: ``90人`` people, ``12台`` things, ``@13:25`` a minute, ``99%``, ``5mb``."""
    text = unicodedata.normalize("NFKC", text[:6000]).casefold()
    numbers = islice(_NUMBER.finditer(text), _LOOKED_AT)
    return tuple(islice(dict.fromkeys(word for match in numbers if (word := _figure(text, match))), MOST))


def is_figure(word: str) -> bool:
    """Whether a telling word is a figure: several cases may share one by chance."""
    return word[0] == "@" or (word[0].isdigit() and word.endswith(("人", "台", "%", "kb", "mb", "gb", "tb")))


def _figure(text: str, number: re.Match[str]) -> str | None:
    """What a number counts, told by what follows it."""
    said, start, end = number[0], number.start(), number.end()
    if start and text[start - 1] in ".,:/-":
        return None
    count = _NUMBERS.get(said) or (int(said) if said.isdecimal() and len(said) < 6 else 0)
    if count > 2 and _PEOPLE.match(text, end):
        return f"{count}人"
    if count > 2 and _MACHINES.match(text, end):
        return f"{count}台"
    if said in _NUMBERS or len(said) > 6:
        return None
    if _SHARE.match(text, end):
        return f"{said}%"
    if size := _SIZE.match(text, end):
        return f"{said}{size[1]}"
    clock = _CLOCK.match(text, end) if count < 24 and said.isdecimal() else None
    return _minute(count, clock, text[max(0, start - 4) : start]) if clock else None


def _minute(hour: int, clock: re.Match[str], before: str) -> str | None:
    minute = int(clock["m"] or clock["j"])
    if minute in _ROUND:
        return None
    if hour < 12 and (clock["half"] == "p" or _HALF.search(before)):
        hour += 12
    return f"@{hour}:{minute:02}"
