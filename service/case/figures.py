"""Figures by which people tell the same trouble twice: how many are hit, at what minute, how large, what share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_NUMBERS = {
    word: number
    for number, word in enumerate(
        "three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
        " nineteen twenty".split(),
        start=3,
    )
}
_N = r"(?P<n>\d{1,5}|" + "|".join(_NUMBERS) + r")"
_PEOPLE = re.compile(
    rf"(?<![\d.,:/-]){_N}\+?(?:\s*(?:人|名)(?!目|様|前)|\s+(?:\w+\s+)?"
    r"(?:people|persons|users|staff|employees|colleagues|engineers|members|agents|operators|folks)\b"
    r"|\s+of\s+(?:us|them)\b)",
    re.IGNORECASE,
)
_MACHINES = re.compile(
    rf"(?<![\d.,:/-]){_N}\s*(?:台|店舗|拠点|(?:\w+\s+)?(?:machines|pcs|laptops|stores|branches|shops|devices|printers"
    r"|terminals|tablets)\b)",
    re.IGNORECASE,
)
_SHARE = re.compile(r"(?<![\d.,])(\d{1,3}(?:\.\d+)?)\s?(?:%|percent\b|パーセント)")
_SIZE = re.compile(r"(?<![\d.,])(\d{1,4}(?:\.\d+)?)\s?([kmgt]b)\b", re.IGNORECASE)
_CLOCK = re.compile(
    r"(?<![\d:.])(?P<h>[01]?\d|2[0-3])(?::(?P<m>[0-5]\d)(?![\d:])|時(?P<j>[0-5]?\d)分)(?:\s?(?P<half>[ap])\.?m\b)?"
    r"(?!\s*\+)",
    re.IGNORECASE,
)
_HALF = re.compile(r"(?:午後|夕方|夜)\s?$")
MOST = 6
"""Figures of one mail that are kept."""
_ROUND = frozenset({0, 30})
"""Minutes at which so much begins that they tell nothing."""


def figures_in(text: str) -> tuple[str, ...]:
    """As words, in the order met: ``90人`` people, ``12台`` things, ``@13:25`` a minute, ``99%``, ``5mb``."""
    text = unicodedata.normalize("NFKC", text[:6000])
    found = sorted(dict.fromkeys(_figures(text)))
    return tuple(dict.fromkeys(word for _, word in found))[:MOST]


def is_figure(word: str) -> bool:
    """Whether a telling word is a figure: several cases may share one by chance."""
    return word[0] == "@" or (word[0].isdigit() and word.endswith(("人", "台", "%", "kb", "mb", "gb", "tb")))


def _figures(text: str) -> Iterator[tuple[int, str]]:
    for pattern, unit in ((_PEOPLE, "人"), (_MACHINES, "台")):
        for match in pattern.finditer(text):
            said = match["n"].casefold()
            count = _NUMBERS.get(said) or int(said)
            if count > 2:
                yield match.start(), f"{count}{unit}"
    for match in _SHARE.finditer(text):
        yield match.start(), f"{match[1]}%"
    for match in _SIZE.finditer(text):
        yield match.start(), f"{match[1]}{match[2].lower()}"
    for match in _CLOCK.finditer(text):
        hour, minute = int(match["h"]), int(match["m"] or match["j"])
        if minute in _ROUND:
            continue
        half = (match["half"] or "").lower()
        if hour < 12 and (half == "p" or _HALF.search(text[max(0, match.start() - 4) : match.start()])):
            hour += 12
        yield match.start(), f"@{hour}:{minute:02}"
