"""Bars for the times of all sides, on the same scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SIDES = ("team", "vendor", "requester")
WIDTH = 220.0
LEAST = 2.0


@dataclass(frozen=True, slots=True)
class Bar:
    """The time of one side. ``width`` is in units of the drawing."""

    side: str
    seconds: float
    width: float
    holds: bool
    """Whether this clock is running."""


def bars(clocks: dict[str, Any] | None, waiting_on: str | None) -> list[Bar]:
    """Return the bars in a fixed order, scaled to the longest."""
    said = {side: float((clocks or {}).get(side) or 0) for side in SIDES}
    longest = max(said.values()) or 1.0
    return [
        Bar(side, seconds, round(max(LEAST if seconds else 0.0, seconds / longest * WIDTH), 1), side == waiting_on)
        for side, seconds in said.items()
    ]
