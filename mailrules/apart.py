"""Whether a statement of the problem is still about what was told before, by the words they share."""

from __future__ import annotations

import re

from mailrules.fold import fold, lower

_SHARED = 0.25
"""Share of common words (of whoever says less) under which two texts are about different things."""
_ENOUGH = 3
"""Words that a text must have to be about anything."""
_WORDS = re.compile(r"[a-z0-9][a-z0-9_.-]*[a-z0-9]")
_KATAKANA = re.compile(r"[\u30a1-\u30fa\u30fc]{2,}")
_KANJI = re.compile(r"[\u3400-\u9fff]")
_JAPANESE = re.compile(r"[\u3041-\u30fa\u3400-\u9fff]")
_STEM = 5
"""Letters of an English word that count: "delay" is in "delayed"."""
_SAYS_NOTHING = frozenset("件問題事象発生確認対応調査原因特定範囲目的定義解決状況場合際時分間方法以上下記本当該旨様的")
_EMPTY = frozenset(
    "the a an and or of to in on at for from with by as is are was were be been it its this that these those we you "
    "our your they not no if when while will would can could should may might do does did has have had case issue "
    "problem scope goal resolved solved consider question request support customer please only also more than there "
    "which what how why".split()
)


def apart(one: str, other: str) -> bool:
    """False where either says too little to tell, or they are written in different languages."""
    if bool(_JAPANESE.search(one)) is not bool(_JAPANESE.search(other)):
        return False
    told = _told(one), _told(other)
    smaller = min(map(len, told))
    return smaller >= _ENOUGH and len(told[0] & told[1]) / smaller < _SHARED


def _told(text: str) -> set[str]:
    """What a text is about: its words without those that stand in any text."""
    plain = lower(fold(text)[0])
    told = {word[:_STEM] for word in _WORDS.findall(plain) if word not in _EMPTY}
    told |= {run[at : at + 2] for run in _KATAKANA.findall(plain) for at in range(len(run) - 1)}
    return told | {sign for sign in _KANJI.findall(plain) if sign not in _SAYS_NOTHING}
