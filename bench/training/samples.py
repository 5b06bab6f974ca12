"""Labelled mails of the development writers, read as the reader reads them, with the targets of training."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from bench.training.features import Features, features_of
from mailrules.evaluation.judged import mail_text
from mailrules.reader.embedded import KINDS, shipped_matcher
from mailrules.reader.mailview import MailView, view_mail

CORPUS = Path(__file__).resolve().parent.parent.parent / "mailrules" / "corpus"
LEAST_UNITS = 8  # a meaning labelled less often is not learned
EXACT_STATES = frozenset(
    f"item:{item}=none" for item in ("workaround", "error_message", "recent_changes", "business_impact")
)
LEVELS = tuple(f"{family}:{level}" for family in ("impact", "urgency") for level in ("high", "medium", "low"))
WHOLE = (*(f"kind:{kind}" for kind in KINDS), *LEVELS, "urgent", "security")
WEIGHED_ONLY = "development_weight"


@dataclass
class Sample:
    """One labelled mail. It is read when its features are needed first."""

    writer: str
    fold: int
    mail: dict[str, Any]
    by_sentence: bool  # labelled sentence by sentence, not only as a whole

    @cached_property
    def view(self) -> MailView:
        return view_mail(mail_text(self.mail), shipped_matcher())

    @cached_property
    def features(self) -> list[Features]:
        """Of the units, then of the subject."""
        return features_of(self.view)

    @cached_property
    def labels(self) -> list[set[str]]:
        """Of each unit as the reader splits the text, by overlap."""
        spans, at = [], 0
        for unit in self.mail["units"]:
            spans.append((at, at + len(unit["t"]), {target for label in unit["l"] for target in targets(label)}))
            at += len(unit["t"]) + 1
        units = self.view.units
        return [
            {target for start, end, its in spans if start < unit.end and end > unit.start for target in its}
            for unit in units
        ]

    @cached_property
    def told(self) -> set[str]:
        return {target for unit in self.mail["units"] for label in unit["l"] for target in targets(label)}

    @property
    def side(self) -> str:
        return "vendor" if self.mail["side"] == "vendor" else "ours"


def read_samples() -> list[Sample]:
    """All development mails. Writers of one fold are left out together."""
    split = yaml.safe_load((CORPUS / "split.yaml").read_text(encoding="utf-8"))
    fold_of = {writer: at for at, writers in enumerate(split["folds"]) for writer in writers}
    return [
        Sample(writer, fold_of[writer], json.loads(line), group != WEIGHED_ONLY)
        for group in ("development", WEIGHED_ONLY)
        for writer in split[group]
        for line in (CORPUS / f"{writer}.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def targets(label: str) -> list[str]:
    """What a label teaches: the meaning, its state, and that anything is asked."""
    if label.startswith("item:"):
        item, _, state = label.partition("=")
        return [item, *([f"state:{state}"] if state else []), *([label] if label in EXACT_STATES else [])]
    return [label, "ask:any"] if label.startswith("ask:") else [label]


def whole_targets(mail: dict[str, Any]) -> dict[str, bool]:
    """Labels of the mail as a whole."""
    found = {f"kind:{kind}": mail["kind"] == kind for kind in KINDS}
    for level in LEVELS:
        family, _, of = level.partition(":")
        found[level] = mail[family] == of
    found["urgent"] = mail["priority"] in ("P1", "P2")
    found["security"] = mail["kind"] == "security"
    return found


def learned_meanings(samples: list[Sample]) -> list[str]:
    """Labels that stand often enough to be learned."""
    labels = [label for sample in samples for unit in sample.mail["units"] for label in unit["l"]]
    counts = Counter(target for label in labels for target in targets(label))
    return sorted(label for label, count in counts.items() if count >= LEAST_UNITS)
