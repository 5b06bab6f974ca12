"""The results of the classifiers for one mail, and the sentences that support them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property

from ..statement import UNSURE, Statement
from .concepts import ConceptMatcher
from .mailview import MailView, Matrix
from .reports import Report
from .weights import UnitClassifier

EFFECT = ("item:impact_scope", "item:business_impact")
_STATES = ("none", "unknown", "pending", "partial")
_MATTER = ("item:symptom", "item:change_target", *EFFECT)
_WEIGHTS = ("impact:", "urgency:")
_SHOWN = -0.7  # below this score, a sentence does not show the impact or urgency
_STATE_SCORE = 0.0  # minimum score of a state in a unit


@dataclass
class Evidence:
    """The scores and probabilities of one mail, and the mail itself."""

    view: MailView
    scores: Matrix
    classifier: UnitClassifier
    chances: dict[str, float]
    thresholds: dict[str, float]
    continues: float  # `continues`, `departs` and `next_scores`: see `ReaderResult`
    departs: float
    next_scores: tuple[float, ...] = ()
    matcher: ConceptMatcher | None = None  # reads parts of a unit; None: the shipped matcher
    reported: Report | None = None
    vendor_author: float = 0.0  # see `ReaderResult`

    def _units_with(self, signs: Set[str]) -> list[int]:
        """Return the units with one of these signals or concepts. Questions, conditions and plans are left out."""
        return [
            at
            for at, one in enumerate(self.view.readings)
            if not one.mild and not (one.concepts.isdisjoint(signs) and signs.isdisjoint(one.signals))
        ]

    @cached_property
    def _best_units(self) -> list[int]:
        """Column → index of the unit with the highest score; -1 if there is no unit."""
        units = self.scores[: len(self.view.readings)]
        return units.argmax(0).tolist() if len(units) else [-1] * units.shape[1]

    @cached_property
    def _concepts(self) -> frozenset[str]:
        """All concepts of the units and the subject."""
        return frozenset().union(*(reading.concepts for reading in self.view.with_subject))

    @cached_property
    def _signals(self) -> frozenset[str]:
        """All signals of the units."""
        return frozenset(signal for reading in self.view.readings for signal in reading.signals)

    @cached_property
    def _telling_unit(self) -> int:
        """The unit that best describes the matter. It is quoted if no sentence shows the impact or urgency."""
        columns = [self.classifier.column[meaning] for meaning in _MATTER if meaning in self.classifier.column]
        scores = self.scores[: len(self.view.readings), columns]
        return int(scores.max(1).argmax()) if scores.size else -1

    def _best_unit(self, meaning: str) -> int:
        """Return the unit that shows a meaning best; -1 if units do not show it."""
        column = self.classifier.column.get(meaning)
        return -1 if column is None else self._best_units[column]

    def _shows(self, meaning: str) -> bool:
        """Whether a sentence shows the impact or urgency."""
        return (at := self._best_unit(meaning)) >= 0 and self._score(meaning, at) >= _SHOWN

    def _chance(self, meaning: str) -> float:
        return self.chances.get(meaning, 0.0)

    def _score(self, meaning: str, at: int) -> float:
        column = self.classifier.column.get(meaning)
        return 0.0 if column is None else float(self.scores[at, column])

    def threshold(self, meaning: str) -> float:
        return self.thresholds.get(meaning, self.thresholds.get(meaning.split(":")[0], 2.0))

    def _names(self, family: str | tuple[str, ...]) -> bool:
        """Whether a sentence or the subject contains a concept whose id begins with ``family``."""
        return any(concept.startswith(family) for concept in self._concepts)

    def _state(self, meaning: str, chance: float, state: str | None = None) -> Statement:
        at = self._best_unit(meaning)
        if at >= 0 and meaning.startswith(_WEIGHTS) and not self._shows(meaning):
            at = self._telling_unit
        return self._quote(meaning, at, chance, state or self._item_state(meaning, at))

    def _item_state(self, meaning: str, at: int) -> str:
        if not meaning.startswith("item:") or at < 0:
            return "value"
        column = self.classifier.column
        exact = column.get(f"{meaning}=none")
        if exact is not None and self.scores[at, exact] >= _STATE_SCORE:
            return "none"
        scored = {
            state: float(self.scores[at, column[f"state:{state}"]]) for state in _STATES if f"state:{state}" in column
        }
        if meaning != "item:occurred_at":
            scored.pop("partial", None)
        state = max(scored, key=lambda name: scored[name], default="value")
        return state if scored.get(state, 0) >= _STATE_SCORE else "value"

    def _told(self, meaning: str, chance: float) -> Statement:
        """Return the statement of an item, act or topic.

        In an urgent mail, a workaround that no sentence shows clearly is partial: people may do other work meanwhile.
        A recent change is unsure if its sentence is more probably an attempt to solve the problem ("we restarted it").
        """
        found, at = self._state(meaning, chance), self._best_unit(meaning)
        urgent = self._chance("urgent") >= self.thresholds["urgent"] and self._score(meaning, at) < 0
        if meaning == "item:workaround" and found.state == "value" and urgent:
            return self._state(meaning, chance, "partial")
        tried = meaning == "item:recent_changes" and self._score("item:tried", at) > self._score(meaning, at)
        return self._state(meaning, chance, UNSURE) if tried else found

    def _questions(self) -> list[Statement]:
        """Return the other questions of a team's mail to a vendor, besides the most probable one.

        If none is probable enough, return the polite requests.
        """
        mail, question = self.view.mail, "item:question"
        if (mail.side, mail.to) != ("team", "vendor"):
            return []
        asks, best = self._chance(question) >= self.threshold(question), self._best_unit(question)
        asking = [at for at in range(len(self.view.readings)) if self._score(question, at) >= 0]
        if asks:
            return [self._quote(question, at, 0.5) for at in asking if at != best]
        return [self._quote(question, at, 0.5) for at in asking if "ask.please" in self.view.readings[at].concepts]

    def _quote(self, meaning: str, at: int, chance: float, state: str = "value") -> Statement:
        name = meaning.replace(":", ".")
        if at < 0:
            subject = self.view.mail.subject.strip()[:200]
            return Statement(name, state, subject, -1, -1, round(chance, 3))
        unit = self.view.units[at]
        return Statement(name, state, unit.text, unit.start, unit.end, round(chance, 3))
