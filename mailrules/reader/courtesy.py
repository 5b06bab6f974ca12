"""Mails that only thank, greet or acknowledge (`courtesy.yaml`)."""

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import yaml

from .mailview import MailView
from .unit_reading import Reading

_ADDRESSED = r"\w{1,6}(?:様|さま|さん|氏|先生)"
_LONGEST = 200  # characters of a sentence; the time is quadratic in marks in a row
_POLITE = frozenset(("say.thanks", "say.ack", "ask.courtesy", "idiom"))
"""A last word beside other concepts is no name ("Thanks, Fixed")."""


def only_courtesy(view: MailView) -> bool:
    """Whether every sentence of a mail consists of polite phrases and names. False for a mail without text."""
    readings = list(view.readings)
    if len(readings) > 1 and not readings[-1].concepts and _patterns().name.fullmatch(readings[-1].folded):
        readings.pop()  # the name of the author
    return bool(readings) and all(map(_polite, readings))


def _polite(reading: Reading) -> bool:
    sentence, patterns = reading.folded[: _LONGEST + 1], _patterns()
    at = 0
    while found := patterns.phrase.match(sentence, at):
        at = found.end()
    if not at or "?" in sentence or len(sentence) > _LONGEST:
        return False
    return at == len(sentence) or (patterns.name.fullmatch(sentence, at) is not None and reading.concepts <= _POLITE)


class _Patterns(NamedTuple):
    phrase: re.Pattern[str]  # a phrase, or a name with a title, with the marks around it
    name: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    text = (files("mailrules") / "reader" / "courtesy.yaml").read_text(encoding="utf-8")
    phrases = [line for lines in yaml.load(text, Loader=yaml.CSafeLoader).values() for line in lines.splitlines()]
    marks = r"[\W_]*"
    phrase = rf"{marks}(?:{_ADDRESSED}|(?i:{'|'.join(phrases)})(?![a-z])){marks}"
    return _Patterns(re.compile(phrase), re.compile(rf"(?:[A-Z][a-z'-]+|{_ADDRESSED}){marks}"))
