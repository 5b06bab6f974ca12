"""A condition taken apart: which part of it is true, which is false, down to single signals and facts.

Judging asks CEL for the whole condition; only whoever wants to know why takes it apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Shape = Literal["all", "any", "not", "leaf"]
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_DEPTH = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a condition: of ``all`` and ``any`` the pieces between ``&&`` and ``||``, of ``not`` what it turns."""

    text: str
    shape: Shape
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Blamed:
    """A piece and how it came out. ``parts``: only those inside it that made it so; ``reason``: of a single name."""

    text: str
    holds: bool
    reason: str = ""
    parts: tuple[Blamed, ...] = ()

    def leaves(self) -> Iterator[Blamed]:
        """The single names that decided."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


def take_apart(text: str) -> Part:
    """The pieces of a condition, in the order of CEL's precedence: ``||``, ``&&``, ``!``."""
    text = _bare(" ".join(text.split()))
    for sign, shape in (("||", "any"), ("&&", "all")):
        pieces = _between(text, sign)
        if len(pieces) > 1:
            return Part(text, "any" if shape == "any" else "all", tuple(take_apart(piece) for piece in pieces))
    if text.startswith("!") and not text.startswith("!=") and _one(text[1:]):
        return Part(text, "not", (take_apart(text[1:]),))
    return Part(text, "leaf")


def asked_for(part: Part, *, turned: bool = False) -> Iterator[str]:
    """The single names that a condition wants to be true, not those that speak against it."""
    if part.shape == "leaf" and not turned:
        yield part.text
    for piece in part.parts:
        yield from asked_for(piece, turned=turned is not (part.shape == "not"))


def blame(part: Part, leaf: Callable[[str], tuple[bool, str]]) -> Blamed:
    """How the whole came out, and by which of its pieces. ``leaf``: the same for one that has no pieces, and why."""
    if part.shape == "leaf":
        return Blamed(part.text, *leaf(part.text))
    inside = [blame(piece, leaf) for piece in part.parts]
    if part.shape == "not":
        return Blamed(part.text, not inside[0].holds, "", tuple(inside))
    holds = any(one.holds for one in inside) if part.shape == "any" else all(one.holds for one in inside)
    return Blamed(part.text, holds, "", tuple(one for one in inside if one.holds is holds))


def _bare(text: str) -> str:
    """Without brackets around all of it."""
    while text.startswith("(") and _closing(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _one(text: str) -> bool:
    """Whether it is one name or one bracket: ``!a == b`` turns ``a`` alone."""
    return re.fullmatch(r"!*[\w.]+", text) is not None or (
        text.lstrip("!").startswith("(") and _closing(text.lstrip("!")) == len(text.lstrip("!")) - 1
    )


def _closing(text: str) -> int:
    """Where the bracket closes that stands first."""
    depth = 0
    for at, sign in enumerate(_hidden(text)):
        depth += _DEPTH.get(sign, 0)
        if not depth:
            return at
    return -1


def _between(text: str, sign: str) -> list[str]:
    """The pieces between a sign that stands outside of all brackets and strings."""
    hidden, depth, begin, pieces = _hidden(text), 0, 0, []
    for at, character in enumerate(hidden):
        depth += _DEPTH.get(character, 0)
        if not depth and at >= begin and hidden.startswith(sign, at):
            pieces.append(text[begin:at].strip())
            begin = at + len(sign)
    return [*pieces, text[begin:].strip()]


def _hidden(text: str) -> str:
    """The same length, with strings made blank."""
    return _QUOTED.sub(lambda match: " " * len(match.group()), text)
