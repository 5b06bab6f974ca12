"""Detects a mail that opens by announcing a new topic."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from service.mail.word_lists import alternatives, load

_PATTERNS: Final = {name: alternatives(text) for name, text in load("topics", "service.cases").items()}
_JAPANESE = re.compile(_PATTERNS["japanese"])
_ENGLISH = re.compile(rf"\b(?:{_PATTERNS['english']})", re.IGNORECASE)
_GREETING = re.compile(rf"^(?:{_PATTERNS['greeting']})", re.IGNORECASE)
_AT_REST = re.compile(_PATTERNS["at_rest"], re.IGNORECASE)
"""Matches a remark that the earlier problem is over."""
_ASIDE = re.compile(r"なお|ちなみに|また|追伸|also|ps|p\.s\.|btw", re.IGNORECASE)


def begins_new_topic(text: str) -> bool:
    """Whether the first sentence after the greeting announces a new topic.

    Thanks and one short remark that the earlier problem is over may come before it; an aside ("by the way") after that
    remark does not count.
    """
    quiet = False
    lines = [line.strip() for line in unicodedata.normalize("NFKC", text[:1500]).splitlines() if line.strip()]
    for sentence in (part for line in lines for part in re.split(r"(?<=[。.!?])\s*", line) if part):
        if _JAPANESE.search(sentence) or _ENGLISH.search(sentence):
            return not (quiet and _ASIDE.match(sentence))
        if not quiet and len(sentence) <= 60 and _AT_REST.search(sentence):
            quiet = True
        elif not _GREETING.match(sentence) and not _names_oneself(sentence):
            return False
    return False


def _names_oneself(sentence: str) -> bool:
    return len(sentence) <= 40 and bool(
        re.search(r"(?:です|と申します|でございます)[。.]?$|^(?:this is|it's) ", sentence, re.IGNORECASE)
    )
