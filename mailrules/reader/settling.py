"""Clauses by which our side ends a matter (dropped, may be closed, works) or our team keeps it (`settling.yaml`)."""

import re
from functools import cache
from typing import NamedTuple

from ..resources import read_yaml
from .courtesy import phrases
from .mailview import MailView
from .unit_reading import Reading

_BEGINS = (
    r"(?:^|(?<=[.,;:!?、。…\-–])|(?<=ので)|(?<=ため)|(?<=から))\s*"
    r"(?:(?:so|and|then|ok|okay|alright|sorry|actually|just|please|kindly"
    r"|you (?:can|may)|(?:could|can) you|let's|let us)"
    r"\b,?\s+)*(?:それなら|それでしたら|それでは|でしたら|では|じゃあ?)?、?"
)
_ENDS = r"(?:,? (?:please|then|thanks|thank you))*\s*(?=[.,;:!?、。…\-–(☀-➿\U0001F300-\U0001FAFF]|$)"
_GOES_ON = re.compile(
    r"(?i)\b(?:but|instead|except|only|other|another one|however|and (?!thanks|thank))\b"
    r"|代わり|ただし|ただ、|のみ|だけ|ほかの|他の|もう一|別途|です(?:が|けど)|ました(?:が|けど)"
)
"""What follows the clause in its sentence says that the matter is not over."""
_CONDITION = re.compile(r"(?<!^でし)たら(?!し)|れば|ならば?、|場合|(?i:\b(?:if|unless|once|until|when)\b)")
_OPEN = frozenset(("ask.please", "ask.need", "stop.down", "stop.cannot", "stop.nothing_works", "time.ongoing"))
_COMES_BACK = "comes_back"
_AFTER_THEM = re.compile(
    r"\?|いただ[けき]|頂[けき]|お送り|教えて|(?<!待ち)(?:ください|下さい)"
    r"|(?i:\b(?:if|once|when|after|as soon as|until) you\b)"
)
"""The requester has to do something first."""
_WATCHES = re.compile(r"様子を?見|経過を?見|(?i:\bmonitor|\bkeep (?:an eye|watching|testing)|\bwait and see)")
_LONGEST = 400  # characters of a sentence


class Ending(NamedTuple):
    """Which unit ends the matter, and whether a ticket may be closed or was closed."""

    unit: int
    closes: bool


def ending(view: MailView) -> Ending | None:
    """Return the sentence in which a mail of our side says that its matter is over.

    None if the mail has no such sentence, or if another sentence asks for something or describes a problem. A wrong
    result is worse than a missed one.
    """
    if view.mail.opens or view.mail.side not in ("requester", "team"):
        return None
    found: Ending | None = None
    for at, reading in enumerate(view.readings):
        if "settled.back" in reading.plain or _WATCHES.search(reading.folded):
            return None
        if ways := _ways(reading, team=view.mail.side == "team"):
            found = Ending(at, (found is not None and found.closes) or not ways.isdisjoint(("close", "team")))
        elif _leaves_open(reading):
            return None
    return found


def comes_back(view: MailView) -> bool:
    """Whether our team tells a requester that it will write again, and asks for nothing."""
    if view.mail.side != "team" or view.mail.to == "vendor":
        return False
    said = [_comes_back(reading.folded) for reading in view.readings]
    rest = (reading for reading, told in zip(view.readings, said, strict=True) if not told)
    return any(said) and not any(map(_leaves_open, rest))


def _comes_back(sentence: str) -> bool:
    return (
        len(sentence) <= _LONGEST
        and _patterns()[_COMES_BACK].search(sentence) is not None
        and not _AFTER_THEM.search(sentence)
    )


def _leaves_open(reading: Reading) -> bool:
    """Whether a sentence asks for something or describes a problem; polite phrases do not."""
    if phrases(reading, team=True):
        return False
    questions = "?" in reading.folded or any("question" in one for one in reading.clauses.properties)
    return questions or not reading.concepts.isdisjoint(_OPEN)


def _ways(reading: Reading, *, team: bool) -> set[str]:
    sentence = reading.folded
    if len(sentence) > _LONGEST or _CONDITION.search(sentence):
        return set()
    found = set()
    for way, pattern in _patterns().items():
        match = pattern.search(sentence)
        if match and way != _COMES_BACK and (team or way != "team") and not _GOES_ON.search(sentence, match.end()):
            found.add(way)
    return found


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    lists = read_yaml("reader", "settling.yaml")
    parts = lists.pop("parts")
    found = {}
    for way, by_language in lists.items():
        lines = "|".join(line for lines in by_language.values() for line in lines.splitlines())
        for name, part in parts.items():
            lines = lines.replace(f"<{name}>", part)
        whole = lines if way == _COMES_BACK else rf"{_BEGINS}(?:{lines}){_ENDS}"
        found[way] = re.compile(whole, re.IGNORECASE)
    return found
