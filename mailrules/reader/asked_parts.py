"""Splits requests for several things in one sentence: "the trace file and the LED colour"."""

import re

from .concepts import ConceptMatcher
from .unit_reading import read_units
from .units import Unit

_BETWEEN = re.compile(
    r"と、|及び、?|および、?|並びに、?|ならびに、?|(?:、|。)(?:また|あわせて|併せて)、?"
    r"|(?:,\s{1,3}|\s{1,3})(?i:and|as well as)\s{1,3}"
    r"(?=(?i:the|an?|your|any|which|what|when|where|whether|how|who|confirm|tell|check)\b)"
)
_NUMBER = re.compile(r"[,;:、：]?\s{0,3}(?:\(?[1-9][).]|[①-⑨])\s{0,3}(?=[^\W\d])")
_ONLY_SENDS = re.compile(
    r"[ごお]?(?:返送|送付|送信|送り|提供|提出|連絡(?!先)|返信|返答|返事|共有|回答|報告|教示|知らせ|添付|アップロード)"
    r"|(?i:tell (?:us|me)\W*$)"
)
_LEAST = 3  # characters of a part
_REQUESTS = frozenset(("ask.please", "ask.question_word", "ask.need"))
_NO_TOPICS = ("ask:nothing", "ask:again")


def parts_of(unit: Unit, matcher: ConceptMatcher) -> list[tuple[Unit, list[str]]]:
    """Return the parts of a request, each with its topics. Returns [] if all parts name a topic, or none does.

    The first part of an English sentence, or the last part of a Japanese one, must contain the words that express the
    request. "To find the cause and the time, please …" asks for one thing.
    """
    joints = [(found.start(), found.end()) for found in _BETWEEN.finditer(unit.text)]
    joined = [part for part in _cut(unit, joints) if len(part.text) >= _LEAST and not _ONLY_SENDS.match(part.text)]
    parts = _numbered(unit) or joined
    if len(parts) < 2:
        return []
    readings = read_units(parts, matcher)
    japanese = any(reading.japanese for reading in readings)
    if not _numbered(unit) and _REQUESTS.isdisjoint(readings[-1 if japanese else 0].concepts):
        return []
    topics = [[one for one in reading.topics if one not in _NO_TOPICS] for reading in readings]
    return list(zip(parts, topics, strict=True)) if any(topics) and not all(topics) else []


def _numbered(unit: Unit) -> list[Unit]:
    """Return the entries of a list within a sentence ("1) … 2) …"), without what is before it."""
    marks = list(_NUMBER.finditer(unit.text))
    return _cut(unit, [(mark.start(), mark.end()) for mark in marks])[1:] if len(marks) > 1 else []


def _cut(unit: Unit, gaps: list[tuple[int, int]]) -> list[Unit]:
    starts, ends = [0, *(end for _, end in gaps)], [*(start for start, _ in gaps), len(unit.text)]
    texts = [(at, unit.text[at:end].strip()) for at, end in zip(starts, ends, strict=True)]
    firsts = [unit.start + unit.text.index(text, at) for at, text in texts]
    return [Unit(text, first, first + len(text)) for (_, text), first in zip(texts, firsts, strict=True)]
