"""Signals: concepts, counts, shapes and clause properties that have a meaning together.

`signals.yaml` defines the signals. A clause has a signal if it contains a member of each group in `all` and no member
of `unless`. With `in: unit`, this applies to the whole unit instead of the clause. Members are concepts, counts
(`count.people.many`), shapes (`shape.money`) and properties (`negated`, `question`, `condition`, `plan`).
"""

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache, reduce
from operator import or_
from typing import NamedTuple

from ..resources import read_yaml
from .shapes import Count


class Signal(NamedTuple):
    """One signal. Each of its groups has a bit, which is set if a member of the group is present."""

    name: str
    needed: int  # the groups of `all`
    known: int  # the groups of `all` and of `unless`
    whole_unit: bool


class _Table(NamedTuple):
    signals: tuple[Signal, ...]
    bits: dict[str, int]  # member → the groups that contain the member


def find_signals(
    clauses: Iterable[tuple[int, frozenset[str]]], counts: Sequence[Count], shapes: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the names of the signals of one unit.

    `clauses`: for each clause, (bits of the groups of its concepts, its properties).
    """
    common = _of_shapes(shapes)
    for one in counts:
        common |= groups_of(f"count.{one.of}.{size}" for size in _sizes(one.number))
    seen = [common | groups | _of_properties(properties) for groups, properties in clauses]
    return _signals(reduce(or_, seen, common), tuple(seen))


def groups_of(members: Iterable[str]) -> int:
    """Return the bits of all groups that contain one of these members."""
    bits = _table().bits
    return reduce(or_, (bits.get(member, 0) for member in members), 0)


@lru_cache(maxsize=4096)
def _of_shapes(shapes: tuple[str, ...]) -> int:
    return groups_of(f"shape.{shape}" for shape in shapes)


@cache
def _of_properties(properties: frozenset[str]) -> int:
    return groups_of(properties)


@lru_cache(maxsize=8192)
def _signals(unit: int, clauses: tuple[int, ...]) -> tuple[str, ...]:
    """Return the signals for the bits of a unit and of its clauses. Cached, because few combinations are frequent."""
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
    rows = read_yaml("reader", "signals.yaml")
    named: dict[str, list[str]] = rows["groups"]
    numbers: dict[frozenset[str], int] = {}
    bits: dict[str, int] = {}

    def bit(written: str) -> int:
        """Return the bit of a group, and add the bit to each member of the group in ``bits``."""
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
