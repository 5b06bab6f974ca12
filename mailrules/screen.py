"""Which of many patterns stand in a text at all: one RE2 set in front of patterns that are rarely there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import re2

from mailrules.fold import fold
from mailrules.patterns import compile_pattern


class Screen:
    """Says in one pass which of many patterns stand in a text at all."""

    __slots__ = ("_empty", "_group")

    def __init__(self, patterns: Sequence[str]) -> None:
        options: Any = re2.Options()
        options.case_sensitive = False
        options.never_nl = True
        options.log_errors = False
        searching: Any = re2.Set  # its stubs leave SearchSet untyped
        self._group: Any = searching.SearchSet(options)
        self._empty = not patterns
        for pattern in patterns:
            self._group.Add("(?m)" + fold(pattern)[0])
        if patterns:
            self._group.Compile()

    def which(self, data: bytes) -> list[int]:
        """The numbers of the patterns that match somewhere."""
        return [] if self._empty else sorted(self._group.Match(data) or ())


class Masks:
    """Numbers that are no case, to be made blank."""

    __slots__ = ("_patterns", "_screen")

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [compile_pattern(pattern) for pattern in patterns]
        self._screen = Screen(patterns)

    def needed(self, data: bytes) -> list[Any]:
        """The patterns that match somewhere."""
        return [self._patterns[number] for number in self._screen.which(data)]
