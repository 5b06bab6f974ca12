"""Reader for the organisation's own phrases, patterns and labels. It adds to the embedded reader's statements."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mailrules.engine.mails import SENTENCE
from mailrules.engine.pack import Finder
from mailrules.fold import fold
from mailrules.patterns import compile_pattern
from mailrules.site import Site
from mailrules.statement import MailText, Statement

_ENOUGH = 2000  # maximum number of sentences read per mail


class _Compiled(NamedTuple):
    finder: Finder
    pack: str
    patterns: tuple[Any, ...]
    unless: tuple[Any, ...]


class OrganisationPhraseReader:
    """Finds statements with all finders of the organisation's packs and its site file."""

    def __init__(self, finders: Sequence[tuple[Finder, str]]) -> None:
        """`finders`: pairs of a finder and the name of its pack. Raises PatternError."""
        self._finders = tuple(_compiled(finder, pack) for finder, pack in finders)

    def read(self, mail: MailText) -> tuple[Statement, ...]:
        """Return the statements in the order of the mail: subject, then text."""
        finders = [one for one in self._finders if mail.side in one.finder.sides]
        sentences = _sentences(mail) if finders else ()
        found = (_statement(one, *sentence) for sentence in sentences for one in finders)
        return tuple(dict.fromkeys(filter(None, found)))


def _statement(one: _Compiled, folded: str, quote: str, start: int) -> Statement | None:
    """Return the statement of the first pattern that matches a sentence."""
    if any(pattern.search(folded) for pattern in one.unless):
        return None
    match = next(filter(None, (pattern.search(folded) for pattern in one.patterns)), None)
    if match is None:
        return None
    value = match.groupdict().get("value") or None
    end = start + len(quote) if start >= 0 else -1
    return Statement(one.finder.meaning, one.finder.state, quote, start, end, 1.0, one.pack, value)


def site_finders(site: Site) -> list[Finder]:
    """Return finders for the products and devices in the site file."""
    products = [rf"(?P<value>{_phrase(word)})" for word in (*site.products, *site.installed)]
    found = [
        ("site.product", "item.product", products),
        ("site.installed", "matter.installed", [_phrase(word) for word in site.installed]),
        ("site.host", "item.device_id", [rf"\b(?P<value>{host})\b" for host in site.hosts]),
    ]
    return [Finder(id=id, meaning=meaning, patterns=patterns) for id, meaning, patterns in found if patterns]


def _compiled(finder: Finder, pack: str) -> _Compiled:
    labels = [rf"^\W*(?:{_phrase(label)})\W*[:=][ \t]*(?P<value>\S.*?)\s*$" for label in finder.labels]
    patterns = (*labels, *map(_phrase, finder.phrases), *finder.patterns)
    return _Compiled(finder, pack, tuple(map(compile_pattern, patterns)), tuple(map(compile_pattern, finder.unless)))


def _phrase(words: str) -> str:
    """Return a pattern for literal text; Latin letters match at word boundaries only."""
    text = fold(words).strip()
    escaped = re.escape(text)
    before = r"\b" if text[:1].isascii() and text[:1].isalnum() else ""
    after = r"\b" if text[-1:].isascii() and text[-1:].isalnum() else ""
    return f"{before}{escaped}{after}"


def _sentences(mail: MailText) -> Iterator[tuple[str, str, int]]:
    """Yield for each sentence its folded text, its original text and its offset. The offset of the subject is -1."""
    if mail.subject:
        yield fold(mail.subject), mail.subject, -1
    for number, match in enumerate(SENTENCE.finditer(mail.text)):
        if number >= _ENOUGH:
            return
        quote = match.group().strip()
        if quote:
            yield fold(quote), quote, match.start() + len(match.group()) - len(match.group().lstrip())
