"""Authentication-Results (RFC 8601): what our own mail server found out about the author of a mail.

Anybody can write such a header, so only the topmost ones with our server's name count: those at one hop, with no
Received line between them. Our server must remove incoming headers with its name (RFC 8601 §5). Own code, because
`authres` has had no release since 2019, cannot read headers of Microsoft 365 and raises on unknown parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from service.mail.message import Mail

MICROSOFT_365 = "microsoft-365"
"""Value of ``authserv_id`` for headers of Microsoft 365, which begin with a result instead of a name (not RFC 8601)."""
Dmarc = Literal["pass", "fail", "none"]
MAX_LENGTH = 100_000
"""Maximum number of characters of a header; a longer one is ignored."""
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)"|[^\s"()\\;=]+|[;=()"\\]|\s+', re.S)
_JOINTS = frozenset("/.")
_VERSION = re.compile(r"[0-9]+\Z")
_METHOD = re.compile(r"([a-z][a-z0-9-]*)(?:/[0-9]+)?\Z")


@dataclass(frozen=True, slots=True)
class Result:
    """One method with its result and properties (``header.from``), names in lower case."""

    method: str
    value: str
    properties: tuple[tuple[str, str], ...] = ()

    def property(self, name: str) -> str | None:
        """Return the value of a property; None if it is missing or repeated."""
        found = [value for key, value in self.properties if key == name]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Results:
    """One header: the server that wrote it (empty for Microsoft 365, which states none) and its results."""

    authserv: str
    results: tuple[Result, ...]


def dmarc(mail: Mail, authserv: str) -> Dmarc:
    """Return what our own server found about the author: ``pass``, ``fail`` or ``none``.

    ``pass`` counts only for the exact domain of the From address; ``fail`` overrides ``pass`` at the same hop.
    """
    found = [one for one in own_results(mail.authentication_results, authserv) if one.method == "dmarc"]
    if any(one.value == "fail" for one in found):
        return "fail"
    author = mail.from_.domain if mail.from_ else ""
    passed = [one for one in found if one.value == "pass" and _domain(one.property("header.from")) == author]
    return "pass" if author and found and len(passed) == len(found) else "none"


def own_results(written: Sequence[tuple[int, str]], authserv: str) -> list[Result]:
    """Return the results of our server's topmost headers.

    ``written``: (number of Received lines above the header, header value), topmost first.
    """
    hop: int | None = None
    found: list[Result] = []
    for above, value in written if authserv else ():
        if hop is not None and above != hop:
            break
        read = parse(value)
        if read is None:
            break  # it may be our server's; everything below it may be forged
        if read.authserv == ("" if authserv == MICROSOFT_365 else authserv.casefold()):
            hop = above
            found += read.results
    return found


def parse(value: str) -> Results | None:
    """Parse one header in linear time; None if it is malformed."""
    tokens = _tokens(value)
    if tokens is None:
        return None
    parts = list(_split(tokens))
    head = _words(parts[0])
    first = _result(parts[0])
    if first is not None:  # the header begins with a result instead of a name
        rest, authserv = parts, ""
    elif head and not head[0].mark and (len(head) == 1 or (len(head) == 2 and _VERSION.match(head[1].text))):
        rest, authserv = parts[1:], head[0].text.casefold()
    else:
        return None
    results = tuple(one for one in map(_result, rest) if one is not None)
    return Results(authserv, results)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    mark: bool = False
    """``;`` or ``=`` of the grammar, not inside a quoted string."""
    space: bool = False
    """White space or a comment."""


def _tokens(value: str) -> list[_Token] | None:
    """Return the tokens of a header; None if it is malformed or too long.

    Tokens are words, quoted strings, ``;``, ``=`` and white space. A comment (nested, RFC 5322 §3.2.2) counts as white
    space.
    """
    if len(value) > MAX_LENGTH:
        return None
    tokens: list[_Token] = []
    at = 0
    while at < len(value):
        if value[at] == "(":
            end = _end_of_comment(value, at)
            if end is None:
                return None
            tokens.append(_Token(" ", space=True))
            at = end
            continue
        found = _TOKEN.match(value, at)
        if found is None or found[0] in ('"', ")", "\\"):
            return None  # an unclosed quote, or a character that is not allowed here
        if found[1] is not None:
            tokens.append(_Token(re.sub(r"\\(.)", r"\1", found[1], flags=re.S)))
        else:
            tokens.append(_Token(found[0], found[0] in (";", "="), found[0].isspace()))
        at = found.end()
    return tokens


def _end_of_comment(value: str, at: int) -> int | None:
    depth = 0
    while at < len(value):
        character = value[at]
        if character == "\\":
            at += 1
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return None


def _split(tokens: Sequence[_Token]) -> Iterator[list[_Token]]:
    part: list[_Token] = []
    for token in tokens:
        if token.mark and token.text == ";":
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _result(part: Sequence[_Token]) -> Result | None:
    """Parse ``method[/version]=result`` and the ``name=value`` pairs after it; white space is allowed around ``=``."""
    pairs = list(_pairs(part))
    if not pairs:
        return None
    method = _METHOD.match(pairs[0][0])
    return None if method is None else Result(method[1], pairs[0][1].casefold(), tuple(pairs[1:]))


def _pairs(part: Sequence[_Token]) -> Iterator[tuple[str, str]]:
    """Yield the pairs up to the first tokens that are not a pair."""
    words = _words(part)
    for name, mark, value in zip(words[::3], words[1::3], words[2::3], strict=False):
        if name.mark or not mark.mark or value.mark:
            return
        yield name.text.casefold(), value.text


def _words(part: Sequence[_Token]) -> list[_Token]:
    """Return the tokens without white space.

    Adjacent pieces form one word (``"a b"@c.example``), and so do names in which the grammar allows white space
    (``dmarc / 1``, ``header . from``).
    """
    words: list[_Token] = []
    pieces: list[str] = []

    def end_of_word() -> None:
        if pieces:
            words.append(_Token("".join(pieces)))
            pieces.clear()

    spaced = False
    for token in part:
        if token.mark:
            end_of_word()
            words.append(token)
        elif token.space:
            spaced = True
            continue
        else:
            is_value = bool(words) and words[-1].mark
            joined = token.text[0:1] in _JOINTS or (bool(pieces) and pieces[-1][-1:] in _JOINTS)
            if spaced and (is_value or not joined):
                end_of_word()
            pieces.append(token.text)
        spaced = False
    end_of_word()
    return words


def _domain(written: str | None) -> str:
    return (written or "").rpartition("@")[2].strip().rstrip(".").casefold()
