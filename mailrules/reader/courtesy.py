"""Mails that only thank, greet or acknowledge (`courtesy.yaml`)."""

import re
from functools import cache

from ..fold import fold
from ..resources import read_yaml
from .mailview import MailView
from .unit_reading import Reading

_ADDRESSED = r"[^\W\d_\u3041-\u309f]{1,6}(?:様|さま|さん|氏|先生)"
_MARKS = r"[\W_]*"
_NAME = re.compile(rf"(?:[A-Z][a-z'-]+|{_ADDRESSED}){_MARKS}")
_LONGEST = 200  # maximum length of a sentence; the time is quadratic in consecutive punctuation marks
_POLITE = frozenset(("say.thanks", "say.ack", "ask.courtesy", "idiom"))
"""A last word is a name only if the sentence has no other concepts than these ("Thanks, Fixed" has another one)."""


def only_courtesy(view: MailView) -> bool:
    """Whether every sentence of a mail consists of polite phrases and names. False for a mail without text."""
    readings = list(view.readings)
    last = readings[-1] if len(readings) > 1 else None
    if last and _NAME.fullmatch(last.folded) and not (last.concepts or last.shapes):
        readings.pop()  # the name of the author
    found = [_phrases(reading, team=view.mail.side == "team") for reading in readings]
    return None not in found and any(found)


def is_courtesy(text: str) -> bool:
    """Whether a short text consists only of polite phrases and names of addressees."""
    folded, phrase, at = fold(text).strip()[: _LONGEST + 1], _patterns(team=True), 0
    while at < len(folded) and (found := phrase.match(folded, at)):
        at = found.end()
    return bool(at) and at == len(folded) <= _LONGEST and "?" not in folded


def _phrases(reading: Reading, *, team: bool) -> int | None:
    """Return the number of polite phrases in a sentence; None if it contains more than these and names."""
    sentence, phrase = reading.folded[: _LONGEST + 1], _patterns(team=team)
    at = count = 0
    while found := phrase.match(sentence, at):
        at, count = found.end(), count + (found["said"] is not None)
    if not at or "?" in sentence or len(sentence) > _LONGEST:
        return None
    named = at < len(sentence)
    return count if not named or (_NAME.fullmatch(sentence, at) and reading.concepts <= _POLITE) else None


@cache
def _patterns(*, team: bool) -> re.Pattern[str]:
    """Return the pattern of one polite phrase or of a name with a title, with its punctuation."""
    lists = read_yaml("reader", "courtesy.yaml")
    whose = ("team", "everybody") if team else ("everybody",)
    said = [line for who in whose for its in lists[who].values() for line in its.splitlines()]
    return re.compile(rf"{_MARKS}(?:{_ADDRESSED}|(?P<said>(?i:{'|'.join(said)}))(?![a-z])){_MARKS}")
