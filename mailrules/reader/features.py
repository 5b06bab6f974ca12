"""Features of the units of a mail, as marks: words, parts of words, concepts, properties, shapes, signals, position.

They are the input of the linear classifiers (`weights.py`). `bench/training/features.py` has their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain

import numpy as np

from ..statement import MailText
from .marks import HashedText, MailMarks, UnitMarks, joined, mark_of, prefixed
from .normal_forms import fold, tokens
from .unit_reading import Reading

LABEL_TOKENS = 12  # number of tokens of a form label that become features
WORD_MARKS = ".,;:!?()[]{}\"'"
LONGEST_WORD = 30


def mail_marks(readings: Sequence[Reading], subject: Reading | None, mail: MailText) -> MailMarks:
    """Return the marks of the features of the units; the subject is the last unit."""
    everything = [*readings, subject] if subject is not None else list(readings)
    words, neighbours = _words([reading.forms for reading in everything], len(readings))
    always = tuple(map(mark_of, mail_features(mail)))
    own = [*words, *_letters(everything), _listed([[*always, *_found(reading)] for reading in everything])]
    placed = [_position(readings, at) for at in range(len(readings))]
    if subject is not None:
        placed.append(_position([subject], 0))
    return MailMarks(joined(own), joined([neighbours, _listed(placed)]))


def _listed(marks: Sequence[Sequence[int]]) -> UnitMarks:
    units = np.repeat(np.arange(len(marks)), np.fromiter(map(len, marks), np.int64, len(marks)))
    return UnitMarks(units, np.fromiter(chain.from_iterable(marks), np.uint64, len(units)))


def mail_features(mail: MailText) -> tuple[str, ...]:
    """Return the features that all units of a mail have."""
    return (
        "bias",
        f"side:{mail.side}",
        f"to:{mail.to}",
        f"opens:{mail.opens}",
        f"auto:{mail.automatic is not None}",
    )


def _words(forms: Sequence[Sequence[str]], body: int) -> tuple[list[UnitMarks], UnitMarks]:
    """Return the marks of one, two and three words in a row, and those of the words of the unit before.

    `^` stands before a unit and `$` after it. The first `body` units have a unit before, except the first.
    """
    words = [word for some in forms for word in ("", "^", *some, "$")]
    ends = np.cumsum(np.fromiter(map(len, words), np.int64, len(words)) + 1) - 1
    starts = np.concatenate((np.zeros(1, np.int64), ends + 1))
    units = np.repeat(np.arange(len(forms)), np.fromiter(map(len, forms), np.int64, len(forms)) + 1)
    at = np.arange(len(units)) + 2 * (units + 1)  # without "" and "^"
    text = HashedText(" ".join(words))
    rows = [UnitMarks(units, text.marks(starts[at - before], ends[at])) for before in (0, 1, 2)]
    inner = np.flatnonzero((units[:-1] == units[1:]) & (units[:-1] < body - 1))  # without "$"
    return rows, UnitMarks(units[inner] + 1, prefixed("P:", rows[0].marks[inner]))


def _letters(readings: Sequence[Reading]) -> Iterator[UnitMarks]:
    """Yield the marks of character n-grams: even inflected forms and compounds that are in no list share them.

    Two to four characters of a Japanese sentence, three to five of an English word.
    """
    pieces = [_pieces(reading) for reading in readings]
    counts = np.fromiter(map(len, pieces), np.int64, len(pieces))
    whole = [piece for some in pieces for piece in some]
    lengths = np.fromiter(map(len, whole), np.int64, len(whole))
    units = np.repeat(np.repeat(np.arange(len(pieces)), counts), lengths)
    least = np.where(np.fromiter((reading.japanese for reading in readings), np.bool_, len(readings)), 2, 3)[units]
    room = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(units)) - least
    text = HashedText("".join(whole))
    for more in (0, 1, 2):
        at = np.flatnonzero(room >= more)
        yield UnitMarks(units[at], prefixed("k:", text.marks(at, at + least[at] + more)))


def _pieces(reading: Reading) -> list[str]:
    text = reading.folded.lower()
    if reading.japanese:
        return [f"^{text}$"]
    return list(map(_piece, text.split()))


@lru_cache(maxsize=20_000)
def _piece(word: str) -> str:
    return f"<{word.strip(WORD_MARKS)[:LONGEST_WORD]}>"


def _found(reading: Reading) -> list[int]:
    """Return the marks of the concepts, shapes, counts, signals and properties of a unit."""
    found = list(_found_marks(tuple(found_features(reading))))
    for concepts, properties in zip(reading.clause_concepts, reading.clauses.properties, strict=True):
        for concept in concepts:
            found += _concept_marks(concept, properties)
    return found


@lru_cache(maxsize=4096)
def _found_marks(features: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(map(mark_of, features))


@lru_cache(maxsize=4096)
def _concept_marks(concept: str, properties: frozenset[str]) -> tuple[int, ...]:
    return tuple(map(mark_of, concept_features(concept, properties)))


def concept_features(concept: str, properties: frozenset[str]) -> Iterator[str]:
    """Yield the features of a concept in a clause with these properties."""
    yield f"c:{concept}"
    yield f"f:{concept.split('.')[0]}"
    for name in properties:
        yield f"c:{concept}/{name}"


def found_features(reading: Reading) -> list[str]:
    """Return the features of a unit that are neither its words nor its concepts."""
    found = [f"s:{shape}" for shape in reading.shapes]
    found += [f"n:{count.of}:{_bucket(count.number)}" for count in reading.counts]
    found += [f"g:{signal}" for signal in reading.signals]
    found += [f"p:{name}" for name in reading.clauses.whole]
    return [*found, "label"] if reading.unit.label else found


def _position(readings: Sequence[Reading], index: int) -> list[int]:
    return list(map(mark_of, position_features(readings, index)))


def position_features(readings: Sequence[Reading], index: int) -> list[str]:
    """Return the features of a unit's position in the mail, without the words of the unit before."""
    reading = readings[index]
    place = ("first", "second")[index] if index < 2 else "last" if index >= len(readings) - 2 else "middle"
    found = [f"shape:{reading.unit.shape}", f"len:{min(len(reading.forms) // 6, 6)}", f"at:{place}"]
    if index:
        found += [f"Q:{concept}" for concept in readings[index - 1].concepts]
    if reading.unit.label:
        found += [f"l:{form}" for form in tokens(fold(reading.unit.label))[:LABEL_TOKENS]]
    heading = _heading(readings, index)
    if heading is not None:
        found += [f"h:{concept}" for concept in heading.concepts]
    return found


def _heading(readings: Sequence[Reading], index: int) -> Reading | None:
    """Return the sentence that introduces a list, or None.

    It is the nearest of the eleven units before that is no list or form line.
    """
    if readings[index].unit.shape == "sentence" and not readings[index].folded.endswith((":", "?")):
        return None
    for at in range(index - 1, max(-1, index - 12), -1):
        if readings[at].unit.shape == "sentence":
            return readings[at]
    return None


def _bucket(number: int) -> str:
    for limit, name in ((1, "1"), (4, "few"), (19, "group"), (99, "many")):
        if number <= limit:
            return name
    return "crowd"
