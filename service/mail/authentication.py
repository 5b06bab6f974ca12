"""Reads Authentication-Results headers (RFC 8601), in which our own mail server says whether it verified the author.

Anybody can write such a header. So only the topmost headers with our server's name count, without a Received line
between them. Our server must remove incoming headers that contain its name (RFC 8601 §5). The library `authres` is not
used, because it has had no release since 2019 and cannot read headers of Microsoft 365.
"""

import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from service.mail.message import Mail

MICROSOFT_365 = "microsoft-365"
"""The authserv-id to configure for Microsoft 365, whose headers lack the server's name that RFC 8601 requires."""
Dmarc = Literal["pass", "fail", "none"]
MAX_LENGTH = 100_000  # maximum number of characters of a header; a longer header is treated as malformed
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)"|[^\s"()\\;=]+|[;=()"\\]|\s+', re.S)
_JOINTS = frozenset("/.")
_EQUALS: Final = None  # stands for an equals sign between words, as opposed to a ``"="`` inside a quoted string
_IN_COMMENT = re.compile(r"\\.|[()]", re.S)
_VERSION = re.compile(r"[0-9]+\Z")
_METHOD = re.compile(r"([a-z][a-z0-9-]*)(?:/[0-9]+)?\Z")


class Result(NamedTuple):
    """One result such as ``dmarc=pass header.from=a.example``; all names are in lower case."""

    method: str
    value: str
    properties: list[tuple[str, str]]


class Results(NamedTuple):
    """A parsed header. ``authserv`` is the name of the server that wrote it; empty for Microsoft 365."""

    authserv: str
    results: list[Result]


def dmarc(mail: Mail, authserv: str) -> Dmarc:
    """Return our own server's DMARC result: ``pass`` only if each result is a pass for the author's exact domain."""
    results = [result for result in _trusted_results(mail.authentication_results, authserv) if result.method == "dmarc"]
    if any(result.value == "fail" for result in results):
        return "fail"
    author = mail.from_.domain if mail.from_ else ""
    passes = all(result.value == "pass" and _domains(result) == [author] for result in results)
    return "pass" if author and results and passes else "none"


def _domains(result: Result) -> list[str]:
    authors = (value for name, value in result.properties if name == "header.from")
    return [author.rpartition("@")[2].strip().rstrip(".").casefold() for author in authors]


def _trusted_results(headers: Sequence[tuple[int, str]], authserv: str) -> list[Result]:
    """Return the results in the topmost ``headers`` (Received lines above, value) of the server ``authserv``."""
    hop: int | None = None
    results: list[Result] = []
    for above, value in headers if authserv else ():
        if hop is not None and above != hop:
            break
        header = parse(value)
        if header is None:
            break  # perhaps our server wrote this header; then everything below it may be forged
        if header.authserv == ("" if authserv == MICROSOFT_365 else authserv.casefold()):
            hop = above
            results += header.results
    return results


def parse(value: str) -> Results | None:
    """Parse the value of one header in linear time; None if it is malformed."""
    parts = _parts(value)
    if parts is None:
        return None
    results = [_result(part) for part in parts]
    authserv, head = "", parts[0]
    if results[0] is None:  # the header begins with a name, not with a result as those of Microsoft 365
        if not head or head[0] is _EQUALS or not (len(head) == 1 or (len(head) == 2 and _VERSION.match(head[1] or ""))):
            return None
        authserv = head[0].casefold()
    return Results(authserv, list(filter(None, results)))


def _parts(value: str) -> list[list[str | None]] | None:
    """Split a header at its semicolons into lists of words and ``_EQUALS``; None if it is malformed or too long.

    ``"a b"@c.example`` is one word. So are ``dmarc / 1`` and ``header . from``, where the grammar allows white space. A
    comment (nested, RFC 5322 §3.2.2) counts as white space.
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
        token = _TOKEN.match(value, at)
        if token is None or token[0] in ('"', ")", "\\"):
            return None  # an unclosed quote, or a character that is not allowed here
        at = token.end()
        if token[0].isspace():
            spaced = True
            continue
        if token[0] == ";":
            words = []
            parts.append(words)
        elif token[0] == "=":
            words.append(_EQUALS)
        else:
            text = token[0] if token[1] is None else re.sub(r"\\(.)", r"\1", token[1], flags=re.S)
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
    for token in _IN_COMMENT.finditer(value, at):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return None


def _result(part: Sequence[str | None]) -> Result | None:
    """Parse ``method[/version]=result`` and the properties (``name=value``) after it; None if it has another form."""
    pairs: list[tuple[str, str]] = []
    for name, equals, value in zip(part[::3], part[1::3], part[2::3], strict=False):
        if name is _EQUALS or equals is not _EQUALS or value is _EQUALS:
            break
        pairs.append((name.casefold(), value))
    method = _METHOD.match(pairs[0][0]) if pairs else None
    return None if method is None else Result(method[1], pairs[0][1].casefold(), pairs[1:])
