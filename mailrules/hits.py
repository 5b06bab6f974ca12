"""What fired in one mail, and on which words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mailrules.sheet import Sheet


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a signal fired first in a unit. ``start``/``end`` count bytes of the unit, -1 outside of any."""

    start: int
    end: int
    value: str | None = None
    rank: int = 0
    """Of several units the one counts whose words were looked for first: phrases, then patterns in their order."""


@dataclass(slots=True)
class Heard:
    """What fired in one unit. ``fired`` has one bit a signal."""

    fired: int = 0
    hits: dict[int, Hit] = field(default_factory=dict)
    refused: dict[int, tuple[Hit, str]] = field(default_factory=dict)
    """Signal → words that were there but did not count, and why."""


@dataclass(slots=True)
class Hits:
    """All that fired in one mail."""

    units: Sequence[Heard]
    outside: dict[int, Hit] = field(default_factory=dict)
    """Signals that fired on a file or a header."""
    by_unit: list[int] = field(init=False)
    mail: int = field(init=False)

    def __post_init__(self) -> None:
        self.by_unit = [heard.fired for heard in self.units]
        self.mail = 0
        for fired in self.by_unit:
            self.mail |= fired
        for signal in self.outside:
            self.mail |= 1 << signal

    def first(self, signal: int) -> tuple[int, Hit] | None:
        """The first place of all, with its unit (-1 outside of any)."""
        return min(self.places(signal), key=lambda place: place[1].rank, default=None)

    def places(self, signal: int) -> Iterator[tuple[int, Hit]]:
        """Every place, with its unit."""
        if not self.mail >> signal & 1:
            return
        for at, heard in enumerate(self.units):
            if signal in heard.hits:
                yield at, heard.hits[signal]
        if signal in self.outside:
            yield -1, self.outside[signal]

    def against(self, signal: int, sheet: Sheet) -> list[str]:
        """Why words of this signal did not count."""
        refusals = [(at, *heard.refused[signal]) for at, heard in enumerate(self.units) if signal in heard.refused]
        return [f"{words(at, hit, sheet)!r}, but {why}" for at, hit, why in refusals]


def words(at: int, hit: Hit, sheet: Sheet) -> str:
    """The words themselves; of a file or a header, all of it."""
    if at < 0:
        return hit.value or ""
    start, end = place(at, hit, sheet)
    return sheet.text[start:end]


def place(at: int, hit: Hit, sheet: Sheet) -> tuple[int, int]:
    """Characters of the sheet."""
    unit = sheet.units[at]
    inside = sheet.text[unit.start : unit.end].encode("utf-8", "replace")
    start = unit.start + len(inside[: hit.start].decode("utf-8", "ignore"))
    return start, start + len(inside[hit.start : hit.end].decode("utf-8", "ignore"))
