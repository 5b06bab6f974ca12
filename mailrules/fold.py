"""Normalises text for comparison: NFKC, plain quotes, plain dashes.

Circled numbers mark list items, so they are kept.
"""

import re
import unicodedata
from collections.abc import Callable

_OWN = {
    **str.maketrans(dict.fromkeys("\u2018\u2019", "'")),
    **str.maketrans(dict.fromkeys("\u201c\u201d", '"')),
    **str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")),
    **str.maketrans(dict.fromkeys("\u301c\uff5e", "~")),
    **str.maketrans(dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", "")),  # these have no width
}
_APART = re.compile(f"([\u2460-\u2473{''.join(map(chr, _OWN))}]+)")
"""The characters that NFKC does not normalise as wanted."""


def fold(text: str) -> str:
    """Return the text as normalised for comparison (see the module)."""
    if text.isascii() and "\r" not in text:
        return text
    pieces = _APART.split(text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(
        piece.translate(_OWN) if at % 2 else unicodedata.normalize("NFKC", piece) for at, piece in enumerate(pieces)
    )


def lower(text: str) -> str:
    """Lower the case without changing the length (``İ`` would become two characters)."""
    return _same_length(text, str.lower)


def upper(text: str) -> str:
    """Return the text in capitals, with the same length (``ß`` would become two characters)."""
    return _same_length(text, str.upper)


def _same_length(text: str, change: Callable[[str], str]) -> str:
    changed = change(text)
    if len(changed) == len(text):
        return changed
    return "".join(other if len(other := change(char)) == 1 else char for char in text)
