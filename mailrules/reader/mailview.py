"""Input of the classifiers for one mail: its units, their scores, and named numbers."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from ..statement import MailText, Statement
from .concepts import ConceptMatcher
from .form_lines import filled_units
from .normal_forms import is_japanese
from .signals import signal_names
from .unit_reading import Reading, read_units
from .units import Unit, split_units

Matrix = NDArray[np.float32]
MAX_SUBJECT = 200
ABSENT = -1.2  # score of a missing unit
CIRCUMSTANCES = "opens|to vendor|to requester|from team|from vendor|automatic|length|short|files|ja".split("|")
Key = tuple[str, str, str, str]  # text, shape and label of a unit, and the side whose classifiers read it


class UnitCache:
    """The readings of the units that were used last. Thread-safe."""

    def __init__(self, most: int) -> None:
        """`most`: maximum number of readings."""
        self._most, self._lock = most, Lock()
        self._kept: OrderedDict[Key, Reading] = OrderedDict()
        _caches.add(self)

    def known(self, keys: Iterable[Key]) -> dict[Key, Reading]:
        """Return key → reading for the keys that the cache contains."""
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
        return found

    def keep(self, readings: Mapping[Key, Reading]) -> None:
        """Add readings, and remove those that were used least recently."""
        with self._lock:
            self._kept.update(readings)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Remove all readings."""
        with self._lock:
            self._kept.clear()


_caches: WeakSet[UnitCache] = WeakSet()


def clear_caches() -> None:
    """Clear all caches of this kind in the process."""
    for cache in list(_caches):
        cache.clear()


@dataclass(frozen=True, slots=True)
class MailView:
    """The units of a mail, and the readings of the units and of the subject.

    ``stated``: statements of form lines without a value to read; these lines are not units (`form_lines.py`).
    """

    mail: MailText
    units: list[Unit]
    readings: list[Reading]
    subject: Reading | None
    stated: list[Statement]

    @property
    def with_subject(self) -> list[Reading]:
        """The readings of the units, then of the subject."""
        return self.readings if self.subject is None else [*self.readings, self.subject]


def side_of(mail: MailText) -> str:
    """Return the name of the classifiers for this mail: `vendor`, or `ours` for all others."""
    return "vendor" if mail.side == "vendor" else "ours"


def is_readable(mail: MailText) -> bool:
    """Whether a mail is in Japanese or English."""
    return mail.language in ("en", "ja") or is_japanese(mail.text)


def view_mail(mail: MailText, matcher: ConceptMatcher, cache: UnitCache | None = None) -> MailView:
    """Split one mail into units, and read the units that are not in the cache."""
    units, stated = split_units(mail.text), list[Statement]()
    if mail.side != "vendor":  # a vendor's form asks
        units, stated = filled_units(units)
    subject = mail.subject.strip()[:MAX_SUBJECT]
    everything = [*units, Unit(subject, -1, -1, "subject")] if subject else units
    side = side_of(mail)
    keys = [(unit.text, unit.shape, unit.label, side) for unit in everything]
    known = cache.known(keys) if cache is not None else {}
    new = {key: unit for key, unit in zip(keys, everything, strict=True) if key not in known}
    if new:
        found = dict(zip(new, read_units(list(new.values()), matcher), strict=True))
        if cache is not None:
            cache.keep(found)
        known |= found
    readings = [known[key] for key in keys]
    return MailView(mail, units, readings[: len(units)], readings[-1] if subject else None, stated)


def with_subject_as_text(view: MailView, matcher: ConceptMatcher, cache: UnitCache | None = None) -> MailView:
    """Return the view of a mail as if its text began with its subject. Quotes of the subject have the offset -1."""
    subject = view_mail(replace(view.mail, text=view.mail.subject.strip()[:MAX_SUBJECT], subject=""), matcher, cache)
    units = [unit._replace(start=-1, end=-1) for unit in subject.units]
    return replace(view, units=[*units, *view.units], readings=[*subject.readings, *view.readings])


def input_names(meanings: Sequence[str], whole: Sequence[str]) -> list[str]:
    """Return the names of the inputs of the mail classifier, in the order of `mail_inputs`."""
    scores = [f"{rank} {meaning}" for rank in "12s" for meaning in meanings]
    return [*CIRCUMSTANCES, *(f"b {name}" for name in whole), *scores, *(f"g {name}" for name in signal_names())]


def mail_inputs(view: MailView, scores: Matrix, whole: Matrix) -> NDArray[np.float64]:
    """Return the inputs of the mail classifier: properties of the mail, scores, signals.

    The scores are: the scores of the whole mail, those of the subject, and for each meaning the two highest scores of
    the units.
    """
    mail, units = view.mail, len(view.readings)
    circumstances = (
        mail.opens,
        mail.to == "vendor",
        mail.to == "requester",
        mail.side == "team",
        mail.side == "vendor",
        mail.automatic is not None,
        min(units, 30) / 10,
        units <= 4,
        bool(mail.files),
        mail.language == "ja",
    )
    absent = np.full((1, scores.shape[1]), ABSENT, np.float32)
    body = np.concatenate((scores[:units], absent, absent))
    columns = np.arange(scores.shape[1])
    first = body.argmax(0)
    best = body[first, columns]
    body[first, columns] = ABSENT
    subject = scores[units] if view.subject is not None else absent[0]
    told = {signal for reading in view.readings for signal in reading.signals}
    signals = [name in told for name in signal_names()]
    return np.concatenate((circumstances, whole, best, body.max(0), subject, signals), dtype=np.float64)
