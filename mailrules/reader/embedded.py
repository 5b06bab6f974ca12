"""The embedded reader: statements of one mail without a network.

Shapes and concepts are read from normal forms; linear classifiers, trained on the development files of the corpus,
weigh them. A meaning is stated where its probability passes the threshold that kept the promised precision on writers
who took no part in training; what lies between is `unsure` or left out.
"""

from __future__ import annotations

from functools import cache

from ..statement import UNSURE, MailText, Statement
from .concepts import ConceptMatcher, shipped_vocabulary
from .mailview import MailView, best_unit, mail_inputs, side_of, view_mail
from .weights import Matrix, UnitClassifier, Weights, shipped_weights

KINDS = ("incident", "howto", "request", "billing", "security", "rca", "notice")
_STATES = ("none", "unknown", "pending", "partial")
_STATE_SCORE = 0.35  # of a state's unit score


class EmbeddedReader:
    """Reads one mail at a time; holds no state between mails."""

    name = "embedded"

    def __init__(self, matcher: ConceptMatcher | None = None, weights: Weights | None = None) -> None:
        self._matcher = matcher or shipped_matcher()
        self._weights = weights or shipped_weights()
        self.version = self._weights.version

    def read(self, mail: MailText) -> tuple[Statement, ...]:
        """Return the statements of one mail, in the order of their families."""
        view = view_mail(mail, self._matcher)
        side = side_of(mail)
        classifier = self._weights.units[side]
        scores = classifier.scores(view.features)
        values = mail_inputs(view, scores, classifier)
        chances = {meaning: model.probability(values) for meaning, model in self._weights.mail[side].items()}
        return tuple(Decision(view, scores, classifier, chances, self._weights.thresholds[side]).statements())


class Decision:
    """Turns the probabilities of one mail into statements with quotes."""

    def __init__(
        self,
        view: MailView,
        scores: Matrix,
        classifier: UnitClassifier,
        chances: dict[str, float],
        thresholds: dict[str, float],
    ) -> None:
        self._view = view
        self._scores = scores
        self._classifier = classifier
        self._chances = chances
        self._thresholds = thresholds

    def statements(self) -> list[Statement]:
        found = [self._kind(), *self._weight()]
        for meaning, chance in self._chances.items():
            family = meaning.split(":")[0]
            if (
                family in ("item", "act", "ask", "tone", "parked")
                and meaning != "ask:any"
                and chance >= self._threshold(meaning)
            ):
                found.append(self._state(meaning, chance))
        if "ask:any" in self._chances:
            found += self._asks()
        for meaning in ("recovered", "ongoing", "heard"):
            if self._chances.get(meaning, 0) >= self._threshold(meaning):
                found.append(self._state(meaning, self._chances[meaning]))
        return [statement for statement in found if statement is not None]

    def _threshold(self, meaning: str) -> float:
        return self._thresholds.get(meaning, self._thresholds.get(meaning.split(":")[0], 2.0))

    def _kind(self) -> Statement | None:
        chances = {kind: self._chances.get(f"kind:{kind}", 0.0) for kind in KINDS}
        best = max(chances, key=lambda kind: chances[kind])
        return self._state(f"kind:{best}", chances[best])

    def _weight(self) -> list[Statement]:
        """Impact, urgency and security; unsure where the mail may or may not be P1 or P2."""
        urgent = self._chances.get("urgent", 0.0)
        found: list[Statement] = []
        secure = self._chances.get("security", 0.0)
        if secure >= self._threshold("security"):
            found.append(self._state("security", secure))
        if urgent >= self._thresholds["urgent"]:
            impact = self._best("impact", ("high", "medium"))
            urgency = self._best("urgency", ("high", "medium")) if impact == "high" else "high"
            if not found or self._chances.get("kind:security", 0) < 0.5:
                found += [self._state(f"impact:{impact}", urgent), self._state(f"urgency:{urgency}", urgent)]
        elif urgent >= self._thresholds["perhaps urgent"]:
            found += [self._state("impact:high", urgent, UNSURE), self._state("urgency:high", urgent, UNSURE)]
        else:
            found += self._ordinary()
        return found

    def _ordinary(self) -> list[Statement]:
        """Impact and urgency of a mail that is neither P1 nor P2: low, or medium; never both above."""
        found = []
        for family in ("impact", "urgency"):
            for level in ("low", "medium"):
                chance = self._chances.get(f"{family}:{level}", 0.0)
                if chance >= self._threshold(f"{family}:{level}"):
                    found.append(self._state(f"{family}:{level}", chance))
                    break
        return found

    def _best(self, family: str, levels: tuple[str, ...]) -> str:
        return max(levels, key=lambda level: self._chances.get(f"{family}:{level}", 0.0))

    def _asks(self) -> list[Statement]:
        """Every unit that asks for something; the best one alone where only the mail as a whole does."""
        column = self._classifier.column["ask:any"]
        chance = self._chances["ask:any"]
        if chance < self._thresholds["ask:any"]:
            return []
        units = range(len(self._view.readings))
        best = best_unit(self._scores, len(self._view.readings), [column])
        sure = [at for at in units if at == best or self._scores[at, column] >= self._thresholds["ask unit"]]
        return [self._quote("ask:something", at, chance) for at in sure]

    def _state(self, meaning: str, chance: float, state: str | None = None) -> Statement:
        columns = [self._classifier.column[name] for name in (meaning,) if name in self._classifier.column]
        at = best_unit(self._scores, len(self._view.readings), columns)
        return self._quote(meaning, at, chance, state or self._item_state(meaning, at))

    def _item_state(self, meaning: str, at: int) -> str:
        if not meaning.startswith("item:") or at < 0:
            return "value"
        column = self._classifier.column
        exact = column.get(f"{meaning}=none")
        if exact is not None and self._scores[at, exact] >= _STATE_SCORE:
            return "none"
        scored = {
            state: float(self._scores[at, column[f"state:{state}"]]) for state in _STATES if f"state:{state}" in column
        }
        if meaning != "item:occurred_at":
            scored.pop("partial", None)
        state = max(scored, key=lambda name: scored[name], default="value")
        return state if scored.get(state, 0) >= _STATE_SCORE else "value"

    def _quote(self, meaning: str, at: int, chance: float, state: str = "value") -> Statement:
        name = meaning.replace(":", ".")
        if at < 0:
            subject = self._view.mail.subject.strip()[:200]
            return Statement(name, state, subject, -1, -1, round(chance, 3))
        unit = self._view.readings[at].unit
        return Statement(name, state, unit.text, unit.start, unit.end, round(chance, 3))


@cache
def shipped_matcher() -> ConceptMatcher:
    """The matcher of the shipped concepts."""
    return ConceptMatcher(shipped_vocabulary())
