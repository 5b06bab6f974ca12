"""Reads Authentication-Results (RFC 8601): whether our server could verify the author.

Anybody can write such a header. So only the topmost headers with our server's name count, without a Received line
between them. Our server must remove incoming headers that contain its name (RFC 8601 §5). The library `authres` is not
used, because it has had no release since 2019 and cannot read headers of Microsoft 365.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from service.mail.message import Mail

MICROSOFT_365 = "microsoft-365"
"""The authserv-id to configure for Microsoft 365, whose headers lack the server's name that RFC 8601 requires."""
Dmarc = Literal["pass", "fail", "none"]
MAX_LENGTH = 100_000  # maximum number of characters of a header; a longer header is treated as malformed
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)"|[^"()\\]++|(\()', re.S)
_IN_COMMENT = re.compile(r"\\.|[()]", re.S)
_AUTHSERV = re.compile(r"([^ =]+)(?: [0-9]+)?")
_METHOD = re.compile(r"([a-z][a-z0-9-]*)(?:/[0-9]+)?")
_PAIR = re.compile(r" ?([^=]+)=([^ =]+)")
_JOINT = re.compile(r" ?([/.]) ?")  # the grammar allows white space here in names


class Result(NamedTuple):
    """One result such as ``dmarc=pass header.from=a.example``; all names are in lower case."""

    method: str
    value: str
    properties: list[tuple[str, str]]


class Results(NamedTuple):
    """A parsed Authentication-Results. ``authserv``: the server that wrote it; empty for Microsoft 365."""

    authserv: str
    results: list[Result]


def dmarc(mail: Mail, authserv: str) -> Dmarc:
    """Return our server's DMARC result. It is ``pass`` only if all results pass for the author's exact domain."""
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
    """Return the results of the server ``authserv`` in the topmost ``headers``.

    Each header is (Received lines above, value).
    """
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
    quoted: list[str] = []
    text = _simplified(value, quoted)
    if text is None:
        return None
    first, *others = text.split(";")
    results = [_result(part, quoted) for part in (first, *others)]
    if results[0] is not None:  # Microsoft 365: the first result instead of the name of the server
        return Results("", list(filter(None, results)))
    authserv = _AUTHSERV.fullmatch(_JOINT.sub(r"\1", first))
    return Results(_unquoted(authserv[1], quoted).casefold(), list(filter(None, results))) if authserv else None


def _simplified(value: str, quoted: list[str]) -> str | None:
    """Return a header without comments and superfluous white space; None if it is malformed.

    Each quoted string moves to ``quoted``. In the result, its index in that list stands for it: ``"0"``.
    """
    pieces: list[str] = []
    at: int | None = 0
    while at is not None and at < len(value) <= MAX_LENGTH:
        token = _TOKEN.match(value, at)
        if token is None:
            return None  # an unclosed quote, or a character that is not allowed here
        if token[1] is not None:
            pieces.append(f'"{len(quoted)}"')
            quoted.append(re.sub(r"\\(.)", r"\1", token[1], flags=re.S))
        else:
            pieces.append(" " if token[2] else token[0])
        at = _end_of_comment(value, at) if token[2] else token.end()
    if at is None or len(value) > MAX_LENGTH:
        return None
    text = " ".join("".join(pieces).split())
    for separator in ";=":  # the grammar allows white space around them
        text = text.replace(f" {separator}", separator).replace(f"{separator} ", separator)
    return text


def _end_of_comment(value: str, at: int) -> int | None:
    """Return the position after the comment at ``at``, or None. Comments may be nested (RFC 5322 §3.2.2)."""
    depth = 0
    for token in _IN_COMMENT.finditer(value, at):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return None


def _result(part: str, quoted: list[str]) -> Result | None:
    """Parse ``method[/version]=result`` with its properties; None if it has another form."""
    pairs: list[tuple[str, str]] = []
    at = 0
    while (pair := _PAIR.match(part, at)) is not None:
        name, at = _JOINT.sub(r"\1", pair[1]), pair.end()
        if " " in name:
            break
        pairs.append((_unquoted(name, quoted).casefold(), _unquoted(pair[2], quoted)))
    method = _METHOD.fullmatch(pairs[0][0]) if pairs else None
    return None if method is None else Result(method[1], pairs[0][1].casefold(), pairs[1:])


def _unquoted(word: str, quoted: list[str]) -> str:
    return re.sub(r'"(\d+)"', lambda number: quoted[int(number[1])], word)
