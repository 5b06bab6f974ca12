"""Whether a mail of our side answers a vendor in plain words, or promises an answer."""

import re

from service.cases.facts.case_message import CaseMessage
from service.cases.replies import EMPTY, LATER, MOST_TEXT

_SENTENCE = re.compile(r"(?<=[。！!？?])|(?<=\.)\s|\n")
_QUESTION = re.compile(r"[?？]\s*$|(?:ですか|ますか|でしょうか|ませんか)[。 ]*$")
_NAME = re.compile(
    r"[^\n。、,.!?！？0-9]{1,20}(?:様|さま|さん|殿|御中|です|と申します)[。、,]?"
    r"|[^\s。、.,!?！？0-9]{1,14}(?:[ 　][^\s。、.,!?！？0-9]{1,14}){0,2}"
)
"""A salutation or a signature, if the mail has other lines."""


def puts_off(line: CaseMessage) -> bool:
    """Whether a mail says that something will follow, for example by a promise."""
    promises = line.reading is not None and line.reading.says("act.promise")
    return promises or LATER.search(line.turn.text[:MOST_TEXT]) is not None


def states_something(text: str) -> bool:
    """Whether a text contains a sentence that is no question, greeting, name or thanks."""
    pieces = [piece for part in _SENTENCE.split(text[:MOST_TEXT]) if (piece := part.strip())]
    return any(
        not (_QUESTION.search(piece) or EMPTY.match(piece) or (len(pieces) > 1 and _NAME.fullmatch(piece)))
        for piece in pieces
    )
