"""Input of the classifiers for one mail: its units, their scores, and the named inputs of the mail step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..statement import MailText
from .concepts import ConceptMatcher
from .features import Features, Reading, read_unit, unit_features
from .units import Unit, split_units
from .weights import Matrix, UnitClassifier

MAX_SUBJECT = 200
ABSENT = -1.2  # score of a missing unit


@dataclass(frozen=True, slots=True)
class MailView:
    """The units of a mail and its subject, with their features."""

    mail: MailText
    readings: tuple[Reading, ...]
    subject: Reading | None
    features: tuple[Features, ...]  # of the units, then of the subject


def side_of(mail: MailText) -> str:
    """Return which classifiers read this mail: vendor, or ours (team, requester, unknown)."""
    return "vendor" if mail.side == "vendor" else "ours"


def view_mail(mail: MailText, matcher: ConceptMatcher) -> MailView:
    """Split one mail into units and read them."""
    readings = [read_unit(unit, matcher) for unit in split_units(mail.text)]
    features = [unit_features(readings, at, mail) for at in range(len(readings))]
    subject = mail.subject.strip()[:MAX_SUBJECT]
    if not subject:
        return MailView(mail, tuple(readings), None, tuple(features))
    heading = read_unit(Unit(subject, -1, -1, "subject"), matcher)
    features.append(unit_features([heading], 0, mail))
    return MailView(mail, tuple(readings), heading, tuple(features))


def whole_features(view: MailView) -> list[str]:
    """Return the features of the mail as a whole: those of its units and subject, without positions."""
    return list({feature for unit in view.features for feature in unit.own})


def mail_inputs(
    view: MailView, scores: Matrix, classifier: UnitClassifier, whole: Mapping[str, float]
) -> dict[str, float]:
    """Return the inputs of the mail step: unit scores (best and second), subject and mail scores, mail properties."""
    mail = view.mail
    units = len(view.readings)
    absent = np.full((1, len(classifier.meanings)), ABSENT, np.float32)
    values: dict[str, float] = {
        "opens": float(mail.opens),
        "to vendor": float(mail.to == "vendor"),
        "to requester": float(mail.to == "requester"),
        "from team": float(mail.side == "team"),
        "from vendor": float(mail.side == "vendor"),
        "automatic": float(mail.automatic is not None),
        "length": min(units, 30) / 10,
        "short": float(units <= 4),
        "files": float(bool(mail.files)),
        "ja": float(mail.language == "ja"),
    } | {f"b {meaning}": score for meaning, score in whole.items()}
    body = np.sort(np.concatenate((scores[:units], absent, absent)), axis=0)[::-1]
    for meaning, column in classifier.column.items():
        values[f"1 {meaning}"] = float(body[0, column])
        values[f"2 {meaning}"] = float(body[1, column])
        values[f"s {meaning}"] = float(scores[units, column]) if view.subject is not None else ABSENT
    for signal in {signal for reading in view.readings for signal in reading.signals}:
        values[f"g {signal}"] = 1.0
    return values


def best_unit(scores: Matrix, units: int, columns: Sequence[int]) -> int:
    """Return the index of the unit with the highest score in any of the columns; -1 without units or columns."""
    return int(scores[:units][:, columns].max(1).argmax()) if units and columns else -1
