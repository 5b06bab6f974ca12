"""Whether a new problem statement is about something else than the earlier texts, measured by shared words."""

from __future__ import annotations

import re

from mailrules.fold import fold, lower

_SHARED = 0.25
"""Two texts are about different things if they share less than this fraction of the words of the shorter one."""
_ENOUGH = 3
"""Texts with fewer words than this are not compared."""
_WORDS = re.compile(r"[a-z0-9][a-z0-9_.-]*[a-z0-9]")
_KATAKANA = re.compile(r"[\u30a1-\u30fa\u30fc]{2,}")
_KANJI = re.compile(r"[\u3400-\u9fff]")
_JAPANESE = re.compile(r"[\u3041-\u30fa\u3400-\u9fff]")
_STEM = 5
"""English words are compared by their first letters, so that "delay" equals "delayed"."""
_SAYS_NOTHING = frozenset("件問題事象発生確認対応調査原因特定範囲目的定義解決状況場合際時分間方法以上下記本当該旨様的")
_EMPTY = frozenset(
    "the a an and or of to in on at for from with by as is are was were be been it its this that these those we you "
    "our your they not no if when while will would can could should may might do does did has have had case issue "
    "problem scope goal resolved solved consider question request support customer please only also more than there "
    "which what how why".split()
)


def apart(one: str, other: str) -> bool:
    """Whether two texts are about different things.

    False if one of them is too short to tell, or if they are in different languages.
    """
    if bool(_JAPANESE.search(one)) is not bool(_JAPANESE.search(other)):
        return False
    told = _told(one), _told(other)
    smaller = min(map(len, told))
    return smaller >= _ENOUGH and len(told[0] & told[1]) / smaller < _SHARED


def _told(text: str) -> set[str]:
    """Return the content words of a text: stems of English words, pairs of katakana, single kanji; no stop words."""
    plain = lower(fold(text)[0])
    told = {word[:_STEM] for word in _WORDS.findall(plain) if word not in _EMPTY}
    told |= {run[at : at + 2] for run in _KATAKANA.findall(plain) for at in range(len(run) - 1)}
    return told | {sign for sign in _KANJI.findall(plain) if sign not in _SAYS_NOTHING}
