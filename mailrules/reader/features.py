"""Features of the units of a mail, such as words, concepts, shapes and positions.

Features are the input of the linear classifiers. A feature is identified by its row in a table of hashes
(`feature_hashes.py`). `bench/training/features.py` lists the names of the features. The contribution of a unit to the
scores is cached with the reading of the unit. Therefore features are grouped by the units that they describe (`Part`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from ..statement import MailText
from .clauses import PROPERTIES
from .feature_hashes import (
    Characters,
    HashTable,
    Indexes,
    UnitHashes,
    characters_of,
    hashes_of,
    lengths_of,
    runs_of_letters,
    runs_of_words,
    unit_hashes,
    with_prefix,
)
from .normal_forms import fold, is_japanese, normal_forms
from .unit_reading import Reading

LABEL_TOKENS = 12  # number of tokens of a form label that become features
WORD_MARKS = ".,;:!?()[]{}\"'"
LONGEST_WORD = 30
SPOTS = ("first", "second", "middle", "last")
ROW = np.dtype(np.int32)
_ROW_BITS = 20
_LETTER, _MARK, _SPACE = range(3)
_KINDS = np.array(
    [_SPACE if chr(at).isspace() else _MARK if chr(at) in WORD_MARKS else _LETTER for at in range(0x3002)], np.uint8
)
"""The kind of each character by its code point. The last entry applies to all higher code points."""


class Part(IntEnum):
    """Groups of features that follow from the text of one unit. Each group describes different units."""

    OWN = 0  # features of the unit itself; except its form, they also count for the mail as a whole
    NEXT = 1  # features of the unit after it
    LISTED = 2  # features of the list lines that the unit introduces


class FeatureRows:
    """Finds the features of units in a table of hashes. Caches their rows, except those of words and numbers."""

    def __init__(self, table: HashTable) -> None:
        self._table = table
        kept = partial(_Kept, table)
        self._concepts = {names: kept(partial(concept_features, properties=names)) for names in PROPERTIES}
        self._properties = kept(lambda names: common_features((), (), names))
        self._shapes = kept(lambda name: common_features((name,), (), ()))
        self._signals = kept(lambda name: common_features((), (name,), ()))
        self._forms = kept(lambda form: shape_features(*form))
        self._next = kept(lambda concept: (f"Q:{concept}",))
        self._listed = kept(lambda concept: (f"h:{concept}",))
        self._bias = next(iter(table.find(hashes_of(("bias",)))[1].tolist()), -1)

    def of(self, readings: Sequence[Reading]) -> tuple[Indexes, Indexes]:
        """Return the features of units as two arrays: part numbers, and rows in the table.

        The pairs are sorted and distinct. The part number is `part * (number of units) + (index of the unit)`.
        """
        labels = [(*count_features(one), *label_features(one)) if one.counts or one.label else () for one in readings]
        hashed = zip(*_words(readings), *_letters(readings), unit_hashes(labels), strict=True)
        units, hashes = map(np.concatenate, hashed)
        known, rows = self._table.find(hashes)
        kept = [*map(self._own, readings)]
        kept += [b"".join(map(its.__getitem__, one.concepts)) for its in (self._next, self._listed) for one in readings]
        parts = np.repeat(np.arange(len(kept)), lengths_of(kept) // ROW.itemsize)
        parts, rows = distinct(
            np.concatenate((units.take(known), parts)),
            np.concatenate((rows, np.frombuffer(b"".join(kept), ROW))),
        )
        counted = np.flatnonzero(rows != self._bias)  # all units have it: do not count the word "bias" again
        return parts.take(counted), rows.take(counted)

    def _own(self, reading: Reading) -> bytes:
        """Return the cached rows of the features of the unit itself, without words and numbers."""
        rows = [self._properties[reading.clauses.whole], self._forms[reading.shape, len(reading.forms)]]
        rows += map(self._shapes.__getitem__, reading.shapes)
        rows += map(self._signals.__getitem__, reading.signals)
        for concepts, properties in zip(reading.clause_concepts, reading.clauses.properties, strict=True):
            if concepts:
                rows += map(self._concepts[properties].__getitem__, concepts)
        return b"".join(rows)


class _Kept(dict[Any, bytes]):
    """A cache: key of a group of features (such as a concept) → rows of these features. There are few keys."""

    def __init__(self, table: HashTable, features: Callable[[Any], Iterable[str]]) -> None:
        self._table, self._features = table, features

    def __missing__(self, key: Any) -> bytes:
        rows = self[key] = self._table.find(hashes_of(tuple(self._features(key))))[1].astype(ROW).tobytes()
        return rows


def distinct(units: Indexes, rows: Indexes) -> tuple[Indexes, Indexes]:
    """Return the sorted pairs of unit and row, without duplicates."""
    keys = np.sort(units << _ROW_BITS | rows)
    keys = keys[np.flatnonzero(np.diff(keys, prepend=-1))]
    return keys >> _ROW_BITS, keys & ((1 << _ROW_BITS) - 1)


def split(units: Indexes, rows: Indexes, count: int) -> list[bytes]:
    """Return the rows of each of the first `count` units. `units` must be sorted."""
    ends = (np.searchsorted(units, np.arange(count + 1)) * ROW.itemsize).tolist()
    every = rows.astype(ROW).tobytes()
    return [every[start:end] for start, end in pairwise(ends)]


def spot(index: int, units: int) -> int:
    """Return the position of a unit in the mail, as an index of `SPOTS`."""
    return index if index < 2 else 3 if index >= units - 2 else 2


def heading_of(readings: Sequence[Reading], index: int) -> int | None:
    """Return the index of the sentence that introduces a list line; None if there is none.

    This is the nearest sentence among the eleven units before the line. List lines and form lines are skipped.
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


def concept_features(concept: str, properties: frozenset[str]) -> Iterator[str]:
    """Yield the features of a concept. `properties`: those of the clause that contains the concept."""
    yield f"c:{concept}"
    yield f"f:{concept.split('.')[0]}"
    for name in properties:
        yield f"c:{concept}/{name}"


def common_features(shapes: Iterable[str], signals: Iterable[str], properties: Iterable[str]) -> list[str]:
    """Return the features of the shapes, signals and properties of a unit."""
    return [*(f"s:{one}" for one in shapes), *(f"g:{one}" for one in signals), *(f"p:{one}" for one in properties)]


def count_features(reading: Reading) -> list[str]:
    """Return a feature for each count of people, places or machines, and one if the unit has a label."""
    found = [f"n:{count.of}:{_bucket(count.number)}" for count in reading.counts]
    return [*found, "label"] if reading.label else found


def shape_features(shape: str, tokens: int) -> tuple[str, str]:
    """Return the features of the shape of a unit and of its length."""
    return f"shape:{shape}", f"len:{min(tokens // 6, 6)}"


def label_features(reading: Reading) -> list[str]:
    label = fold(reading.label)
    return [f"l:{form}" for form in normal_forms([label], japanese=is_japanese(label))[:-1][:LABEL_TOKENS]]


def word_runs(readings: Sequence[Reading]) -> tuple[UnitHashes, UnitHashes, UnitHashes]:
    """Return the hashes of single words, and of two and three consecutive words. `^` begins a unit, `$` ends it."""
    ones, twos, threes = runs_of_words([word for one in readings for word in ("", "^", *one.forms, "$")])
    units = np.repeat(np.arange(len(readings)), lengths_of([one.forms for one in readings]) + 1)
    at = np.arange(len(units)) + 2 * (units + 1)  # without "" and "^"
    return (
        UnitHashes(units, ones.take(at)),
        UnitHashes(units, twos.take(at - 1)),
        UnitHashes(units, threes.take(at - 2)),
    )


def _words(readings: Sequence[Reading]) -> Iterator[UnitHashes]:
    """Yield the hashes of words, as features of their own unit and then of the next unit."""
    runs = word_runs(readings)
    yield from runs
    units, ones = runs[0]
    inner = np.flatnonzero(units[:-1] == units[1:])  # without "$"
    yield UnitHashes(units.take(inner) + Part.NEXT * len(readings), with_prefix("P:", ones.take(inner)))


def _letters(readings: Sequence[Reading]) -> Iterator[UnitHashes]:
    """Yield the hashes of consecutive characters: two to four of Japanese sentences, three to five of English words.

    Inflected forms and compounds share many of these hashes with their base words, so no list of forms is needed.
    """
    for japanese, ends, least in ((True, "^$", 2), (False, "<>", 3)):
        units = np.flatnonzero([one.japanese is japanese for one in readings])
        if len(units):
            texts = [readings[at].folded.lower() for at in units.tolist()]
            characters = characters_of("\n".join(("", *texts, "")))
            lengths = lengths_of(texts)
            firsts = np.cumsum(lengths + 1) - lengths
            spans = (firsts, lengths) if japanese else _word_spans(characters)
            inside = np.searchsorted(firsts, spans[0], "right") - 1
            for found in runs_of_letters(characters, spans, ends, least):
                yield UnitHashes(units.take(inside.take(found.units)), found.hashes)


def _word_spans(characters: Characters) -> tuple[Indexes, Indexes]:
    """Return the positions and lengths of the words of a text, without punctuation."""
    kinds = _KINDS.take(np.minimum(characters, len(_KINDS) - 1))
    letters = np.flatnonzero(kinds == _LETTER)
    words = np.cumsum(kinds == _SPACE).take(letters)
    begins = np.flatnonzero(np.diff(words, prepend=-1))
    firsts = letters.take(begins)
    lasts = letters.take(np.append(begins, len(letters))[1:] - 1)
    return firsts, np.minimum(lasts - firsts + 1, LONGEST_WORD)


def _bucket(number: int) -> str:
    for limit, name in ((1, "1"), (4, "few"), (19, "group"), (99, "many")):
        if number <= limit:
            return name
    return "crowd"
