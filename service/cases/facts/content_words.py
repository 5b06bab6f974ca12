"""Words that distinguish topics: identifiers, error codes and names of products."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache

from service.mail.word_lists import load

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-/]*[A-Za-z0-9]|[A-Za-z0-9]|[ァ-ヴー]{3,}|[一-龥々]{2,}")
_DATE = re.compile(
    r"^(?:\d{1,4}[-/.]\d{1,2}(?:[-/.]\d{1,4})?(?:T\d+)?|20\d\d|\d{1,2}"
    r"|0\d{1,4}-\d{1,4}-\d{3,4}|\d{1,2}/\d{1,2})$"
)
_STOP, _STOP_KANJI = (
    frozenset(load("stop_words", "service.cases")[name].split()) for name in ("latin_and_kana", "kanji")
)


def is_common(word: str) -> bool:
    """Whether the word is so common in mail that it identifies no person and no topic."""
    return word.casefold() in _STOP or word in _STOP_KANJI


def content_words(*texts: str, without: Collection[str] = ()) -> tuple[str, ...]:
    """Return at most 80 distinctive words of ``texts``, case-folded, in order. Words in ``without`` are left out."""
    seen: dict[str, None] = {}
    for text in texts:
        for word in _words(text):
            if word not in without:
                seen.setdefault(word)
                if len(seen) >= 80:
                    return tuple(seen)
    return tuple(seen)


def name_words(parts: Iterable[str]) -> frozenset[str]:
    """Return the words of people's names and addresses, which say nothing about a topic.

    Only the last two words of each part are used, because a department or a company may precede the name (``松風館
    フロント 堀切``).
    """
    out: set[str] = set()
    for part in parts:
        out.update(_words(" ".join(part.split()[-2:]), keep_all=True))
    return frozenset(out)


_GENERATION = re.compile(
    r"(?:windows|win|office|microsoft|m|server|exchange|sharepoint|ios|ipados|macos|android|java|python|php|sql|http|tls"
    r"|ssl|ipv|usb|wi-?fi|ie|excel|word|outlook|acrobat|vista|rhel|ubuntu|debian)-?(?:\d{1,2}|20\d\d|365)(?:\.\d{1,2}){0,2}"
    r"(?:pro|h\d)?(?:20\d\d)?|2\dh[12]|(?:windows|win|office|macos|ios|android)-?\d[\d.]*(?:-2\dh[12])?"
)
"""Matches a widespread product with its version, such as "windows 11": it identifies a topic no better than a plain
word."""


IDENTIFIER = 3.0  # weight of an identifier or error code


@lru_cache(maxsize=1 << 14)
def weight(word: str) -> float:
    """Return the weight of a shared word: 1.0 for a short word, up to 3.0 for a code."""
    if _GENERATION.fullmatch(word):
        return 1.5
    if word.isdigit():
        return 3.0 if len(word) >= 4 else 1.0 if word.endswith("0") else 2.5
    if any(c.isdigit() for c in word):
        return 3.0
    if word[0].isascii():
        return 1.0 if len(word) <= 3 else 1.5
    return 1.5 if len(word) >= 3 else 1.0


def is_kanji(word: str) -> bool:
    """Return whether a word begins with a kanji."""
    return "一" <= word[0] <= "龥" or word[0] == "々"


def squashed(text: str) -> str:
    """Return the first 4,000 characters of a text for comparison: case-folded, without white space and quote marks."""
    folded = unicodedata.normalize("NFKC", text[:4000]).casefold()
    return re.sub(r"[\s>|*_\-=・]+", "", folded)


def is_same_text(one: str, other: str) -> bool:
    """Whether two texts are equal, or similar with the same numbers. Both are results of ``squashed``.

    They also count as equal if one contains the other.
    """
    if not one or not other:
        return False
    if one == other:
        return True
    if other_numbers(one, other):
        return False
    short, long = _by_length(one, other)
    if len(short) >= 12 and short[:160] in long:
        return True
    if len(short) < 24:
        return False
    pieces = {short[i : i + 6] for i in range(0, min(len(short), 1200) - 5, 3)}
    hits = sum(piece in long for piece in pieces)
    return hits >= 0.7 * len(pieces)


def other_numbers(one: str, other: str) -> bool:
    """Whether each of two texts (results of ``squashed``) contains a number that the other lacks.

    People and machines send the same text again with another number. Of the longer text, only the part that matches
    the shorter text is searched for such numbers. The last number of a text may be truncated.
    """
    short, long = _by_length(one, other)
    begin = max(long.find(short[:24]), 0)
    rest = long[begin : begin + len(short) + 12].rstrip("0123456789")  # the text may be truncated inside a number
    return _lacks(long, short) and _lacks(short, rest)


def _by_length(one: str, other: str) -> tuple[str, str]:
    """Return the shorter text first. The order of the arguments does not matter."""
    return (one, other) if (len(one), one) <= (len(other), other) else (other, one)


def _lacks(text: str, other: str) -> bool:
    """Whether ``other`` contains a number that ``text`` lacks. The last number of ``other`` may be truncated."""
    known = set(_NUMBER.findall(text))
    return any(
        number not in known and not (other.endswith(number) and any(k.startswith(number) for k in known))
        for number in _NUMBER.findall(other)
    )


_NUMBER = re.compile(r"[0-9]+")


def _words(text: str, keep_all: bool = False) -> Iterable[str]:
    for token in dict.fromkeys(_TOKEN.findall(unicodedata.normalize("NFKC", text[:12000]))):
        yield from _known(token, keep_all) if len(token) < 64 else _of_token(token, keep_all)


def _of_token(token: str, keep_all: bool) -> tuple[str, ...]:
    """Return the words of a token: pairs of characters for kanji, stems for Latin text. Other tokens are unchanged."""
    token = token.casefold()
    if is_kanji(token):
        pairs = {token[i : i + 2] for i in range(len(token) - 1)}
        pairs = {pair for pair in pairs if pair[1] not in _TITLES or pair in _NO_NAMES}
        return tuple(sorted(pairs) if keep_all else sorted(pairs - _STOP_KANJI))
    if token[0].isascii():
        return tuple(_latin(token, keep_all))
    return (token,) if keep_all or token not in _STOP else ()


_TITLES = frozenset("様殿")  # Japanese titles; a pair of characters that ends with a title is usually part of a name
_NO_NAMES = frozenset(("仕様", "模様", "御殿", "宮殿"))
_known = lru_cache(maxsize=1 << 13)(_of_token)  # cached, because mails repeat the same words


def _latin(token: str, keep_all: bool) -> Iterable[str]:
    if _DATE.match(token) and not keep_all:
        return
    if len(token) < 3 and not keep_all:
        return
    if any(c in "./_-" for c in token):
        for part in re.split(r"[./]", token):
            if len(part) >= 3 and (keep_all or (part not in _STOP and not _DATE.match(part))):
                yield _stem(part)
        if any(c.isdigit() for c in token) and "/" not in token:
            yield token
        return
    if keep_all or (token not in _STOP and _stem(token) not in _STOP):
        yield _stem(token)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") and word.isalpha() else word
