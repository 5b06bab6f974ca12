"""Mails that only thank, greet or acknowledge (`courtesy.yaml`)."""

import re
from functools import cache
from importlib.resources import files

import yaml

from .mailview import MailView

_ADDRESSED = r"\w{1,6}(?:様|さま|さん|氏|先生)"
_LONGEST = 200  # characters of a sentence; the patterns are tried at each phrase


def only_courtesy(view: MailView) -> bool:
    """Whether every sentence of a mail consists of polite phrases and names. False for a mail without text."""
    return bool(view.readings) and all(len(one.folded) <= _LONGEST and _polite(one.folded) for one in view.readings)


def _polite(sentence: str) -> bool:
    phrase, name = _patterns()
    at = polite = 0
    while found := phrase.match(sentence, at):
        at, polite = found.end(), polite + 1
    return name.fullmatch(sentence, at) is not None and "?" not in sentence and (polite > 0 or at < len(sentence))


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the pattern of a phrase with the marks after it, and that of a name after the last phrase."""
    text = (files("mailrules") / "reader" / "courtesy.yaml").read_text(encoding="utf-8")
    phrases = [line for lines in yaml.load(text, Loader=yaml.CSafeLoader).values() for line in lines.splitlines()]
    first = r"[\W_]*"
    return re.compile(rf"{first}(?i:{'|'.join(phrases)})(?![a-z]){first}"), re.compile(
        rf"(?:(?:[A-Z][a-z'-]+|{_ADDRESSED}){first})?"
    )
