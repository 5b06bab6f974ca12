"""RE2 patterns over folded text: linear in the text, whatever their author wrote (docs/design.md, Principles)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import re2 as _re2

from mailrules.fold import fold

RE2: Any = _re2
"""The library has no types."""
_LOOKING = re.compile(r"\(\?<?[=!]")
"""Look-around, which RE2 has not."""


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


def clear_caches() -> None:
    """Forget what can be compiled anew: an automaton grows with every text that it has not seen yet."""
    compile_pattern.cache_clear()
