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
_COMMENT = r"\((?:[^()\\]|\\.)*+\)"
for _ in range(3):  # comments may be nested (RFC 5322 §3.2.2); a header with deeper ones is treated as malformed
    _COMMENT = rf"\((?:[^()\\]|\\.|{_COMMENT})*+\)"
_TOKEN = re.compile(rf'"((?:[^"\\]|\\.)*+)"|({_COMMENT})|[^"()\\]++', re.S)
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
    """A parsed header. ``authserv`` is the name of the server that wrote it; empty for Microsoft 365."""

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
    text = _simplified(value)
    if text is None:
        return None
    first, *others = text.split(";")
    results = list(filter(None, map(_result, others)))
    if (result := _result(first)) is not None:  # Microsoft 365: the first result instead of the name of the server
        return Results("", [result, *results])
    authserv = _AUTHSERV.fullmatch(_JOINT.sub(r"\1", first))
    return Results(authserv[1].casefold(), results) if authserv else None


def _simplified(value: str) -> str | None:
    """Return a header without comments, quotation marks and superfluous white space; None if it is malformed.

    In quoted strings, ``_`` replaces each character that separates words: no domain contains it.
    """
    text, at = "", 0
    while at < len(value):
        token = _TOKEN.match(value, at) if len(value) <= MAX_LENGTH else None
        if token is None:
            return None  # an unclosed quote, or a character that is not allowed here
        text += " " if token[2] else token[0] if token[1] is None else re.sub(r"[\s;=/\\]", "_", token[1])
        at = token.end()
    text = " ".join(text.split())
    for separator in ";=":  # the grammar allows white space around them
        text = text.replace(f" {separator}", separator).replace(f"{separator} ", separator)
    return text


def _result(part: str) -> Result | None:
    """Parse ``method[/version]=result`` with its properties; None if it has another form."""
    pairs: list[tuple[str, str]] = []
    at = 0
    while (pair := _PAIR.match(part, at)) is not None:
        name, at = _JOINT.sub(r"\1", pair[1]), pair.end()
        if " " in name:
            break
        pairs.append((name.casefold(), pair[2]))
    method = _METHOD.fullmatch(pairs[0][0]) if pairs else None
    return None if method is None else Result(method[1], pairs[0][1].casefold(), pairs[1:])
