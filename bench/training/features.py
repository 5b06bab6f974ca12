"""Names of the features of the units of a mail, for training: the prior weight of a feature depends on its name.

The reader computes only the hashes of the names (`mailrules/reader/features.py`). A test compares the two.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mailrules.reader.features import (
    LONGEST_WORD,
    SPOTS,
    WORD_MARKS,
    common_features,
    concept_features,
    count_features,
    heading_of,
    label_features,
    mail_features,
    shape_features,
    spot,
)
from mailrules.reader.mailview import MailView
from mailrules.reader.unit_reading import Reading
from mailrules.statement import MailText


class Features(NamedTuple):
    """Names of the features of one unit."""

    own: list[str]
    placed: list[str]  # features of its position in the mail; not used for the mail as a whole


def features_of(view: MailView) -> list[Features]:
    """Return the features of the units, then of the subject."""
    found = [_unit(view.readings, at, view.mail) for at in range(len(view.readings))]
    return found + ([_unit([view.subject], 0, view.mail)] if view.subject is not None else [])


def _unit(readings: Sequence[Reading], index: int, mail: MailText) -> Features:
    reading = readings[index]
    own = [*mail_features(mail), *_words(reading.forms), *(f"k:{piece}" for piece in _letters(reading))]
    for concepts, properties in zip(reading.clause_concepts, reading.clauses.properties, strict=True):
        for concept in concepts:
            own += concept_features(concept, properties)
    own += common_features(reading.shapes, reading.signals, reading.clauses.whole)
    own += count_features(reading)
    placed = [*shape_features(reading.shape, len(reading.forms)), *label_features(reading)]
    placed.append(f"at:{SPOTS[spot(index, len(readings))]}")
    if index:
        placed += (f"Q:{concept}" for concept in readings[index - 1].concepts)
        placed += (f"P:{form}" for form in readings[index - 1].forms)
    heading = heading_of(readings, index)
    if heading is not None:
        placed += (f"h:{concept}" for concept in readings[heading].concepts)
    return Features(own, placed)


def _words(forms: Sequence[str]) -> Iterator[str]:
    words = ("", "^", *forms, "$")
    for before, previous, form in zip(words, words[1:], words[2:], strict=False):
        yield from (form, f"{previous} {form}", f"{before} {previous} {form}")


def _letters(reading: Reading) -> Iterator[str]:
    text = reading.folded.lower()
    if reading.japanese:
        yield from _parts(f"^{text}$", (2, 3, 4))
    else:
        for word in text.split():
            yield from _parts(f"<{word.strip(WORD_MARKS)[:LONGEST_WORD]}>", (3, 4, 5))


def _parts(text: str, lengths: Sequence[int]) -> Iterator[str]:
    return (text[at : at + length] for length in lengths for at in range(len(text) - length + 1))
