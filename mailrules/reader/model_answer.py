"""Checks a language model's answer. Keeps only statements with a known meaning and a quote that is in the mail."""

import json
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mailrules.catalogue import Catalogue
from mailrules.reader.model_request import MAX_STATEMENTS, SUBJECT, Request
from mailrules.statement import MailText, Statement

READER = "model"
MAX_QUOTE = 600


class AnswerRefused(ValueError):
    """The whole answer cannot be used. The text gives the reason in one line."""


@dataclass(frozen=True)
class Answer:
    """The valid statements of an answer, and the reasons for dropping the others."""

    statements: tuple[Statement, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)  # reason → number of statements


def check(text: str, request: Request, mail: MailText, catalogue: Catalogue) -> Answer:
    """Return the valid statements of an answer.

    Raises AnswerRefused if the answer is not JSON of this form, or if more than half of the statements are invalid.
    """
    written = _statements(text)
    kept: dict[tuple[str, int], Statement] = {}
    dropped: Counter[str] = Counter()
    for one in written[:MAX_STATEMENTS]:
        found = _statement(one, request, mail, catalogue)
        if isinstance(found, str):
            dropped[found] += 1
        else:
            kept.setdefault((found.meaning, found.start), found)
    dropped["too many statements"] += max(0, len(written) - MAX_STATEMENTS)
    wrong = dropped.total()
    if wrong * 2 > len(written):
        reason = dropped.most_common(1)[0][0]
        raise AnswerRefused(f"{wrong} of {len(written)} statements were wrong, most of them: {reason}")
    ordered = sorted(kept.values(), key=lambda one: (one.start, one.meaning))
    return Answer(tuple(ordered), {reason: number for reason, number in dropped.items() if number})


def join(model: Sequence[Statement], embedded: Sequence[Statement]) -> tuple[Statement, ...]:
    """Return the model's statements with the times, numbers and codes of the embedded reader."""
    shapes = [one for one in embedded if one.value is not None and one.start >= 0]
    return tuple(_with_value(one, shapes) for one in model)


def _with_value(one: Statement, shapes: Sequence[Statement]) -> Statement:
    for shape in shapes:
        if shape.meaning == one.meaning and shape.start < one.end and one.start < shape.end:
            return msgspec.structs.replace(one, value=shape.value)
    return one


def _statements(text: str) -> list[Any]:
    try:
        written = json.loads(_bare(text))
    except (json.JSONDecodeError, RecursionError):
        raise AnswerRefused("the answer is not JSON") from None
    statements = written.get("statements") if isinstance(written, dict) else None
    if not isinstance(statements, list):
        raise AnswerRefused("the answer has no list of statements")
    return statements


def _bare(text: str) -> str:
    """Return the text without the code fence that some models put around JSON."""
    bare = text.strip()
    if bare.startswith("```"):
        bare = bare.partition("\n")[2].rpartition("```")[0]
    return bare


def _statement(one: Any, request: Request, mail: MailText, catalogue: Catalogue) -> Statement | str:
    """Return the statement, or the reason for dropping it."""
    if not isinstance(one, dict):
        return "not a statement"
    unit, meaning, state, quote = (one.get(name) for name in ("unit", "meaning", "state", "quote"))
    if not (isinstance(unit, int) and isinstance(meaning, str) and isinstance(state, str) and isinstance(quote, str)):
        return "not a statement"
    if catalogue.fault(meaning, state, mail.side) is not None:
        return "not in the catalogue for this writer"
    if not 0 <= unit < len(request.units):
        return "no such unit"
    place = _place(quote, unit, request, mail)
    if place is None:
        return "the quote is not in the mail"
    start, end = place
    words = mail.subject if start < 0 else mail.text
    exact = _unmasked(quote, request) if start < 0 else words[start:end]
    return Statement(meaning, state, exact, start, end, reader=READER)


def _place(quote: str, unit: int, request: Request, mail: MailText) -> tuple[int, int] | None:
    """Return the offsets of the quote in the new text; None if the quote is invalid.

    They are (-1, -1) in the subject.
    """
    words = _unmasked(quote, request).strip()
    if not words or len(words) > MAX_QUOTE:
        return None
    if unit == SUBJECT:
        return (-1, -1) if _folded(words)[0] in _folded(mail.subject)[0] else None
    start = request.units[unit][1]
    end = request.units[unit + 1][1] if unit + 1 < len(request.units) else len(mail.text)
    # a wrong unit number is accepted if the quote is elsewhere in the mail
    for first, last in ((start, end), (0, len(mail.text))):
        found = _find(words, mail.text[first:last])
        if found is not None:
            return first + found[0], first + found[1]
    return None


def _unmasked(quote: str, request: Request) -> str:
    for name, hidden in request.masks.items():
        quote = quote.replace(name, hidden)
    return quote


def _find(words: str, text: str) -> tuple[int, int] | None:
    """Return the offsets of ``words`` in ``text``. White space and Unicode forms are ignored."""
    wanted, _ = _folded(words)
    folded, places = _folded(text)
    at = folded.find(wanted) if wanted else -1
    return None if at < 0 else (places[at], places[at + len(wanted) - 1] + 1)


def _folded(text: str) -> tuple[str, list[int]]:
    """Return the text in NFKD without white space, and the original position of each character."""
    characters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        # decomposed, since half-width kana have separate voicing marks
        for folded in unicodedata.normalize("NFKD", character):
            if not folded.isspace():
                characters.append(folded)
                places.append(place)
    return "".join(characters), places
