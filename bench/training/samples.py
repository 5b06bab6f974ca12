"""Labelled mails of the development writers, read as the reader reads them, with the targets of training."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bench.harness import corpus, writers
from bench.training.features import Features, features_of
from mailrules.evaluation.judged import mail_text
from mailrules.reader.concepts import shipped_matcher
from mailrules.reader.decision import KINDS
from mailrules.reader.mailview import MailView, view_mail

LEAST_UNITS = 8  # a meaning labelled less often is not learned
EXACT_STATES = {f"item:{item}=none" for item in "workaround|error_message|recent_changes|business_impact".split("|")}
LEVELS = tuple(f"{family}:{level}" for family in ("impact", "urgency") for level in ("high", "medium", "low"))
WHOLE = (*(f"kind:{kind}" for kind in KINDS), *LEVELS, "urgent", "security")
WEIGHED_ONLY = "development_weight"


@dataclass
class Sample:
    """One labelled mail. It is read when its features are first needed."""

    fold: int
    mail: dict[str, Any]
    by_sentence: bool  # labelled sentence by sentence, not only as a whole
    chances: dict[str, float] = field(default_factory=dict)
    """The probabilities of the meanings, by classifiers that were trained without the mails of its fold."""

    @cached_property
    def view(self) -> MailView:
        return view_mail(mail_text(self.mail), shipped_matcher())

    @cached_property
    def features(self) -> list[Features]:
        """The features of the units, then of the subject."""
        return features_of(self.view)

    @cached_property
    def labels(self) -> list[set[str]]:
        """The targets of each unit of the reader: those of the labelled units that overlap it."""
        spans, at = [], 0
        for unit in self.mail["units"]:
            spans.append((at, at + len(unit["t"]), targets(unit)))
            at += len(unit["t"]) + 1
        return [
            {target for start, end, its in spans if start < unit.end and end > unit.start for target in its}
            for unit in self.view.units
        ]

    @cached_property
    def told(self) -> set[str]:
        """The targets of all units."""
        return {target for unit in self.mail["units"] for target in targets(unit)}

    @cached_property
    def whole(self) -> set[str]:
        """The targets of the mail as a whole."""
        found = {f"{family}:{self.mail[family]}" for family in ("kind", "impact", "urgency")}
        found |= {"urgent"} if self.mail["priority"] in ("P1", "P2") else set()
        return found | ({"security"} if self.mail["kind"] == "security" else set())

    @property
    def side(self) -> str:
        return "vendor" if self.mail["side"] == "vendor" else "ours"


def read_samples() -> list[Sample]:
    """Return all development mails. Writers of one fold are left out together."""
    groups = writers()
    fold_of = {writer: at for at, fold in enumerate(groups["folds"]) for writer in fold}
    return [
        Sample(fold_of[writer], mail, group != WEIGHED_ONLY)
        for group in ("development", WEIGHED_ONLY)
        for writer in groups[group]
        for mail in corpus(writer)
    ]


def targets(unit: dict[str, Any]) -> list[str]:
    """Return the targets of the labels of a unit: the meaning, its state, and whether anything is requested."""
    found = []
    for label in unit["l"]:
        meaning, _, state = label.partition("=") if label.startswith("item:") else (label, "", "")
        found += [meaning, *([f"state:{state}"] if state else []), *([label] if label in EXACT_STATES else [])]
        found += ["ask:any"] if label.startswith("ask:") else []
    return found


def learned_meanings(samples: list[Sample]) -> list[str]:
    """Return the labels that occur often enough to be learned."""
    counts = Counter(target for sample in samples for unit in sample.mail["units"] for target in targets(unit))
    return sorted(label for label, count in counts.items() if count >= LEAST_UNITS)
