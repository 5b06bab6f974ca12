"""Every ``re`` pattern of ours that may see a stranger's text runs in linear time, tried with texts made from itself.

A pattern is taken apart; what it repeats without limit is written out thousands of times, alone and behind what the
pattern begins with. A quadratic pattern needs seconds of CPU for such a text, a linear one some milliseconds: the limit
lies between the two.
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

ROOMS = (
    *("service.mail", "service.cases.facts", "service.cases", "service.smtp", "service.api", "service.web"),
    *(
        "mailrules.dates",
        "mailrules.engine.organisation_phrases",
        "mailrules.engine.problem",
        "mailrules.reader",
        "mailrules.vendors",
    ),
)
LENGTH = 30_000
SECONDS = 0.5  # of CPU for one text: a linear pattern takes a hundredth of it, a quadratic one several times as much
ANYWAY = ("a", " ", "1", "a ", "a.", "<", ">", "-", "\t", "a@", "あ", ":", '"', "= ", "\n", "a\n", "> ")
"""Tried with every pattern."""
BOUNDED: dict[str, int] = {
    # headers.MAX_SUBJECT
    **{f"service.cases.facts.subject.{name}": 1_000 for name in ("_BANNER", "_LABELLED", "_MARK", "_TRAILING")},
    "service.mail.ticket_comments._ABOVE_LINE": 300,
    "service.mail.boilerplate._BANNER": 400,
    "service.mail.boilerplate.FRAME": 200,
    "service.mail.signature.FRAME": 200,
    "service.mail.dates._HALVES": 200,  # dates.LONGEST
    "service.mail.dates._WORD": 200,
    "service.mail.headers._STANDARD": 200,
    "service.mail.signature._LOG_LINE": 200,
    "service.mail.signature._SENTENCE": 90,  # _WIDEST
    "service.mail.writer._LEAD": 200,  # _LONGEST_NAME
    "service.mail.writer._TRAIL": 200,
}
"""Patterns that see no more than so many characters at once, by module and pattern: the code cuts before."""
ENDED = {"service.mail.encoded._WORD": "?="}  # patterns that search no further than the last of these characters
SEARCHES = re.compile(r"\b(\w+)\.(?:search|finditer|findall|sub|subn|split)\(")
MATCHES = re.compile(r"\b(\w+)\.(?:match|fullmatch)\(")


def modules() -> list[str]:
    """All modules of these rooms."""
    walked = ((service, "service."), (mailrules, "mailrules."))
    found = [one.name for package, name in walked for one in pkgutil.walk_packages(package.__path__, name)]
    return sorted(name for name in found if name.startswith(ROOMS))


@cache
def used(module: str) -> tuple[frozenset[str], frozenset[str]]:
    """Names of patterns that a module searches with, and of those that it matches at one place."""
    source = Path(str(importlib.import_module(module).__file__)).read_text()
    return frozenset(SEARCHES.findall(source)), frozenset(MATCHES.findall(source))


def only_matches(name: str, pattern: re.Pattern[Any]) -> bool:
    """Whether a pattern is tried at one place only, wherever it is imported: then it does not begin at each character.

    A pattern within a tuple or a dictionary counts as one that searches.
    """
    users = [used(module) for module in modules() if vars(importlib.import_module(module)).get(name) is pattern]
    return any(name in matching for _, matching in users) and not any(name in searching for searching, _ in users)


def patterns(module: str) -> dict[str, re.Pattern[Any]]:
    """The compiled patterns of its names, also within tuples, lists and dictionaries."""
    found: dict[str, re.Pattern[Any]] = {}

    def look(value: object, name: str, depth: int = 0) -> None:
        if isinstance(value, re.Pattern):
            found[name] = value
        elif depth < 3 and isinstance(value, (tuple, list, frozenset, set, dict)):
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                look(inner, f"{name}[{key!r}]", depth + 1)

    for name, value in vars(importlib.import_module(module)).items():
        if not name.startswith("__"):
            look(value, name)
    return found


def sample(parsed: Any) -> str:
    """A string that the parsed piece matches, near enough."""
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
    """What stands before each long repetition, and what is repeated."""
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
    """Long texts that a pattern of its kind may be slow at."""
    written = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    parsed = parser.parse(written, pattern.flags & ~(re.DEBUG | re.LOCALE) if isinstance(pattern.pattern, str) else 0)
    units = dict.fromkeys(ANYWAY)
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


def run(pattern: re.Pattern[Any], text: str, *, anywhere: bool = True) -> None:
    """Try the pattern at the beginning, and ``anywhere`` too where ours searches with it."""
    subject: Any = text if isinstance(pattern.pattern, str) else text.encode("utf-8", "replace")
    if anywhere:
        for _ in pattern.finditer(subject):
            pass
    pattern.match(subject)
    pattern.fullmatch(subject)


def is_slow(pattern: re.Pattern[Any], text: str, *, anywhere: bool = True) -> bool:
    try:
        with cpu_limit(SECONDS):
            run(pattern, text, anywhere=anywhere)
    except OutOfTime:
        return True
    return False


@pytest.mark.parametrize("module", modules())
def test_the_patterns_of_a_module_are_linear(module: str) -> None:
    slow = []
    for name, pattern in patterns(module).items():
        length = BOUNDED.get(f"{module}.{name}", LENGTH)
        anywhere = not only_matches(name, pattern)
        for text in texts(pattern, length):
            if end := ENDED.get(f"{module}.{name}"):
                text = text[: text.rfind(end) + len(end)]
            if is_slow(pattern, text, anywhere=anywhere):
                slow.append(f"{name}: {text[:24]!r}…{text[-8:]!r}")
                break
    assert not slow, "\n".join(slow)


def test_the_test_itself_finds_a_quadratic_pattern_and_has_patterns_to_try() -> None:
    quadratic = re.compile(r"\s+$")
    assert any(is_slow(quadratic, text) for text in texts(quadratic, LENGTH))
    assert sum(len(patterns(module)) for module in modules()) > 150
