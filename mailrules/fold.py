"""Normalises text for comparison: NFKC, plain quotes and dashes.

Most characters are replaced by exactly one, which ``str.translate`` does fast. Sometimes one character becomes several
(``㈱`` → ``(株)``) or several become one (``ｶﾞ`` → ``ガ``).
"""

import re
import unicodedata

_RANGES = ((0xA0, 0x250), (0x2000, 0x2E00), (0x3000, 0x3400), (0xF900, 0xFB00), (0xFE00, 0x10000))
_KEPT = set(range(0x2460, 0x2474)) | {0x30FC, 0x2015}
"""Not folded: circled numbers, which mark list items, the long-vowel sign and the horizontal bar."""
_OWN = {
    **str.maketrans(dict.fromkeys("\u2018\u2019", "'")),
    **str.maketrans(dict.fromkeys("\u201c\u201d", '"')),
    **str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")),
    **str.maketrans(dict.fromkeys("\u301c\uff5e", "~")),
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
    for code in range(0xFF66, 0xFFA0):
        single.pop(code, None)
    return single, "".join(several)


_SINGLE, _SEVERAL = _tables()
_FOLDED = re.compile(f"[{re.escape(''.join(map(chr, _SINGLE)))}]+")
"""Searching for one character set is many times faster than looking up each character in ``str.translate``."""
_PECULIAR = re.compile(f"[ｦ-ﾟ{re.escape(_ZERO_WIDTH)}{re.escape(_SEVERAL)}\r]")
"""Finds out quickly whether ``_SPECIAL`` can match at all."""
_SPECIAL = re.compile(f"[ｦ-ﾟ]+|[{re.escape(_ZERO_WIDTH)}]+|[{re.escape(_SEVERAL)}]|\r\n?")


def fold(text: str) -> str:
    """Return the folded text."""
    if text.isascii() and "\r" not in text:
        return text
    if _PECULIAR.search(text):
        text = _SPECIAL.sub(lambda match: _several(match.group()), text)
    return _FOLDED.sub(lambda match: match.group().translate(_SINGLE), text)


def _several(piece: str) -> str:
    if piece[0] == "\r":
        return "\n"
    return "" if piece[0] in _ZERO_WIDTH else unicodedata.normalize("NFKC", piece)


def lower(text: str) -> str:
    """Lower the case without changing the length (``İ`` would become two characters)."""
    small = text.lower()
    if len(small) == len(text):
        return small
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)
