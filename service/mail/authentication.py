"""Authentication-Results (RFC 8601): what our own mail server found out about the author of a mail.

Anybody can write such a header, so only the topmost ones with our server's name count: those at one hop, with no
Received line between them. Our server must remove incoming headers with its name (RFC 8601 §5). Own code, because
`authres` has had no release since 2019, cannot read headers of Microsoft 365 and raises on unknown parts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from service.mail.message import Mail

MICROSOFT_365 = "microsoft-365"
"""Value of ``authserv_id`` for headers of Microsoft 365, which begin with a result instead of a name (not RFC 8601)."""
Dmarc = Literal["pass", "fail", "none"]
MAX_LENGTH = 100_000
"""Maximum number of characters of a header; a longer one is ignored."""
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)"|[^\s"()\\;=]+|[;=()"\\]|\s+', re.S)
_JOINTS = frozenset("/.")
_EQUALS: Final = None
"""The ``=`` of the grammar, as opposed to one in a quoted string."""
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
    parts = _parts(value)
    if parts is None:
        return None
    results = [_result(part) for part in parts]
    authserv, head = "", parts[0]
    if results[0] is None:  # the header begins with a name, not with a result as those of Microsoft 365
        if not head or head[0] is _EQUALS or not (len(head) == 1 or (len(head) == 2 and _VERSION.match(head[1] or ""))):
            return None
        authserv = head[0].casefold()
    return Results(authserv, tuple(one for one in results if one is not None))


def _parts(value: str) -> list[list[str | None]] | None:
    """Return the words between semicolons, ``_EQUALS`` for ``=``; None if the header is malformed or too long.

    Adjacent pieces form one word (``"a b"@c.example``), and so do names in which the grammar allows white space
    (``dmarc / 1``, ``header . from``). A comment (nested, RFC 5322 §3.2.2) counts as white space.
    """
    if len(value) > MAX_LENGTH:
        return None
    words: list[str | None] = []
    parts, at, spaced, piece = [words], 0, False, ""
    while at < len(value):
        if value[at] == "(":
            end = _end_of_comment(value, at)
            if end is None:
                return None
            at, spaced = end, True
            continue
        found = _TOKEN.match(value, at)
        if found is None or found[0] in ('"', ")", "\\"):
            return None  # an unclosed quote, or a character that is not allowed here
        at = found.end()
        if found[0].isspace():
            spaced = True
            continue
        if found[0] == ";":
            words = []
            parts.append(words)
        elif found[0] == "=":
            words.append(_EQUALS)
        else:
            text = found[0] if found[1] is None else re.sub(r"\\(.)", r"\1", found[1], flags=re.S)
            last = words[-1] if words else _EQUALS
            is_value = len(words) > 1 and words[-2] is _EQUALS
            apart = spaced and (is_value or not (text[:1] in _JOINTS or piece[-1:] in _JOINTS))
            if last is _EQUALS or apart:
                words.append(text)
            else:
                words[-1] = last + text
            piece = text
        spaced = False
    return parts


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


def _result(part: Sequence[str | None]) -> Result | None:
    """Parse ``method[/version]=result`` and the ``name=value`` pairs after it, up to words that are no pair."""
    pairs: list[tuple[str, str]] = []
    for name, equals, value in zip(part[::3], part[1::3], part[2::3], strict=False):
        if name is _EQUALS or equals is not _EQUALS or value is _EQUALS:
            break
        pairs.append((name.casefold(), value))
    method = _METHOD.match(pairs[0][0]) if pairs else None
    return None if method is None else Result(method[1], pairs[0][1].casefold(), tuple(pairs[1:]))


def _domain(written: str | None) -> str:
    return (written or "").rpartition("@")[2].strip().rstrip(".").casefold()
