"""Mails that only thank, greet or acknowledge (`courtesy.yaml`)."""

import re
from functools import cache
from typing import NamedTuple

from ..resources import read_yaml
from .mailview import MailView
from .unit_reading import Reading

_ADDRESSED = r"[^\W\d_\u3041-\u309f]{1,6}(?:様|さま|さん|氏|先生)"
_LONGEST = 200  # characters of a sentence; the time is quadratic in marks in a row
_POLITE = frozenset(("say.thanks", "say.ack", "ask.courtesy", "idiom"))
"""A last word beside other concepts is no name ("Thanks, Fixed")."""


def only_courtesy(view: MailView) -> bool:
    """Whether every sentence of a mail consists of polite phrases and names. False for a mail without text."""
    readings = list(view.readings)
    if len(readings) > 1 and _is_name(readings[-1]):
        readings.pop()  # of the author
    phrases = [*map(_phrases, readings)]
    return None not in phrases and any(phrases)


def _is_name(reading: Reading) -> bool:
    return bool(_patterns().name.fullmatch(reading.folded)) and not (reading.concepts or reading.shapes)


def _phrases(reading: Reading) -> int | None:
    """Return the number of polite phrases in a sentence that consists of them and of names; None otherwise."""
    sentence, patterns = reading.folded[: _LONGEST + 1], _patterns()
    at = phrases = 0
    while found := patterns.phrase.match(sentence, at):
        at, phrases = found.end(), phrases + (found["said"] is not None)
    if not at or "?" in sentence or len(sentence) > _LONGEST:
        return None
    named = at < len(sentence)
    return phrases if not named or (patterns.name.fullmatch(sentence, at) and reading.concepts <= _POLITE) else None


class _Patterns(NamedTuple):
    phrase: re.Pattern[str]  # a phrase, or a name with a title, with the marks around it
    name: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    phrases = [line for lines in read_yaml("reader", "courtesy.yaml").values() for line in lines.splitlines()]
    marks = r"[\W_]*"
    phrase = rf"{marks}(?:{_ADDRESSED}|(?P<said>(?i:{'|'.join(phrases)}))(?![a-z])){marks}"
    return _Patterns(re.compile(phrase), re.compile(rf"(?:[A-Z][a-z'-]+|{_ADDRESSED}){marks}"))
