"""Signals: combinations of concepts, counts and clause properties that mean more than each alone.

`signals.yaml` is the table. A signal is found in a clause (or, with `in: unit`, in the whole unit) if each group of
`all` has a member there and no member of `unless` is there. Members are concepts, counts (`count.people.many`),
shapes (`shape.money`) and properties (`negated`, `question`, `condition`, `plan`).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cache, lru_cache, reduce
from importlib.resources import files
from itertools import chain
from operator import or_
from typing import NamedTuple

import yaml

from .shapes import Count


class Signal(NamedTuple):
    """One row of the table. A bit stands for a group: it is set if a member is there."""

    name: str
    needed: int
    """The groups of `all`."""
    known: int
    """These and the group of `unless`."""
    whole_unit: bool


class _Table(NamedTuple):
    signals: tuple[Signal, ...]
    bits: dict[str, int]
    """Member → the groups that it is in."""


def find_signals(
    clause_concepts: Sequence[Set[str]],
    properties: Sequence[frozenset[str]],
    counts: Sequence[Count],
    shapes: Sequence[str],
) -> tuple[str, ...]:
    """Return the names of the signals of one unit.

    `clause_concepts` and `properties` are those of each clause.
    """
    if not counts and not any(clause_concepts):
        return ()
    bits = _table().bits
    common = 0
    for shape in shapes:
        common |= bits.get(f"shape.{shape}", 0)
    for count in counts:
        for size in _sizes(count.number):
            common |= bits.get(f"count.{count.of}.{size}", 0)
    clauses = []
    unit = common
    for here, own in zip(clause_concepts, properties, strict=True):
        seen = common
        for member in chain(here, own):
            seen |= bits.get(member, 0)
        clauses.append(seen)
        unit |= seen
    return _signals(unit, tuple(clauses))


@lru_cache(maxsize=8192)
def _signals(unit: int, clauses: tuple[int, ...]) -> tuple[str, ...]:
    """Return the signals of a unit by its bits and those of its clauses. Cached, since few combinations are common."""
    return tuple(
        signal.name
        for signal in _table().signals
        if unit & signal.needed == signal.needed
        and any(seen & signal.known == signal.needed for seen in ((unit,) if signal.whole_unit else clauses))
    )


def signal_names() -> tuple[str, ...]:
    """Return the names of all signals."""
    return tuple(signal.name for signal in _table().signals)


def _sizes(number: int) -> list[str]:
    return [
        name
        for limit, name in ((1, "any"), (2, "several"), (5, "group"), (20, "many"), (100, "crowd"))
        if number >= limit
    ]


@cache
def _table() -> _Table:
    rows = yaml.load(
        (files("mailrules") / "reader" / "signals.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader
    )
    named: dict[str, list[str]] = rows["groups"]
    numbers: dict[frozenset[str], int] = {}
    bits: dict[str, int] = {}

    def bit(written: str) -> int:
        """Return the bit of a group, and note it for the members of the group."""
        group = frozenset(member for part in written.split() for member in named.get(part, [part]))
        number = 1 << numbers.setdefault(group, len(numbers))
        for member in group:
            bits[member] = bits.get(member, 0) | number
        return number

    signals = []
    for name, row in rows["signals"].items():
        needed = reduce(or_, map(bit, row["all"]))
        signals.append(Signal(name, needed, needed | bit(row.get("unless", "")), row.get("in") == "unit"))
    return _Table(tuple(signals), bits)
