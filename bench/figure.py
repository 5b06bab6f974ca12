"""One measured figure: what it is, its value, and what was promised of it, so that all benches report alike."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict


class Figure(TypedDict):
    """``×`` counts against a baseline of the same run and can be compared between machines; other units cannot."""

    what: str
    value: float
    unit: str
    against: str
    promised: float | None
    at_most: bool
    """The promise is an upper bound."""
    detail: dict[str, float]
    """The absolute numbers behind it."""


class Outcome(TypedDict):
    """What one bench found."""

    figures: list[Figure]
    stages: dict[str, float]
    """CPU milliseconds a mail by stage; empty in most."""


def figure(
    what: str,
    value: float,
    unit: str = "×",
    *,
    against: str = "",
    promised: float | None = None,
    at_most: bool = False,
    detail: Mapping[str, float] | None = None,
) -> Figure:
    rounded = {name: round(number, 4) for name, number in (detail or {}).items()}
    return Figure(
        what=what,
        value=round(value, 4),
        unit=unit,
        against=against,
        promised=promised,
        at_most=at_most,
        detail=rounded,
    )


def outcome(figures: Sequence[Figure], stages: Mapping[str, float] | None = None) -> Outcome:
    return Outcome(figures=list(figures), stages={name: round(ms, 4) for name, ms in (stages or {}).items()})


def kept(one: Mapping[str, Any]) -> bool:
    """Whether it is as good as promised; true where nothing was promised."""
    if one["promised"] is None:
        return True
    return bool(one["value"] <= one["promised"] if one["at_most"] else one["value"] >= one["promised"])


def show(found: Outcome) -> int:
    """Print the figures of one bench; 1 where one is worse than promised, as an exit status."""
    for one in found["figures"]:
        print(f"{one['what']}: {one['value']:.2f} {one['unit']} {one['against']} {one['detail']}")
    return 0 if all(map(kept, found["figures"])) else 1


def median_ratio(values: Sequence[float], bases: Sequence[float]) -> float:
    """The median over the rounds of value to base, each measured beside the other."""
    return statistics.median(value / max(base, 1e-9) for value, base in zip(values, bases, strict=True))
