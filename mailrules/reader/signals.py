"""Signals: combinations of concepts, counts and clause properties that mean more than each alone.

`signals.yaml` is the table. A signal is found in a clause (or, with `in: unit`, in the whole unit) if each group of
`all` has a member there and no member of `unless` is there. Members are concepts, counts (`count.people.many`),
shapes (`shape.money`) and properties (`negated`, `question`, `condition`, `plan`).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from .shapes import Count


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One row of the table."""

    name: str
    all: tuple[frozenset[str], ...]
    unless: frozenset[str]
    whole_unit: bool

    def holds(self, members: Set[str]) -> bool:
        return self.unless.isdisjoint(members) and not any(group.isdisjoint(members) for group in self.all)


def find_signals(
    concepts: Set[str],
    clause_concepts: Sequence[Set[str]],
    properties: Sequence[frozenset[str]],
    counts: Sequence[Count],
    shapes: Sequence[str],
) -> list[str]:
    """Return the names of the signals of one unit.

    `clause_concepts` and `properties` are those of each clause.
    """
    if not concepts and not counts:
        return []
    common = {f"shape.{shape}" for shape in shapes}
    for count in counts:
        common.update(f"count.{count.of}.{size}" for size in _sizes(count.number))
    unit = common.union(concepts, *properties)
    begun: set[int] = set()
    for member in _by_member().keys() & unit:
        begun.update(_by_member()[member])
    found: list[str] = []
    in_clauses: list[Set[str]] = []
    for at in sorted(begun):
        signal = _table()[at]
        if any(group.isdisjoint(unit) for group in signal.all):
            continue
        if not signal.whole_unit and not in_clauses:
            in_clauses = [common | here | own for here, own in zip(clause_concepts, properties, strict=True)]
        if any(signal.holds(here) for here in ([unit] if signal.whole_unit else in_clauses)):
            found.append(signal.name)
    return found


def signal_names() -> tuple[str, ...]:
    """Return the names of all signals."""
    return tuple(signal.name for signal in _table())


def _sizes(number: int) -> list[str]:
    return [
        name
        for limit, name in ((1, "any"), (2, "several"), (5, "group"), (20, "many"), (100, "crowd"))
        if number >= limit
    ]


@cache
def _by_member() -> dict[str, list[int]]:
    """Index signals by the members of their first group; most sentences contain none of these."""
    found: dict[str, list[int]] = {}
    for at, signal in enumerate(_table()):
        for member in signal.all[0]:
            found.setdefault(member, []).append(at)
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
