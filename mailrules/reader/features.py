"""Features of the units of a mail, as marks: words, parts of words, concepts, properties, shapes, signals, position.

They are the input of the linear classifiers (`weights.py`). `bench/training/features.py` has their names. What a unit
adds to the scores is kept with its reading, so the features are grouped by what they depend on (`Part`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import chain

import numpy as np

from ..statement import MailText
from .marks import HashedText, UnitMarks, joined, mark_of, prefixed
from .normal_forms import fold, is_japanese, tokens
from .unit_reading import Reading

LABEL_TOKENS = 12  # number of tokens of a form label that become features
WORD_MARKS = ".,;:!?()[]{}\"'"
LONGEST_WORD = 30
SPOTS = ("first", "second", "middle", "last")


class Part(IntEnum):
    """The features that depend on one unit alone."""

    OWN = 0
    """Of the unit itself. Those that are not about its form count for the mail as a whole, too."""
    NEXT = 1
    """Of the unit after it."""
    LISTED = 2
    """Of the list lines that it introduces."""


def part_marks(readings: Sequence[Reading]) -> UnitMarks:
    """Return the marks of all parts of some units; the number of a unit's part is `part * units + unit`."""
    count = len(readings)
    words, following = _words([reading.forms for reading in readings], Part.NEXT * count)
    concepts = [_set_marks(reading.concepts) for reading in readings]
    listed = [*map(_found, readings), *(one[0] for one in concepts), *(one[1] for one in concepts)]
    return joined([*words, *_letters(readings), following, _listed(listed)])


def spot(index: int, units: int) -> int:
    """Return the number in `SPOTS` of a unit's place in the mail."""
    return index if index < 2 else 3 if index >= units - 2 else 2


def heading_of(readings: Sequence[Reading], index: int) -> int | None:
    """Return the sentence that introduces a list, or None.

    It is the nearest of the eleven units before that is no list or form line.
    """
    if readings[index].shape == "sentence" and not readings[index].folded.endswith((":", "?")):
        return None
    before = range(index - 1, max(-1, index - 12), -1)
    return next((at for at in before if readings[at].shape == "sentence"), None)


def mail_features(mail: MailText) -> tuple[str, ...]:
    """Return the features that all units of a mail have."""
    return (
        "bias",
        f"side:{mail.side}",
        f"to:{mail.to}",
        f"opens:{mail.opens}",
        f"auto:{mail.automatic is not None}",
    )


def spot_feature(number: int) -> str:
    """Return the feature of a place in the mail."""
    return f"at:{SPOTS[number]}"


def concept_features(concept: str, properties: frozenset[str]) -> Iterator[str]:
    """Yield the features of a concept in a clause with these properties."""
    yield f"c:{concept}"
    yield f"f:{concept.split('.')[0]}"
    for name in properties:
        yield f"c:{concept}/{name}"


def common_features(shapes: Iterable[str], signals: Iterable[str], properties: Iterable[str]) -> list[str]:
    """Return the features of the shapes, signals and properties of a unit."""
    return [*(f"s:{one}" for one in shapes), *(f"g:{one}" for one in signals), *(f"p:{one}" for one in properties)]


def count_features(reading: Reading) -> list[str]:
    """Return the features of the numbers of people, places and machines, and whether the unit has a label."""
    found = [f"n:{count.of}:{_bucket(count.number)}" for count in reading.counts]
    return [*found, "label"] if reading.label else found


def form_features(reading: Reading) -> list[str]:
    """Return the features of the form of a unit."""
    found = [f"shape:{reading.shape}", f"len:{min(len(reading.forms) // 6, 6)}"]
    if reading.label:
        label = fold(reading.label)
        found += [f"l:{form}" for form in tokens(label, japanese=is_japanese(label))[:LABEL_TOKENS]]
    return found


def next_feature(concept: str) -> str:
    """Return the feature of the unit after one with a concept."""
    return f"Q:{concept}"


def listed_feature(concept: str) -> str:
    """Return the feature of the list lines after a sentence with a concept."""
    return f"h:{concept}"


@lru_cache(maxsize=2048)
def _set_marks(concepts: frozenset[str]) -> tuple[list[int], list[int]]:
    return [mark_of(next_feature(one)) for one in concepts], [mark_of(listed_feature(one)) for one in concepts]


def _listed(marks: Sequence[Sequence[int]]) -> UnitMarks:
    units = np.repeat(np.arange(len(marks)), np.fromiter(map(len, marks), np.int64, len(marks)))
    return UnitMarks(units, np.fromiter(chain.from_iterable(marks), np.uint64, len(units)))


def _words(forms: Sequence[Sequence[str]], following: int) -> tuple[list[UnitMarks], UnitMarks]:
    """Return the marks of one, two and three words in a row, and those of the words for the unit after.

    `^` stands before a unit and `$` after it. `following`: what to add to the number of a unit for the latter.
    """
    words = [word for some in forms for word in ("", "^", *some, "$")]
    ends = np.cumsum(np.fromiter(map(len, words), np.int64, len(words)) + 1) - 1
    starts = np.concatenate((np.zeros(1, np.int64), ends + 1))
    units = np.repeat(np.arange(len(forms)), np.fromiter(map(len, forms), np.int64, len(forms)) + 1)
    at = np.arange(len(units)) + 2 * (units + 1)  # without "" and "^"
    text = HashedText(" ".join(words))
    rows = [UnitMarks(units, text.marks(starts[at - before], ends[at])) for before in (0, 1, 2)]
    inner = np.flatnonzero(units[:-1] == units[1:])  # without "$"
    return rows, UnitMarks(units[inner] + following, prefixed("P:", rows[0].marks[inner]))


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


@lru_cache(maxsize=8192)
def _piece(word: str) -> str:
    return f"<{word.strip(WORD_MARKS)[:LONGEST_WORD]}>"


def _found(reading: Reading) -> list[int]:
    """Return the marks of the concepts, shapes, counts, signals, properties and form of a unit."""
    found = [
        *_common_marks(reading.shapes, reading.signals, reading.clauses.whole),
        *map(mark_of, (*count_features(reading), *form_features(reading))),
    ]
    for concepts, properties in zip(reading.clause_concepts, reading.clauses.properties, strict=True):
        for concept in concepts:
            found += _concept_marks(concept, properties)
    return found


@lru_cache(maxsize=4096)
def _common_marks(shapes: tuple[str, ...], signals: tuple[str, ...], properties: frozenset[str]) -> tuple[int, ...]:
    return tuple(map(mark_of, common_features(shapes, signals, properties)))


@lru_cache(maxsize=4096)
def _concept_marks(concept: str, properties: frozenset[str]) -> tuple[int, ...]:
    return tuple(map(mark_of, concept_features(concept, properties)))


def _bucket(number: int) -> str:
    for limit, name in ((1, "1"), (4, "few"), (19, "group"), (99, "many")):
        if number <= limit:
            return name
    return "crowd"
