"""Tells a delivery of logs from a promise in the same sentence: "I have uploaded the log; more to follow"."""

import re

from mailrules.fold import fold
from mailrules.patterns import RE2
from service.mail.word_lists import load

_WORDS = load("deliveries", "service.cases")
_LOGS, _DONE, _NOT_YET = (RE2.compile("(?i)" + "|".join(_WORDS[name])) for name in ("logs", "done", "not_yet"))
_BREAK = re.compile(r"[.;:!?,。、\n]|\b(?:and|but)\b|(?<=ました)(?:が|ので)", re.I)


def delivers_logs(sentence: str) -> bool:
    """Whether a clause of a sentence says that logs were delivered already."""
    for clause in _BREAK.split(fold(sentence)):
        done = _DONE.search(clause)
        if done and _LOGS.search(clause) and not _NOT_YET.search(clause[: done.start()]):
            return True
    return False
