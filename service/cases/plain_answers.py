"""Decides which sentences of a mail of our side tell a vendor something, and which repeat the words of a request."""

import re
from collections.abc import Collection, Iterable, Mapping

from mailrules.judgement import Reading
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.content_words import content_words
from service.cases.replies import EMPTY, LATER, MOST_TEXT

_SENTENCE = re.compile(r"(?<=[。！!？?])|(?<=\.)\s|\n")
_QUESTION = re.compile(r"[?？]\s*$|(?:ですか|ますか|でしょうか|ませんか)[。 ]*$")
_NAME = re.compile(
    r"[^\n。、,.!?！？0-9]{1,20}(?:様|さま|さん|殿|御中|です|と申します)[。、,]?"
    r"|[^\s。、.,!?！？0-9]{1,14}(?:[ 　][^\s。、.,!?！？0-9]{1,14}){0,2}"
)
"""A salutation or a signature, if the mail has other lines."""
_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}")
_PLAN = re.compile(r"\b(?:i|we)(?:['’]ll| will| shall| (?:am|are) going to)\b|(?:予定|つもり)です", re.IGNORECASE)
_TELLS_NOTHING = frozenset(("act.promise", "act.chase", "item.question"))
_STEM = 5  # least number of letters that two forms of an English word share: "expiry", "expired"


def puts_off(line: CaseMessage) -> bool:
    """Whether a mail says that something will follow, for example by a promise."""
    later = (one for one in _sentences(line.turn.text) if LATER.search(one) and not _QUESTION.search(one))
    return line.reading.says("act.promise") or any(later)


def states_something(text: str) -> bool:
    """Whether a text contains a sentence that is no question, greeting, name or thanks."""
    pieces = _sentences(text)
    return any(
        not (_QUESTION.search(piece) or EMPTY.match(piece) or (len(pieces) > 1 and _NAME.fullmatch(piece)))
        for piece in pieces
    )


def told(text: str, reading: Reading) -> list[str]:
    """Return the sentences of a text, without questions, reminders, plans and sentences that postpone something."""
    quotes = {one.quote for one in reading.statements if one.meaning in _TELLS_NOTHING and one.state == "value"} - {""}
    none = (_QUESTION, _PLAN, LATER)
    pieces = [piece for piece in _sentences(text) if not any(pattern.search(piece) for pattern in none)]
    return [piece for piece in pieces if not any(piece in one or one in piece for one in quotes)]


def words_of(text: str) -> frozenset[str]:
    """Return the words that show what a sentence is about. These are distinctive words and times of day."""
    read = text[:MOST_TEXT]
    return frozenset((*content_words(read), *_TIME.findall(read)))


def by_stem(sentences: Iterable[str]) -> dict[str, set[str]]:
    """Return the words of sentences that show a topic, and times of day, grouped by their first letters (``_STEM``)."""
    found: dict[str, set[str]] = {}
    for word in frozenset[str]().union(*map(words_of, sentences)):
        found.setdefault(word[:_STEM], set()).add(word)
    return found


def names_one(words: Iterable[str], said: Mapping[str, Collection[str]]) -> bool:
    """Whether sentences contain one of these words, perhaps in another form. ``said``: their words (``by_stem``)."""
    return any(_is_same(one, other) for one in words for other in said.get(one[:_STEM], ()))


def _is_same(one: str, other: str) -> bool:
    stem = max(_STEM, min(len(one), len(other)) - 1)
    return one == other or (one.isalpha() and one.isascii() and len(one) >= _STEM and one[:stem] == other[:stem])


def _sentences(text: str) -> list[str]:
    return [piece for part in _SENTENCE.split(text[:MOST_TEXT]) if (piece := part.strip())]
