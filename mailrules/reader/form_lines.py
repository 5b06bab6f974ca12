"""Form lines, "label: value", whose label names an item (`form_lines.yaml`).

A line that is not filled in is not read. A line that says "unknown", "to be confirmed" or "not applicable" states only
this (docs/design.md, Value states). Other lines are read, and also state their item.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from ..patterns import RE2
from ..resources import read_yaml
from ..statement import Statement
from .normal_forms import fold
from .units import Unit

_UNFILLED = ("empty", "placeholder")
_READ = ("none",)  # the classifiers also read lines in this state
_MARKS = "-*・•●■□○◆◇▪◦▼☑✓※①②③④⑤⑥⑦⑧⑨⑩0123456789.)(【】[]<>「」*#  \t"
_COLONS = (":", "：")


class _Table(NamedTuple):
    items: dict[str, str]  # label → meaning of the item
    states: dict[str, Any]  # state → pattern of the whole value


@cache
def _table() -> _Table:
    content = read_yaml("reader", "form_lines.yaml")
    items = {label.strip(): item for item, labels in content["labels"].items() for label in labels.split(",")}
    return _Table(items, {state: RE2.compile("|".join(patterns)) for state, patterns in content["states"].items()})


def item_of(label: str) -> str | None:
    """Return the meaning of the item that the label of a form line names; None if it names none."""
    return _table().items.get(fold(label).strip(_MARKS).lower())


def state_of(unit: Unit) -> str | None:
    """Return the state of a value such as "unknown"; None if the value has to be read."""
    ends = [at + 1 for at in map(unit.text.find, _COLONS) if at >= 0]
    value = fold(unit.text[min(ends) :]).strip().lower() if ends else ""
    return next((state for state, pattern in _table().states.items() if pattern.fullmatch(value)), None)


def stated_by(unit: Unit) -> tuple[str, str | None] | None:
    """Return (item that a form line names, state of its value); None for other units.

    The state is as ``state_of`` returns it, but an approval with the value "none" is pending.
    """
    item = item_of(unit.label) if unit.label else None
    if item is None:
        return None
    state = state_of(unit)
    return item, "pending" if (item, state) == ("item.approval", "none") else state


def filled_units(units: Sequence[Unit]) -> tuple[list[Unit], list[Statement]]:
    """Return the units that have to be read, and the statements of form lines that need no reading."""
    read, stated = [], list[Statement]()
    for at, unit in enumerate(units):
        item, state = stated_by(unit) or ("", None)
        following = units[at + 1 : at + 2]
        is_heading = any(one.start <= unit.end + 1 and not one.label for one in following)  # of the next line
        if state is None or state in _READ or (state == "empty" and is_heading):
            read.append(unit)
        elif state not in _UNFILLED:
            stated.append(Statement(item, state, unit.text, unit.start, unit.end))
    return read, stated
