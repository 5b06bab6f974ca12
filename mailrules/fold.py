"""Text made comparable: NFKC, plain quotes and dashes, with a way back to every character of the original.

Most folds replace one character by one, which ``str.translate`` does fast and which keeps positions. Where one
character becomes several (``㈱`` → ``(株)``) or several become one (``ｶﾞ`` → ``ガ``), the shift is noted.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

_RANGES = ((0xA0, 0x250), (0x2000, 0x2E00), (0x3000, 0x3400), (0xF900, 0xFB00), (0xFE00, 0x10000))
_KEPT = set(range(0x2460, 0x2474)) | {0x30FC, 0x2015}
"""Circled numbers stay: as list markers they mean more than a bare digit. So do the long-vowel sign and the bar."""
_OWN = {
    0x2018: "'",
    0x2019: "'",
    0x201C: '"',
    0x201D: '"',
    0x2010: "-",
    0x2011: "-",
    0x2012: "-",
    0x2013: "-",
    0x2014: "-",
    0x2212: "-",
    0x301C: "~",
    0xFF5E: "~",
    0x2B: "+",
}
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad"


def _tables() -> tuple[dict[int, str], str]:
    single: dict[int, str] = {}
    several: list[str] = []
    for low, high in _RANGES:
        for code in range(low, high):
            if code in _KEPT or 0xD800 <= code < 0xE000:
                continue
            char = chr(code)
            folded = unicodedata.normalize("NFKC", char)
            if folded == char:
                continue
            if len(folded) == 1:
                single[code] = folded
            elif folded.startswith(" "):
                single[code] = " "
            else:
                several.append(char)
    single.update(_OWN)
    for low, high in ((0xFF66, 0xFFA0),):
        for code in range(low, high):
            single.pop(code, None)
    return single, "".join(several)


_SINGLE, _SEVERAL = _tables()
_FOLDED = re.compile(f"[{re.escape(''.join(chr(code) for code in _SINGLE if chr(code) != '+'))}]+")
"""One set of characters is searched many times faster than ``str.translate`` looks up each of them."""
_PECULIAR = re.compile(f"[ｦ-ﾟ{re.escape(_ZERO_WIDTH)}{re.escape(_SEVERAL)}\r]")
"""Where ``_SPECIAL`` has something to find."""
_SPECIAL = re.compile(f"[ｦ-ﾟ]+|[{re.escape(_ZERO_WIDTH)}]+|[{re.escape(_SEVERAL)}]|\r\n?")


@dataclass(frozen=True, slots=True)
class Shifts:
    """Where positions in a derived text move against its source: pairs (position, position in the source), rising."""

    here: tuple[int, ...] = (0,)
    there: tuple[int, ...] = (0,)

    def source(self, position: int) -> int:
        """The position in the source."""
        at = bisect_right(self.here, position) - 1
        return self.there[at] + position - self.here[at]


def fold(text: str) -> tuple[str, Shifts]:
    """The folded text and the way back."""
    if text.isascii() and "\r" not in text:
        return text, Shifts()
    if not _PECULIAR.search(text):
        return _one_by_one(text), Shifts()
    out: list[str] = []
    here, there = [0], [0]
    length = last = 0
    for match in _SPECIAL.finditer(text):
        plain = text[last : match.start()]
        new = _several(match.group())
        out += (plain, new)
        length += len(plain) + len(new)
        last = match.end()
        here.append(length)
        there.append(last)
    out.append(text[last:])
    return _one_by_one("".join(out)), Shifts(tuple(here), tuple(there))


def _one_by_one(text: str) -> str:
    return _FOLDED.sub(lambda match: match.group().translate(_SINGLE), text)


def _several(piece: str) -> str:
    if piece[0] == "\r":
        return "\n"
    return "" if piece[0] in _ZERO_WIDTH else unicodedata.normalize("NFKC", piece)


def lower(text: str) -> str:
    """Lower case of the same length (``İ`` alone would grow)."""
    small = text.lower()
    if len(small) == len(text):
        return small
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)
