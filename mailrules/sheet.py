"""A mail as rules see it: one sheet of units, each on a line of its own, with where each stood in the mail."""

from __future__ import annotations

from dataclasses import dataclass

from mailrules.fold import Shifts


@dataclass(slots=True)
class Unit:
    """One line of the sheet. ``start``/``end`` count characters of the sheet."""

    where: str
    start: int
    end: int
    label: str = ""
    """The label this value stands behind, folded."""
    state: str = ""
    lead: int = -1
    """The unit that introduces this list."""
    before: int = -1


@dataclass(slots=True)
class Sheet:
    """All units of a mail under each other, and the way back to the mail's own characters."""

    text: str
    units: list[Unit]
    shifts: Shifts
    length: int
    """Characters of the mail's text; positions from the subject lie outside and map to -1."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the mail's text, or (-1, -1) for words of the subject."""
        low = self.shifts.source(start)
        if low < 0:
            return -1, -1
        return low, max(low, min(self.shifts.source(max(start, end - 1)) + 1, self.length))
