"""RE2 patterns over folded text: linear in the text, whatever their author wrote (law 9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from weakref import ref

import re2 as _re2

from mailrules.fold import fold

RE2: Any = _re2
"""The library has no types."""
_ANYWHERE = RE2._Anchor.UNANCHORED
_LOOKING = re.compile(r"\(\?<?[=!]")
"""Look-around, which RE2 has not."""
_NOWHERE = (-1, -1)
"""How the library itself asks for a match: its generator of match objects costs several times the match."""

Find = Callable[[bytes, int], "list[tuple[int, int]] | None"]
"""Bytes and where to begin → the spans of the groups, the whole match first; None where there is none."""


class PatternError(ValueError):
    """A pattern that RE2 does not take."""


@lru_cache(maxsize=16384)
def compile_pattern(pattern: str, case: bool = False, *, groups: bool = True) -> Any:
    """An RE2 pattern for folded text: never crosses a line, any case unless ``case``. Raises ``PatternError``."""
    try:
        return RE2.compile(rooted(pattern), options_for(case, groups=groups))
    except RE2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        hint = " (say it with not, not_after or not_before)" if _LOOKING.search(pattern) else ""
        raise PatternError(f"RE2 does not take {pattern!r}: {text}{hint}") from None


class Syntax:
    """Whether RE2 can read patterns. They are parsed only, which takes a fifth of the time of compiling them."""

    def __init__(self) -> None:
        self._read = {case: RE2.Set.SearchSet(options_for(case, groups=False)) for case in (False, True)}

    def check(self, pattern: str, case: bool = False) -> None:
        """Raises ``PatternError``."""
        try:
            self._read[case].Add(rooted(pattern))
        except RE2.error:
            compile_pattern(pattern, case)  # it says what is wrong


def rooted(pattern: str) -> str:
    """``^`` and ``$`` are the ends of a line of the sheet."""
    return "(?m)" + fold(pattern)[0]


def options_for(case: bool, *, groups: bool = True) -> Any:
    """RE2's options; without ``groups`` it need not look for where they lie."""
    options = RE2.Options()
    options.case_sensitive = case
    options.never_nl = True
    options.log_errors = False
    options.never_capture = not groups
    options.max_mem = 64 << 20
    return options


def finder(pattern: str, case: bool = False) -> tuple[Find, int]:
    """How to look for a pattern in bytes, and the number of its group ``value`` (0: it has none).

    Most patterns are never tried, since the words they need stand nowhere: each is compiled when it first is.
    """
    groups = "(?P<" in pattern
    value = dict(compile_pattern(pattern, case).groupindex).get("value", 0) if groups else 0
    compiled: list[Any] = [None]

    def find(data: bytes, start: int) -> list[tuple[int, int]] | None:
        known = compiled[0]
        if known is None:
            owner = compile_pattern.__wrapped__(pattern, case, groups=groups)
            known = compiled[0] = (owner, owner._regexp.Match)  # the owner must outlive the bound method
            _awake.append(ref(find))
        spans: list[tuple[int, int]] = known[1](_ANYWHERE, data, start, len(data))
        return None if spans[0] == _NOWHERE else spans

    find.compiled = compiled  # type: ignore[attr-defined]
    return find, value


_awake: list[ref[Any]] = []
"""The finders that are compiled; other threads may add to them at any moment."""


def let_go() -> None:
    """Forget what can be compiled anew: an automaton grows with every text that it has not seen yet, without end."""
    compile_pattern.cache_clear()
    while _awake:
        find = _awake.pop()()
        if find is not None:
            find.compiled[0] = None
