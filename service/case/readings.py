"""A ``Reading`` as JSON and back, so that it can be kept with its mail; whose it is, is told when it comes back."""

from __future__ import annotations

import types
import typing
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any

from mailrules.judgement import Reading


def reading_document(reading: Reading) -> dict[str, Any]:
    """Plain values; the id of the mail is left out, and so is what is empty."""
    written = _plain(reading)
    assert isinstance(written, dict)
    return written


def reading_of(document: dict[str, Any], turn: str) -> Reading:
    """Back to a value, as the reading of the mail ``turn``. Raises ``KeyError``/``TypeError`` for a foreign shape."""
    made = _made(Reading, document, turn)
    assert isinstance(made, Reading)
    return made


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(inner)
            for field in fields(value)
            if field.name != "turn" and (inner := getattr(value, field.name)) not in (None, ())
        }
    if isinstance(value, (tuple, list)):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _made(kind: Any, value: Any, turn: str) -> Any:
    if value is None:
        return None
    if isinstance(kind, type) and is_dataclass(kind):
        values: dict[str, Any] = {}
        for name, hint, empty in _shape(typing.cast(typing.Hashable, kind)):
            if name == "turn":
                values[name] = turn
            elif name in value:
                values[name] = _made(hint, value[name], turn)
            elif empty is not _NEEDED:
                values[name] = empty
        return kind(**values)
    origin = typing.get_origin(kind)
    if origin is tuple:
        inner = typing.get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_made(inner[0], one, turn) for one in value)
        return tuple(_made(one, v, turn) for one, v in zip(inner, value, strict=True))
    if origin in (typing.Union, types.UnionType):
        real = next(one for one in typing.get_args(kind) if one is not type(None))
        return _made(real, value, turn)
    return datetime.fromisoformat(value) if kind is datetime else value


_NEEDED = object()


@cache
def _shape(kind: Any) -> tuple[tuple[str, Any, Any], ...]:
    """Fields with their types, and what stands for a field that was left out because it was empty."""
    hints = typing.get_type_hints(kind)
    shape = []
    for field in fields(kind):
        hint = hints[field.name]
        if typing.get_origin(hint) is tuple:
            empty: Any = ()
        elif type(None) in typing.get_args(hint):
            empty = None
        else:
            empty = _NEEDED
        shape.append((field.name, hint, empty))
    return tuple(shape)
