"""People whom the words of a mail name: the user whose trouble it is, say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from service.mail import signature

_TITLED = re.compile(
    r"([一-龥々]{1,4}|[ァ-ヴー]{2,8})"
    r"(?:さん|様|さま|氏|君|くん|ちゃん|先輩|先生|主任|係長|課長|次長|部長|室長|店長|所長|工場長|社長|マネージャ)(?![ァ-ヴー])"
)
_LATIN = re.compile(r"(?<![\w.@/-])([A-Z][a-zà-ÿ]{2,})(?P<is>['’]s\b|-(?:san|sama|kun)\b)?")
_GREETS = re.compile(
    r"(?:(?:hi|hello|dear|good (?:morning|afternoon|evening))\b.*|[A-Z][\w'’-]* ?(?:[A-Z][\w'’-]*|-san)?,"
    r"|.{0,40}(?:様|さま|殿|御中|各位|さん|殿)[、,。]?)\s*",
    re.IGNORECASE,
)
_ORDER = re.compile(r" (?:the|an?|this|that|these|those|your|our|my|all|each|it|them|two|three|\d)\b")
"""Behind a verb: "Mark the …" names nobody."""
_MOST = 40
_SHORT = 80
"""Characters of a line that may greet: on long ones its pattern would cost their square."""


def named_in(text: str, without: Collection[str] = ()) -> tuple[str, ...]:
    """Names in the order met, in lower case. In Japanese a title follows (福岡 alone is a place); in Latin letters it
    is any word with a capital, but for a verb that begins an order. Nobody is named whom the opening greets, or who
    signs."""
    lines = unicodedata.normalize("NFKC", text[:3000]).splitlines()
    opening = next((at for at, line in enumerate(lines) if line.strip()), 0)
    while opening < min(len(lines), 4) and _GREETS.fullmatch(lines[opening].strip()[: _SHORT + 1]):
        opening += 1
    body = "\n".join(signature.split(lines[opening:])[0])
    found = [match[1] for match in _TITLED.finditer(body)]
    for match in _LATIN.finditer(body):
        if match["is"] or not _ORDER.match(body, match.end()):
            found.append(match[1].casefold())
    return tuple(dict.fromkeys(name for name in found if name not in without))[:_MOST]
