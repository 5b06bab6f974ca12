"""Form lines, "label: value": the item that a label names, and values with a state of their own.

A line of our side that is not filled in is not read at all. A line that says "unknown", "to be confirmed" or "not
applicable" states only this (docs/design.md, Value states). Labels and values are in `form_lines.yaml`.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from ..patterns import RE2
from ..statement import Statement
from .normal_forms import fold
from .units import Unit

UNFILLED = ("empty", "placeholder")
_TELLING = ("none",)  # states of lines that are also read
_MARKS = "-*・•●■□○◆◇▪◦▼☑✓※①②③④⑤⑥⑦⑧⑨⑩0123456789.)(【】[]<>「」*#  \t"
_COLONS = (":", "：")


class _Table(NamedTuple):
    items: dict[str, str]  # label → meaning of the item
    states: dict[str, Any]  # state → pattern of the whole value


@cache
def _table() -> _Table:
    text = (files("mailrules") / "reader" / "form_lines.yaml").read_text(encoding="utf-8")
    content = yaml.load(text, Loader=yaml.CSafeLoader)
    items = {label.strip(): item for item, labels in content["labels"].items() for label in labels.split(",")}
    return _Table(items, {state: RE2.compile(pattern) for state, pattern in content["states"].items()})


def item_of(label: str) -> str | None:
    """Return the meaning of the item that the label of a form line names; None if it names none."""
    return _table().items.get(fold(label).strip(_MARKS).lower())


def value_of(unit: Unit) -> str:
    """Return the text after the label of a form line, folded, in lower case."""
    ends = [at + 1 for at in map(unit.text.find, _COLONS) if at >= 0]
    return fold(unit.text[min(ends) :]).strip().lower() if ends else ""


def state_of(unit: Unit) -> str | None:
    """Return the state that the value of a form line has by itself; None if the value has to be read."""
    value = value_of(unit)
    return next((state for state, pattern in _table().states.items() if pattern.fullmatch(value)), None)


def filled_units(units: Sequence[Unit]) -> tuple[list[Unit], list[Statement]]:
    """Return the units that have to be read, and what the other form lines state."""
    read, stated = [], list[Statement]()
    for at, unit in enumerate(units):
        state = state_of(unit) if unit.label else None
        if state is None or state in _TELLING or (state == "empty" and _introduces(units, at)):
            read.append(unit)
        elif state not in UNFILLED and (item := item_of(unit.label)):
            stated.append(Statement(item, state, unit.text, unit.start, unit.end))
    return read, stated


def _introduces(units: Sequence[Unit], at: int) -> bool:
    """Whether a label without a value is the heading of the next line."""
    following = units[at + 1 : at + 2]
    return any(one.start <= units[at].end + 1 and not one.label for one in following)
