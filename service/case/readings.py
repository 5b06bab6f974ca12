"""A ``Reading`` as JSON and back, so that it can be kept with its mail. Which mail it is of is told when it comes back.

How each type is written and read is worked out once, from its annotations; after that a reading is turned by plain
calls. (Every judgement of a case reads back all of its mails.)
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any

from mailrules.judgement import Reading

_Write = Callable[[Any], Any]
_Read = Callable[[Any, str], Any]


def reading_document(reading: Reading) -> dict[str, Any]:
    """Plain values; the id of the mail is left out, and so is what is empty."""
    write = _writer(Reading)
    assert write is not None
    written = write(reading)
    assert isinstance(written, dict)
    return written


def reading_of(document: dict[str, Any], turn: str) -> Reading:
    """Back to a value, as the reading of the mail ``turn``. Raises ``KeyError``/``TypeError`` for a foreign shape."""
    read = _reader(Reading)
    assert read is not None
    made = read(document, turn)
    assert isinstance(made, Reading)
    return made


@cache
def _writer(kind: Any) -> _Write | None:
    """How values of a type become plain ones; None: they are plain already."""
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = [field.name for field in fields(kind) if field.name != "turn"]
        inners = {name: inner for name in names if (inner := _writer(hints[name])) is not None}
        all_of = attrgetter(*names, names[0])  # the last is not used: with a single name it would be no tuple

        def write(value: Any) -> dict[str, Any]:
            parts = zip(names, all_of(value), strict=False)
            out = {name: part for name, part in parts if part is not None and part != ()}
            for name, inner in inners.items():
                if name in out:
                    out[name] = inner(out[name])
            return out

        return write
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            each = _writer(arguments[0])
            return list if each is None else lambda value: [each(one) for one in value]
        every = [_writer(argument) for argument in arguments]
        return lambda value: [one if w is None else w(one) for w, one in zip(every, value, strict=True)]
    if origin in (typing.Union, types.UnionType):
        real = _writer(_real(arguments))
        return None if real is None else lambda value: None if value is None else real(value)
    return datetime.isoformat if kind is datetime else None


@cache
def _reader(kind: Any) -> _Read | None:
    """How plain values become values of a type, those of the mail named second; None: they are that already."""
    if is_dataclass(kind):
        return _reader_of_values(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            each = _reader(arguments[0])
            if each is None:
                return lambda value, _turn: tuple(value)
            return lambda value, turn: tuple([each(one, turn) for one in value])
        every = [_reader(argument) for argument in arguments]
        return lambda value, turn: tuple(
            one if r is None else r(one, turn) for r, one in zip(every, value, strict=True)
        )
    if origin in (typing.Union, types.UnionType):
        real = _reader(_real(arguments))
        return None if real is None else lambda value, turn: None if value is None else real(value, turn)
    return (lambda value, _turn: datetime.fromisoformat(value)) if kind is datetime else None


def _reader_of_values(kind: Any) -> _Read:
    hints = typing.get_type_hints(kind)
    names = {field.name for field in fields(kind)}
    readers = {name: reader for name in names if (reader := _reader(hints[name])) is not None}
    empty = {name: _empty(hints[name]) for name in names if _may_be_empty(hints[name])}
    of_a_mail = "turn" in names

    def read(document: Any, turn: str) -> Any:
        values = {**empty, **document}
        if of_a_mail:
            values["turn"] = turn
        for name, reader in readers.items():
            if name in document:
                values[name] = reader(values[name], turn)
        return kind(**values)

    return read


def _may_be_empty(hint: Any) -> bool:
    return typing.get_origin(hint) is tuple or type(None) in typing.get_args(hint)


def _empty(hint: Any) -> Any:
    return () if typing.get_origin(hint) is tuple else None


def _real(arguments: tuple[Any, ...]) -> Any:
    return next(one for one in arguments if one is not type(None))
