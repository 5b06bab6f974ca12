"""Tables of phrases as one pattern in linear time (RE2), letter case ignored."""

from __future__ import annotations

from typing import Protocol

import re2


class Place(Protocol):
    """Where a phrase stands."""

    def start(self) -> int: ...


class Phrases(Protocol):
    """What a table answers: is one of the phrases there?"""

    def search(self, text: str, /) -> Place | None: ...

    def match(self, text: str, /) -> Place | None: ...


def words(pattern: str) -> Phrases:
    """Compile ``pattern``, an alternation in RE2 syntax."""
    compiled: Phrases = re2.compile("(?i)" + pattern)  # type: ignore[no-untyped-call]
    return compiled
