"""Compiles a table of phrases into one case-insensitive pattern with linear time (RE2)."""

from __future__ import annotations

from typing import Protocol

import re2


class Place(Protocol):
    """Position of a phrase."""

    def start(self) -> int: ...


class Phrases(Protocol):
    """A compiled table: whether a text contains or begins with one of the phrases."""

    def search(self, text: str, /) -> Place | None: ...

    def match(self, text: str, /) -> Place | None: ...


def words(pattern: str) -> Phrases:
    """Compile ``pattern``, an alternation in RE2 syntax."""
    compiled: Phrases = re2.compile("(?i)" + pattern)  # type: ignore[no-untyped-call]
    return compiled
