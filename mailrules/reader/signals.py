"""Signals: combinations of concepts, counts and clause properties that mean more than each alone.

`signals.yaml` is the table. A signal is found in a clause (or, with `in: unit`, in the whole unit) if each group of
`all` has a member there and no member of `unless` is there. Members are concepts, counts (`count.people.many`),
shapes (`shape.money`) and properties (`negated`, `question`, `condition`, `plan`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from .concepts import ConceptHit
from .shapes import Count


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One row of the table."""

    name: str
    all: tuple[frozenset[str], ...]
    unless: frozenset[str]
    whole_unit: bool


def find_signals(
    hits: Sequence[ConceptHit],
    clauses: Sequence[tuple[int, int]],
    properties: Sequence[frozenset[str]],
    counts: Sequence[Count],
    shapes: Sequence[str],
) -> list[str]:
    """Return the names of the signals of one unit."""
    if not hits and not counts:
        return []
    common = {f"count.{count.of}.{size}" for count in counts for size in _sizes(count.number)} | {
        f"shape.{shape}" for shape in shapes
    }
    unit = common.union((hit.concept for hit in hits), *properties)
    begun = {signal for member in unit for signal in _by_member().get(member, ())}
    possible = [signal for signal in _table() if signal in begun and all(group & unit for group in signal.all)]
    if not possible:
        return []
    in_clauses = [
        common | {hit.concept for hit in hits if start <= hit.start < end} | own
        for (start, end), own in zip(clauses, properties, strict=True)
    ]
    return [
        signal.name
        for signal in possible
        if any(
            all(group & here for group in signal.all) and not signal.unless & here
            for here in ([unit] if signal.whole_unit else in_clauses)
        )
    ]


def _sizes(number: int) -> list[str]:
    return [
        name
        for limit, name in ((1, "any"), (2, "several"), (5, "group"), (20, "many"), (100, "crowd"))
        if number >= limit
    ]


@cache
def _by_member() -> dict[str, tuple[Signal, ...]]:
    """Index signals by the members of their first group; most sentences contain none of these."""
    found: dict[str, tuple[Signal, ...]] = {}
    for signal in _table():
        for member in signal.all[0]:
            found[member] = (*found.get(member, ()), signal)
    return found


@cache
def _table() -> tuple[Signal, ...]:
    rows = yaml.load(
        (files("mailrules") / "reader" / "signals.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader
    )
    groups: dict[str, list[str]] = rows["groups"]
    return tuple(
        Signal(
            name,
            tuple(
                frozenset(member for part in group.split() for member in groups.get(part, [part]))
                for group in row["all"]
            ),
            frozenset(member for part in row.get("unless", "").split() for member in groups.get(part, [part])),
            row.get("in") == "unit",
        )
        for name, row in rows["signals"].items()
    )
