"""What a text must hold so that a pattern can match in it: words that one automaton finds for all patterns at once.

``needs(pattern)`` reads a pattern in RE2's syntax (https://github.com/google/re2/wiki/Syntax) and gives clauses: of
each clause at least one word stands, in lower case, in every text that the pattern matches. It is careful rather than
keen: what it does not know needs nothing, and such a pattern is tried everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

EDGE = "\b"
"""At the beginning or the end of a word: no Latin letter, digit or ``_`` may stand there."""
Clause = frozenset[str]
"""Words of which one must be there."""

_EXACT = 24
"""So many strings at most are followed as what a piece of a pattern is."""
_LONGEST = 32
_CLASS = 10
"""Characters of a class that are told apart: ten digits."""
_REPEAT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|[imsU]*(?:-[imsU]+)?(?P<end>[:)])))?")
_EMPTY_ESCAPES = "BAz"
_PLAIN_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_COMPARED = 40
"""Words of a clause at most that are compared with each other: a superfluous one costs little."""
_PLAIN = r"[^\\\[\](){}|*+?.^$]"
_PLAIN_RUN = re.compile(rf"{_PLAIN}{{2,}}")
_PLAIN_WORDS = re.compile(rf"{_PLAIN}+(?:\|{_PLAIN}+)++(?=\)|$)")
"""A group of nothing but words, as most are."""
_IDEOGRAPH = re.compile("[\u3400-\u9fff]")
_QUANTIFIERS = frozenset("*+?{")
_ENDS = frozenset(("", "|", ")"))
_STRONG = 2
"""Weight of a word worth looking for: one ideograph, two kana or two Latin letters."""


class _Unknown(ValueError):
    """Syntax that is not read here."""


class _Piece(NamedTuple):
    """A part of a pattern: exactly one of ``exact``, or anything that holds the ``clauses``."""

    exact: frozenset[str] | None
    clauses: tuple[Clause, ...] = ()
    ends: frozenset[str] | None = None
    """What it begins and ends with, where that is known of something repeated."""

    def needed(self) -> tuple[Clause, ...]:
        if self.exact is None:
            return self.clauses
        return () if any(not word.strip(EDGE) for word in self.exact) else (self.exact,)


_NOTHING = _Piece(frozenset(("",)))
_ANY = _Piece(None)


@lru_cache(maxsize=16384)
def needs(pattern: str) -> tuple[Clause, ...]:
    """The clauses of a pattern, the most telling first; none where nothing certain can be said."""
    try:
        reader = _Reader(pattern)
        piece = reader.either()
        if reader.at < len(pattern):
            return ()
    except (_Unknown, RecursionError):
        return ()
    clauses = [_shortest(frozenset(map(_plain, clause))) for clause in piece.needed()]
    telling = [clause for clause in clauses if all(map(_tells, clause))]
    if len(telling) > 1:
        telling = sorted(dict.fromkeys(telling), key=lambda clause: (-_worth(clause), len(clause)))
    return tuple(telling)


def _plain(word: str) -> str:
    """With edges only where they say something: outside, beside a Latin letter."""
    bare = word.replace(EDGE, "")
    first = EDGE if word[0] == EDGE and is_latin(bare[:1]) else ""
    return first + bare + (EDGE if word[-1] == EDGE and is_latin(bare[-1:]) else "")


def is_latin(char: str) -> bool:
    """A character of a word to RE2's ``\\b``."""
    return char.isascii() and (char.isalnum() or char == "_")


def _shortest(clause: Clause) -> Clause:
    """Without words that hold another one of the clause."""
    if not 1 < len(clause) <= _COMPARED:
        return clause
    joined = "\n".join(clause)
    inner = [word for word in clause if joined.count(word) > 1]
    if not inner:
        return clause
    return frozenset(word for word in clause if not any(piece in word and piece != word for piece in inner))


def _worth(clause: Clause) -> int:
    return min(map(_weight, clause))


def _weight(word: str) -> int:
    letters = len(word) - word.count(" ") - word.count(EDGE)
    return letters if word.isascii() else letters + 2 * len(_IDEOGRAPH.findall(word))


def _tells(word: str) -> bool:
    """Worth looking for: digits and signs are rarer than single letters."""
    return _weight(word) >= _STRONG or bool(word.strip() and not word.isalpha() and EDGE not in word)


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self.text, self.at = pattern, 0

    def either(self) -> _Piece:
        """Alternatives up to the end of the group."""
        plain = _PLAIN_WORDS.match(self.text, self.at)
        if plain is not None and _same_case(plain.group()):
            self.at = plain.end()
            words = frozenset(plain.group().lower().split("|"))
            return _Piece(words) if len(words) <= _EXACT else _Piece(None, _Piece(words).needed())
        branches = [self._sequence()]
        while self._next() == "|":
            self.at += 1
            branches.append(self._sequence())
        if len(branches) == 1:
            return branches[0]
        exact: set[str] = set()
        for branch in branches:
            exact |= branch.exact if branch.exact is not None else set()
        if all(branch.exact is not None for branch in branches) and len(exact) <= _EXACT:
            return _Piece(frozenset(exact))
        best: list[Clause] = []
        for branch in branches:
            clauses = branch.needed()
            if not clauses:
                return _ANY
            best.append(clauses[0] if len(clauses) == 1 else max(clauses, key=_worth))
        return _Piece(None, (frozenset().union(*best),))

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _sequence(self) -> _Piece:
        begin = self._run()
        run: frozenset[str] = frozenset((begin,))
        whole = len(begin) <= _LONGEST
        if whole and self._next() in _ENDS:
            return _Piece(run)
        clauses: list[Clause] = []

        def close() -> None:
            clauses.extend(_Piece(run).needed())

        while self._next() not in _ENDS:
            plain = self._run()
            piece = _Piece(frozenset((plain,))) if plain else self._repeated(self._atom())
            if piece.exact is not None and len(piece.exact) == len(run) == 1:
                (before,), (after,) = run, piece.exact
                if len(before) + len(after) <= _LONGEST:
                    run = frozenset((before + after,))
                    continue
            elif piece.exact is not None and len(run) * len(piece.exact) <= _EXACT:
                joined = frozenset(a + b for a, b in product(run, piece.exact))
                if max(map(len, joined)) <= _LONGEST:
                    run = joined
                    continue
            whole = False
            if piece.ends is not None and len(run) * len(piece.ends) <= _EXACT:
                run = frozenset(a + b for a, b in product(run, piece.ends))
            close()
            clauses.extend(piece.clauses)
            run = piece.exact or piece.ends or frozenset(("",))
        if whole:
            return _Piece(run)
        close()
        return _Piece(None, tuple(clauses))

    def _run(self) -> str:
        """Several plain characters at once, empty where there are none."""
        plain = _PLAIN_RUN.match(self.text, self.at)
        if plain is None:
            return ""
        text = plain.group()
        if self.text[plain.end() : plain.end() + 1] in _QUANTIFIERS:
            text = text[:-1]
        if len(text) < 2 or not _same_case(text):
            return ""
        self.at += len(text)
        return text.lower()

    def _repeated(self, piece: _Piece) -> _Piece:
        low, high = 1, 1
        sign = self._next()
        if sign and sign in "*+?":
            self.at += 1
            low, high = (1 if sign == "+" else 0), (1 if sign == "?" else 99)
        elif sign == "{" and (counted := _REPEAT.match(self.text, self.at)):
            self.at = counted.end()
            low = int(counted[1])
            high = low if not counted[2] else int(counted[3] or 99)
        else:
            return piece
        if self._next() == "?":
            self.at += 1
        elif self._next() and self._next() in "*+{" and (self._next() != "{" or _REPEAT.match(self.text, self.at)):
            raise _Unknown
        if (low, high) == (0, 1):
            return _Piece(piece.exact | {""}) if piece.exact is not None else _ANY
        if low == 0:
            return _NOTHING if high == 0 else _ANY
        if (low, high) == (1, 1):
            return piece
        return _Piece(None, piece.needed(), piece.exact if piece.exact and "" not in piece.exact else None)

    def _atom(self) -> _Piece:
        sign = self._next()
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._class()
        self.at += 1
        if sign == "\\":
            return self._escape()
        if sign in "^$":
            return _NOTHING
        if sign == ".":
            return _ANY
        if sign in "*+?":
            raise _Unknown
        return _char(sign)

    def _group(self) -> _Piece:
        opened = _GROUP.match(self.text, self.at)
        if opened is None or self.text.startswith("(?", self.at) != (opened.end() > self.at + 1):
            raise _Unknown
        self.at = opened.end()
        if opened["end"] == ")":
            return _NOTHING  # only flags
        inner = self.either()
        if self._next() != ")":
            raise _Unknown
        self.at += 1
        return inner

    def _escape(self) -> _Piece:
        sign = self._next()
        self.at += 1
        if sign and sign in _EMPTY_ESCAPES:
            return _NOTHING
        if sign == "b":
            return _Piece(frozenset((EDGE,)))
        if sign == "d":
            return _Piece(frozenset("0123456789"))
        if sign and sign in "DwWsS":
            return _ANY
        if sign in _PLAIN_ESCAPES:
            return _char(_PLAIN_ESCAPES[sign])
        if not sign or sign.isalnum():
            raise _Unknown  # \x{…}, \p{…}, \Q…\E, octal
        return _char(sign)

    def _class(self) -> _Piece:
        """A class of a few characters is each of them; any other is any character."""
        at = self.at + 1
        negated = self.text.startswith("^", at)
        at += negated
        chars: list[str] = []
        wide = negated
        first = at
        while at < len(self.text) and (self.text[at] != "]" or at == first):
            char = self.text[at]
            if self.text.startswith("[:", at):
                raise _Unknown
            if char == "\\":
                at += 1
                char = self.text[at : at + 1]
                if char in ("p", "P", "x", "Q") or char.isdigit():
                    raise _Unknown
                wide = wide or char.isalpha()
            elif self.text.startswith("-", at + 1) and self.text[at + 2 : at + 3] not in ("", "]"):
                last = self.text[at + 2]
                wide = wide or last == "\\" or ord(last) - ord(char) >= _CLASS
                chars += map(chr, range(ord(char), min(ord(last), ord(char) + _CLASS) + 1))
                at += 2
            chars.append(char)
            at += 1
        self.at = at + 1
        if at >= len(self.text):
            raise _Unknown
        known = {_char(char).exact for char in chars}
        if wide or None in known or len(set(chars)) > _CLASS:
            return _ANY
        return _Piece(frozenset(one for some in known if some for one in some))


def _same_case(text: str) -> bool:
    """Of letters beyond ASCII with two cases RE2 knows more spellings than ``lower`` does."""
    return text.isascii() or text.lower() == text == text.upper()


def _char(char: str) -> _Piece:
    """One character."""
    if char.isascii():
        return _Piece(frozenset((char.lower(),)))
    return _Piece(frozenset((char,))) if char.lower() == char == char.upper() else _ANY


def of_all(patterns: Sequence[str]) -> Clause | None:
    """Words of which one must be there for any of the patterns to match; None where that cannot be said."""
    words: set[str] = set()
    for pattern in patterns:
        clauses = needs(pattern)
        if not clauses:
            return None
        words |= clauses[0]
    return _shortest(frozenset(words))
