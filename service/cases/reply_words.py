"""Words by which a short answer to a question is recognised (``words/replies.yaml``)."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

from service.mail.word_lists import alternatives, linear, load

_LISTS: Final = load("replies", "service.cases")
UNKNOWN: Final = linear(alternatives(_LISTS["unknown"]))
REST: Final = linear(alternatives(_LISTS["rest"]))
EMPTY: Final = linear(rf"^[\s\pP]*(?:{alternatives(_LISTS['empty'])})?[\s\pP]*$")
"""Matches a line without an answer: a greeting, thanks, "see below"."""


@cache
def _pattern(item: str, kind: str) -> re.Pattern[str] | None:
    """Return the pattern of an item's ``topic`` or ``shape`` words; None if it has none."""
    written = _LISTS["items"].get(item, {}).get(kind)
    return linear(alternatives(written)) if written else None


def fit(item: str, sentence: str) -> int:
    """Return 2 if the sentence looks like an answer about the item, 1 if it only mentions the item, 0 otherwise."""
    text = unicodedata.normalize("NFKC", sentence)
    for points, kind in ((2, "shape"), (1, "topic")):
        pattern = _pattern(item, kind)
        if pattern is not None and pattern.search(text):
            return points
    return 0
