"""What speaks against a signal's words: its ``not``, ``not_after`` and ``not_before`` patterns."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from mailrules.pack import Signal
from mailrules.patterns import Find, finder


@dataclass(frozen=True, slots=True)
class _Guard:
    find: Find
    written: str
    words: frozenset[int] | None
    """Of which one must stand in the sentence for the pattern to match; None where that cannot be said."""

    def matches(self, text: bytes, there: AbstractSet[int]) -> bool:
        if self.words is not None and self.words.isdisjoint(there):
            return False
        return self.find(text, 0) is not None


class Guards:
    """The guards of one signal."""

    __slots__ = ("after", "before", "sentence")

    def __init__(self, signal: Signal, words: dict[str, frozenset[int] | None]) -> None:
        """``words``: what each pattern needs (``literals``), numbered."""
        self.sentence, self.after, self.before = (
            tuple(_Guard(finder(p, signal.case)[0], f"{kind}: {p}", words.get(p)) for p in patterns)
            for kind, patterns in (
                ("not", signal.not_),
                ("not_after", signal.not_after),
                ("not_before", signal.not_before),
            )
        )

    def against(self, unit: bytes, start: int, end: int, there: AbstractSet[int]) -> str:
        """Which guard keeps the words at these bytes from counting, empty if none."""
        for guard in self.sentence:
            if guard.matches(unit, there):
                return guard.written
        for guard in self.after:
            if guard.matches(unit[end:], there):
                return guard.written
        for guard in self.before:
            if guard.matches(unit[:start], there):
                return guard.written
        return ""

    @property
    def patterns(self) -> int:
        return len(self.sentence) + len(self.after) + len(self.before)
