"""Patterns that find the names of a person in text, and bytes that find them in raw mails."""

import re
from collections.abc import Iterable, Sequence

_BETWEEN_CJK = r"[\s\u3000\u00a0,]*"
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "cp932", "euc_jp", "iso2022_jp", "latin-1")
_LETTER = r"[A-Za-z0-9_\u00c0-\u024f]"  # a character of a Latin word
_LINE_START = r"^[> \t\u3000]*"
_GREETING = r"\b(?:Dear|Hi|Hello|Mr|Ms|Mrs|Dr|This is|I am|I'm)\b\.?[ \t]+"
_TITLE_AFTER = r"[ \t\u3000]*(?:様|さま|さん|殿|氏|くん|君)|[- ](?:san|sama)\b"
_AFTER_PERSON = (
    rf"{_TITLE_AFTER}|[ \t]*(?:です|と申します|と申し|でございます|より)|[ \t]*[,、。.]?[ \t\r]*$|[ \t]+here\b"
)


def is_distinctive(name: str) -> bool:
    """Return whether the name is replaced everywhere, because it has two words or a digit."""
    return len(re.findall(r"[^\s\u3000,]+", name)) > 1 or (len(name) > 3 and any(letter.isdigit() for letter in name))


def one_word_pattern(names: Sequence[str]) -> str:
    """Return a pattern for one-word names of persons. Group 1 is the text before the name."""
    if not names:
        return r"(?!)"
    either = "|".join(
        rf"(?<!{_LETTER}){re.escape(name)}(?!{_LETTER})" if name.isascii() else re.escape(name)
        for name in sorted(names, key=len, reverse=True)
    )
    alone = rf"{_LINE_START}(?=(?:{either})(?:{_AFTER_PERSON}))"
    return rf"({alone}|{_GREETING})(?:{either})|(?:{either})(?={_TITLE_AFTER})"


def name_patterns(names: Iterable[str]) -> list[str]:
    """Return patterns for names, longest first. They match the words of a name in either order, with any separator."""
    patterns: dict[str, None] = {}
    for name in sorted(names, key=len, reverse=True):
        parts = [re.escape(part) for part in re.split(r"[\s\u3000,]+", name) if part]
        for order in (parts, parts[::-1]):
            between = _BETWEEN_CJK if not name.isascii() else r"(?:[\s\u00a0,.]|%20|=20|_)+"
            pattern = between.join(order)
            patterns[rf"(?<!{_LETTER}){pattern}(?!{_LETTER})" if name.isascii() else pattern] = None
    return list(patterns)


def needles(words: Iterable[str]) -> dict[str, set[bytes]]:
    """Return charset → the bytes of each word in it, in lower case. A fast first search looks for these bytes."""
    parts = {part for word in words for part in re.split(r"[\s\u3000,@]+", word)}
    found = {name: {part.encode(name, "ignore") for part in parts} for name in _ENCODINGS}
    # the escape sequences of ISO-2022-JP may be further away
    found["iso2022_jp"] = {re.sub(rb"\x1b[$(][B@J]", b"", needle) for needle in found["iso2022_jp"]}
    return {name: {needle.lower() for needle in needles if needle} for name, needles in found.items()}
