"""Whether a pattern finds something in every text in which another one does: told from how both are written.

``covers(wide, narrow)`` reads both by the parser of ``re`` and lays the wide one along the narrow one, piece by piece.
It is careful rather than keen: what it cannot follow is not covered, so a True can be relied on.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from mailrules.fold import fold

_PARSER: Any = re._parser  # type: ignore[attr-defined]
_MANY = 1 << 16
"""More often than any text has characters in a row that matter."""
_STEPS = 20_000
"""Comparisons of one pair at most: what takes longer is not covered."""
_CLASS = 512
"""Characters of a class that are told apart."""
_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
_OF_CATEGORY = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "x", "CATEGORY_NOT_SPACE": "x"}
_TOKEN = re.compile(r"\\.|\[\^?\]?|[\]()|]", re.S)


class Chars(NamedTuple):
    """One character: one of ``of``, or any but those."""

    of: frozenset[str]
    but: bool = False


class At(NamedTuple):
    """A place between characters (``^``, ``$``, ``\\b``)."""

    which: str


class Either(NamedTuple):
    """One of several sequences."""

    ways: tuple[Sequence, ...]


class Repeat(NamedTuple):
    """A sequence, so many times."""

    low: int
    high: int
    what: Sequence


class Minding(NamedTuple):
    """A part in which capitals matter: only its like covers it."""

    what: str


Piece = Chars | At | Either | Repeat | Minding
Sequence = tuple[Piece, ...]
_ANY = Chars(frozenset(), True)


class _Unread(ValueError):
    """Syntax that is not followed here."""


def shape(pattern: str) -> Sequence | None:
    """The pieces of a pattern in which capitals do not matter; None where it has some that are not followed."""
    try:
        return _sequence(_PARSER.parse(fold(pattern)[0]))
    except (re.error, _Unread, RecursionError, OverflowError):
        return None


def _sequence(parsed: Any) -> Sequence:
    return tuple(piece for one in parsed for piece in _pieces(str(one[0]), one[1]))


def _pieces(name: str, value: Any) -> Sequence:
    if name == "LITERAL":
        return (Chars(frozenset((chr(value).lower(),))),)
    if name == "NOT_LITERAL":
        return (Chars(frozenset((chr(value).lower(),)), True),)
    if name == "ANY":
        return (_ANY,)
    if name == "IN":
        return (_class(value),)
    if name == "AT":
        return (At(str(value)),)
    if name == "BRANCH":
        return (Either(tuple(_sequence(way) for way in value[1])),)
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        low, high, what = value
        return (Repeat(int(low), min(int(high), _MANY), _sequence(what)),)
    if name == "SUBPATTERN":
        _, add, less, what = value
        return (Minding(f"{add}-{less}:{what}"),) if add or less else _sequence(what)
    raise _Unread(name)


def _class(items: Any) -> Chars:
    of: set[str] = set()
    but = False
    for op, value in items:
        name = str(op)
        if name == "NEGATE":
            but = True
        elif name == "LITERAL":
            of.add(chr(value).lower())
        elif name == "RANGE":
            if value[1] - value[0] > _CLASS:
                of.add(f"{value}")
            else:
                of.update(chr(code).lower() for code in range(value[0], value[1] + 1))
        elif name == "CATEGORY":
            of.add(str(value))
        else:
            raise _Unread(name)
    return Chars(frozenset(of), but)


def _one_covers(wide: Chars, narrow: Chars) -> bool:
    if wide.but:
        if narrow.but:
            return wide.of <= narrow.of
        return wide.of.isdisjoint(narrow.of) and all(len(char) == 1 for char in narrow.of | wide.of)
    return not narrow.but and narrow.of <= wide.of


def _same_one(wide: Chars, narrow: Piece) -> bool:
    return isinstance(narrow, Chars) and _one_covers(wide, narrow)


class _Laying:
    """One comparison, with what it may still cost."""

    def __init__(self) -> None:
        self.steps = _STEPS

    def within(self, wide: Sequence, narrow: Sequence) -> bool:
        """Whether ``wide`` finds something in all that ``narrow`` matches."""
        before: Piece | None = None
        for at, piece in enumerate(narrow):
            if self.along(wide, narrow[at:], before):
                return True
            if isinstance(piece, Either) and all(self.within(wide, way) for way in piece.ways):
                return True
            if isinstance(piece, Repeat) and piece.low > 0 and self.within(wide, piece.what):
                return True
            before = before if isinstance(piece, At) else piece
        return self.along(wide, (), before)

    def along(self, wide: Sequence, narrow: Sequence, before: Piece | None) -> bool:
        """Whether ``wide`` matches at the beginning of all that ``narrow`` matches; more may follow it."""
        self.steps -= 1
        if self.steps < 0:
            return False
        if not wide:
            return True
        first, rest = wide[0], wide[1:]
        here = narrow[0] if narrow else None
        if here is not None and first == here and self.along(rest, narrow[1:], here):
            return True
        if isinstance(first, At):
            if first.which == "AT_BOUNDARY" and _edge(before, here):
                return self.along(rest, narrow, before)
            return False
        if isinstance(here, At):
            return self.along(wide, narrow[1:], before)
        if isinstance(first, Either) and any(self.along(way + rest, narrow, before) for way in first.ways):
            return True
        if isinstance(first, Repeat):
            if first.low == 0 and self.along(rest, narrow, before):
                return True
            if self._repeated(first, rest, narrow, before):
                return True
        if here is None:
            return False
        if isinstance(here, Either):
            return all(self.along(wide, way + narrow[1:], before) for way in here.ways)
        if isinstance(first, Chars) and isinstance(here, Chars):
            return _one_covers(first, here) and self.along(rest, narrow[1:], here)
        if isinstance(first, Chars) and isinstance(here, Repeat) and here.low > 0:
            unrolled = Repeat(here.low - 1, here.high - 1, here.what)
            return self.along(wide, here.what + ((unrolled,) if unrolled.high else ()) + narrow[1:], before)
        if isinstance(here, Repeat) and here.low == 0 and here.high == 1:
            skipped = self.along(wide, narrow[1:], before)
            return skipped and self.along(wide, here.what + narrow[1:], before)
        return False

    def _repeated(self, first: Repeat, rest: Sequence, narrow: Sequence, before: Piece | None) -> bool:
        """``first`` takes the next piece of ``narrow`` as a whole, or one round of it."""
        here = narrow[0] if narrow else None
        one = first.what[0] if len(first.what) == 1 else None
        if isinstance(one, Chars) and here is not None:
            taken = 0
            if isinstance(here, Chars) and _one_covers(one, here):
                taken, least = 1, 1
            elif isinstance(here, Repeat) and len(here.what) == 1 and _same_one(one, here.what[0]):
                taken, least = here.high, here.low
            if taken and (taken <= first.high or first.high >= _MANY):
                left = Repeat(
                    max(first.low - least, 0), first.high - taken if first.high < _MANY else _MANY, first.what
                )
                return left.low <= left.high and self.along(((left,) if left.high else ()) + rest, narrow[1:], here)
            return False
        if first.high == 1:
            return self.along(first.what + rest, narrow, before)
        if first.low >= 1:
            left = Repeat(first.low - 1, first.high - 1, first.what)
            return self.along(first.what + ((left,) if left.high else ()) + rest, narrow, before)
        return False


def _edge(before: Piece | None, here: Piece | None) -> bool:
    """Whether a word begins or ends between two pieces."""
    if not isinstance(before, Chars) or not isinstance(here, Chars) or before.but or here.but:
        return False
    kinds = [{char in _WORD for char in piece.of} for piece in (before, here)]
    return all(len(kind) == 1 for kind in kinds) and kinds[0] != kinds[1]


def covers(wide: Sequence, narrow: Sequence) -> bool:
    """Whether ``wide`` finds something wherever ``narrow`` does."""
    return _Laying().within(wide, narrow)


def text_of(whole: Sequence, which: int = 0) -> str:
    """A text that the pieces match, places between characters left aside. ``which``: the way taken of each choice."""
    said = []
    for piece in whole:
        if isinstance(piece, Chars):
            said.append(_char(piece))
        elif isinstance(piece, Either):
            said.append(text_of(piece.ways[which], which))
        elif isinstance(piece, Repeat):
            said.append(text_of(piece.what, which) * piece.low)
    return "".join(said)


def _char(piece: Chars) -> str:
    if piece.but:
        return next((char for char in "xあ1 -" if char not in piece.of), "")
    known = min(piece.of)
    return _OF_CATEGORY.get(known, known) if len(known) > 1 else known


def ways(pattern: str) -> list[str]:
    """The alternatives of a pattern as they are written: ``a|b(?:c|d)`` has two."""
    found, depth, inside, begin = [], 0, False, 0
    for token in _TOKEN.finditer(pattern):
        sign = token[0]
        if inside:
            inside = sign != "]"
        elif sign.startswith("["):
            inside = True
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "|" and not depth:
            found.append(pattern[begin : token.start()])
            begin = token.end()
    return [*found, pattern[begin:]]
