"""RE2 patterns for folded text. They run in linear time (docs/design.md, Principles)."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import re2 as _re2

from mailrules.fold import fold

RE2: Any = _re2  # typed as Any because the library has no type information
_LOOKING = re.compile(r"\(\?<?[=!]")  # look-around, which RE2 does not support


class PatternError(ValueError):
    """A pattern that RE2 does not accept."""


@lru_cache(maxsize=16384)
def compile_pattern(pattern: str, *, groups: bool = True) -> Any:
    """Compile an RE2 pattern for folded text. It ignores case and matches within one line. Raises PatternError."""
    try:
        return RE2.compile(f"(?m){fold(pattern)}", options_for(groups=groups))
    except RE2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        hint = " (say it with not, not_after or not_before)" if _LOOKING.search(pattern) else ""
        raise PatternError(f"{pattern!r} is not a valid RE2 pattern: {text}{hint}") from None


def set_of(patterns: Sequence[str], options: Any = None, *, automata: int = 1) -> Callable[[bytes], Sequence[int]]:
    """Return a function that finds which RE2 patterns match anywhere in a text.

    It returns their indexes in no particular order.

    All patterns of one automaton share a limited memory, and each combination of patterns in a text needs states of
    its own. Therefore several ``automata`` with fewer patterns each can be faster. If the memory is not enough, each
    pattern is searched for separately.
    """
    parts = [range(first, len(patterns), automata) for first in range(min(automata, len(patterns)))]
    searches = [(part, _one_search([patterns[at] for at in part], options)) for part in parts]

    def matching(text: bytes) -> Sequence[int]:
        return [part[at] for part, search in searches for at in search(text)]

    return matching


def _one_search(patterns: Sequence[str], options: Any) -> Callable[[bytes], Sequence[int]]:
    made = RE2.Set.SearchSet(options)
    for pattern in patterns:
        made.Add(pattern)
    try:
        made.Compile()
    except RE2.error:
        single = [RE2.compile(pattern.encode(), options) for pattern in patterns]
        return lambda text: [at for at, one in enumerate(single) if one.search(text)]
    return lambda text: made.Match(text) or ()


def options_for(*, groups: bool = True) -> Any:
    """Return options for RE2. With ``groups=False``, matching is faster, but matches have no capture groups."""
    options = RE2.Options()
    options.case_sensitive = options.log_errors = False
    options.never_nl = True
    options.never_capture = not groups
    options.max_mem = 64 << 20
    return options
