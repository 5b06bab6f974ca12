"""Every ``re`` pattern that may match text of strangers takes linear time, tried with texts made from the pattern.

What a pattern repeats without limit is repeated thousands of times, also below what the pattern begins with. For such a
text, a quadratic pattern takes seconds of CPU time, and a linear one some milliseconds.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import mailrules
import service
from service.process import OutOfTime, cpu_limit

pytestmark = pytest.mark.long

MODULES = (
    "service.mail", "service.cases.facts", "service.cases", "service.smtp", "service.api", "service.web",
    "mailrules.deadlines", "mailrules.engine.organisation_phrases", "mailrules.engine.problem", "mailrules.reader",
    "mailrules.vendors",
)  # fmt: skip
LENGTH = 30_000
SECONDS = 0.5  # of CPU time for one text: about 100 times as much as a linear pattern takes
UNITS = ("a", " ", "1", "a ", "a.", "<", ">", "-", "\t", "a@", "あ", ":", '"', "= ", "\n", "a\n", "> ")
"""Texts to repeat for every pattern."""
BOUNDED: dict[str, int] = {
    # headers.MAX_SUBJECT
    **{f"service.cases.facts.subject.{name}": 1_000 for name in ("_BANNER", "_LABELLED", "_MARK", "_TRAILING")},
    "service.mail.boilerplate._BANNER": 400,
    "service.mail.separator_lines._DRAWN": 200,
    "service.mail.dates._HALVES": 200,  # dates.LONGEST
    "service.mail.dates._WORD": 200,
    "service.mail.headers._YEAR_AT_END": 200,
    "service.mail.signature._LOG_LINE": 200,
    "service.mail.signature._SENTENCE": 90,  # _WIDEST
    "service.mail.authors._LEAD": 200,  # _LONGEST_NAME
    "service.mail.authors._TRAIL": 200,
}
"""Module and pattern → maximum number of characters in one text, for patterns of which the code limits the text."""
ENDED = {"service.mail.encoded._WORD": "?="}  # patterns that search only up to the last of these texts
SEARCHES = re.compile(r"\b(\w+)\.(?:search|finditer|findall|sub|subn|split)\(")
MATCHES = re.compile(r"\b(\w+)\.(?:match|fullmatch)\(")


def modules() -> list[str]:
    walked = ((service, "service."), (mailrules, "mailrules."))
    found = [one.name for package, name in walked for one in pkgutil.walk_packages(package.__path__, name)]
    return sorted(name for name in found if name.startswith(MODULES))


@cache
def used(module: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of patterns with which a module searches, and of those that it matches at one position."""
    source = Path(str(importlib.import_module(module).__file__)).read_text()
    return frozenset(SEARCHES.findall(source)), frozenset(MATCHES.findall(source))


def only_matches(name: str, pattern: re.Pattern[Any]) -> bool:
    """Return whether no module searches with a pattern. A pattern in a tuple or dictionary counts as searched with."""
    users = [used(module) for module in modules() if vars(importlib.import_module(module)).get(name) is pattern]
    return any(name in matching for _, matching in users) and not any(name in searching for searching, _ in users)


def patterns(value: object, name: str = "") -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield (name, pattern) for a pattern, and for those in a tuple, list or dictionary such as ``vars(module)``."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, (tuple, list, dict)) and name.count("[") < 3:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if not str(key).startswith("__"):
                yield from patterns(inner, f"{name}[{key!r}]" if name else str(key))


def sample(parsed: Any) -> str:
    """Return a string that a parsed pattern matches in most cases."""
    out = ""
    for kind, argument in parsed:
        if kind is op.LITERAL:
            out += chr(argument)
        elif kind is op.IN:
            out += _of_set(argument)
        elif kind in (op.ANY, op.NOT_LITERAL):
            out += "a"
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            out += sample(argument[2]) * max(1, min(argument[0], 8))
        elif kind in (op.SUBPATTERN, op.ATOMIC_GROUP):
            out += sample(argument if kind is op.ATOMIC_GROUP else argument[-1])
        elif kind is op.BRANCH:
            out += sample(argument[1][0])
    return out


def _of_set(items: Any) -> str:
    for kind, argument in items:
        if kind is op.NEGATE:
            refused = [value for inner, value in items if inner is op.LITERAL]
            return next(char for char in "ab1 あ-." if ord(char) not in refused)
        if kind is op.LITERAL:
            return chr(argument)
        if kind is op.RANGE:
            return chr(argument[0])
        if kind is op.CATEGORY:
            named = str(argument)
            return "1" if "DIGIT" in named and "NOT" not in named else " " if named.endswith("_SPACE") else "a"
    return "a"


def repeated(parsed: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield (text before a repetition without limit, text to repeat)."""
    for kind, argument in parsed:
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            if argument[1] is op.MAXREPEAT or argument[1] > 100:
                yield before, sample(argument[2])
                for piece in argument[2]:
                    if piece[0] is op.IN:
                        yield from ((before, sample([(op.IN, [one])])) for one in piece[1][:6])
            yield from repeated(argument[2], before)
        elif kind is op.SUBPATTERN:
            yield from repeated(argument[-1], before)
        elif kind is op.BRANCH:
            for branch in argument[1]:
                yield from repeated(branch, before)
        before += sample([(kind, argument)])


def texts(pattern: re.Pattern[Any], length: int) -> Iterator[str]:
    """Yield long texts for which a pattern may be slow."""
    written = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    parsed = parser.parse(written, pattern.flags & ~(re.DEBUG | re.LOCALE) if isinstance(pattern.pattern, str) else 0)
    units = dict.fromkeys(UNITS)
    starts: dict[tuple[str, str], None] = {}
    for before, body in repeated(parsed):
        starts[before, body] = None
        units[body] = units[before + body] = None
    units[sample(parsed)] = None
    for unit in units:
        if unit:
            yield (unit * (length // len(unit) + 1))[:length]
    for before, body in starts:
        if body:
            yield (before + body * (length // len(body)))[:length] + "\x00"


def is_slow(pattern: re.Pattern[Any], text: str, *, searches: bool = True) -> bool:
    subject: Any = text if isinstance(pattern.pattern, str) else text.encode("utf-8", "replace")
    try:
        with cpu_limit(SECONDS):
            for _ in pattern.finditer(subject) if searches else ():
                pass
            pattern.match(subject)
            pattern.fullmatch(subject)
    except OutOfTime:
        return True
    return False


@pytest.mark.parametrize("module", modules())
def test_the_patterns_of_a_module_take_linear_time(module: str) -> None:
    slow = []
    for name, pattern in patterns(vars(importlib.import_module(module))):
        searches = not only_matches(name, pattern)
        for text in texts(pattern, BOUNDED.get(f"{module}.{name}", LENGTH)):
            if end := ENDED.get(f"{module}.{name}"):
                text = text[: text.rfind(end) + len(end)]
            if is_slow(pattern, text, searches=searches):
                slow.append(f"{name}: {text[:24]!r}…{text[-8:]!r}")
                break
    assert not slow, "\n".join(slow)


def test_a_quadratic_pattern_is_found() -> None:
    quadratic = re.compile(r"\s+$")
    assert any(is_slow(quadratic, text) for text in texts(quadratic, LENGTH))
    assert sum(1 for module in modules() for _ in patterns(vars(importlib.import_module(module)))) > 150
