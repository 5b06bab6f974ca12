"""The embedded reader: statements of one mail without a network.

Shapes and concepts are read from normal forms; linear classifiers, trained on the development files of the corpus,
weigh them. A meaning is stated where its probability passes the threshold that kept the promised precision on writers
who took no part in training; what lies between is `unsure` or left out.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache, cached_property

import numpy as np

from ..statement import UNSURE, MailText, Statement
from .clauses import clause_properties
from .concepts import ConceptHit, ConceptMatcher, shipped_vocabulary
from .features import Reading
from .mailview import MailView, best_unit, mail_inputs, side_of, view_mail
from .normal_forms import is_japanese
from .weights import Matrix, UnitClassifier, Weights, marks_of, shipped_weights

KINDS = ("incident", "howto", "request", "billing", "security", "rca", "notice")
_STATES = ("none", "unknown", "pending", "partial")
_MACHINES = ("bounce", "auto_reply", "calendar")  # what machines answer tells no weight
_ASKED, _PLAIN, _MATTER = "asked.", "plain.", "matter."
_MILD = frozenset({"question", "condition", "plan"})
_WEIGHING = ("scale.", "way.none", "time.deadline", "time.else_clause", "time.growing", "sec.", "stop.people")
_NAMED_ASK = 0.3  # a word names what is asked, unless the classifier thinks it unlikely that it is asked
_ATTACK = "sec."
_SURELY_SECURITY, _TELLS = 0.4, 0.4
_TELLING = tuple(
    f"item:{item}" for item in ("symptom", "error_message", "impact_scope", "business_impact", "workaround", "deadline")
)
_URGENT_WORD = "heard.urgent"
_EVERYTHING_STANDS = frozenset(("all_places_stand", "all_core_work", "nobody_can"))
_NO_OTHER_WAY = frozenset(("no_other_way", "no_makeshift", "people_idle", "people_idle_many"))
_CALMED = frozenset(("works_again", "no_effect", "fine_elsewhere"))
_STATE_SCORE = 0.0  # of a state's unit score
_SETTLES = {
    "act:confirm_resolved": ("settled.works", frozenset(("works_again", "ask.close"))),
    "act:reopen": ("settled.back", frozenset(("say.reopen",))),
}
"""Acts that settle or reopen a case. A wrong one costs more than silence: a sentence says it in unmistakable words, or
the classifier and one of these signals or concepts agree on it."""


class EmbeddedReader:
    """Reads one mail at a time; holds no state between mails."""

    name = "embedded"

    def __init__(self, matcher: ConceptMatcher | None = None, weights: Weights | None = None) -> None:
        self._matcher = matcher or shipped_matcher()
        self._weights = weights or shipped_weights()
        self.version = self._weights.version

    def read(self, mail: MailText) -> tuple[Statement, ...]:
        """Return the statements of one mail, in the order of their families."""
        return tuple(self.decide(mail).statements())

    def decide(self, mail: MailText) -> Decision:
        """Read one mail and weigh it; `sodan explain` shows what the decision rests on."""
        view = view_mail(mail, self._matcher)
        side = side_of(mail)
        classifier = self._weights.units[side]
        own = [marks_of(unit.own) for unit in view.features]
        scores = classifier.scores(
            [np.concatenate((mine, marks_of(unit.placed))) for mine, unit in zip(own, view.features, strict=True)]
        )
        whole = self._weights.whole[side]
        together = [np.concatenate(own)] if own else [marks_of(())]
        weights = dict(zip(whole.meanings, map(float, whole.scores(together)[0]), strict=True))
        values = mail_inputs(view, scores, classifier, weights)
        chances = self._weights.mail[side].probabilities(values)
        return Decision(view, scores, classifier, chances, self._weights.thresholds[side])


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
        self.view = view
        self.scores = scores
        self.classifier = classifier
        self.chances = chances
        self._thresholds = thresholds

    def statements(self) -> list[Statement]:
        found = [self._kind(), *self._weight()]
        for meaning, chance in self.chances.items():
            family = meaning.split(":")[0]
            if (
                family in ("item", "act", "ask", "tone", "parked")
                and meaning != "ask:any"
                and meaning not in _SETTLES
                and chance >= self.threshold(meaning)
            ):
                found.append(self._state(meaning, chance))
            elif family == "item" and chance >= self._thresholds.get(f"low {meaning}", 2.0):
                found.append(self._state(meaning, chance, UNSURE))
        if "ask:any" in self.chances:
            found += self._asks()
        found += self._settling()
        found += [self._quote(meaning, at, 1.0) for meaning, at in (self._plainly | self._matters()).items()]
        found += self._heard()
        for meaning in ("recovered", "ongoing"):
            if self.chances.get(meaning, 0) >= self.threshold(meaning):
                found.append(self._state(meaning, self.chances[meaning]))
        told = {self.view.readings[at].unit.start for at in self._plainly.values()}  # what is stated is not asked
        return [one for one in found if one is not None and not (one.meaning.startswith("ask.") and one.start in told)]

    def _heard(self) -> list[Statement]:
        """Words of urgency that do not count, wherever they stand: they are shown, so that nobody repeats them."""
        if self.view.mail.side == "vendor":
            return []
        said = [at for at, reading in enumerate(self.view.readings) if _URGENT_WORD in reading.concepts]
        if self.view.subject is not None and _URGENT_WORD in self.view.subject.concepts:
            said.append(-1)
        return [self._quote("heard", at, self.chances.get("heard", 0.5)) for at in said[:3]]

    def _settling(self) -> list[Statement]:
        """Word by one of us that it works again, or that it is back."""
        mail = self.view.mail
        if mail.side == "vendor" or mail.automatic is not None:
            return []
        plain = {meaning: self._units_with({concept}) for meaning, (concept, _) in _SETTLES.items()}
        found = {}
        for meaning, (_, signs) in _SETTLES.items():
            sure = self.chances.get(meaning, 0.0) >= self.threshold(meaning)
            units = (plain[meaning] if sure or not mail.opens else []) or (self._units_with(signs) if sure else [])
            if units:
                found[meaning] = max(units, key=lambda at: self._score(meaning, at))
        if len(found) == 2:  # both cannot be: what is said plainly, and that it is back before that it works
            kept = "act:reopen" if plain["act:reopen"] or not plain["act:confirm_resolved"] else "act:confirm_resolved"
            found = {kept: found[kept]}
        return [self._quote(meaning, at, max(self.chances.get(meaning, 0.0), 0.5)) for meaning, at in found.items()]

    def _units_with(self, signs: Collection[str]) -> list[int]:
        """Units that state one of the signals or concepts: no question, nothing supposed or planned."""
        found = []
        for at, reading in enumerate(self.view.readings):
            told = {*reading.signals, *reading.concepts}
            if not told.isdisjoint(signs) and not _mild(reading):
                found.append(at)
        return found

    @cached_property
    def _plainly(self) -> dict[str, int]:
        """Meanings that a sentence states outright (`concepts/unmistakable.yaml`), and the first unit that does."""
        begin = f"{_PLAIN}{side_of(self.view.mail)}."
        found: dict[str, int] = {}
        for at, reading in enumerate(self.view.readings):
            if not _mild(reading):
                for hit in reading.hits:
                    if hit.concept.startswith(begin) and not _negated_around(reading, hit):
                        found.setdefault(hit.concept[len(begin) :], at)
        return found

    def _matters(self) -> dict[str, int]:
        """What it is about (`concepts/subject_matter.yaml`): words of a single device, not beside "all" or "every"."""
        found: dict[str, int] = {}
        for at, reading in enumerate(self.view.readings):
            for concept in reading.concepts:
                if concept.startswith(_MATTER) and not (concept == "matter.device" and "scale.all" in reading.concepts):
                    found.setdefault(concept, at)
        return {} if self.view.mail.side == "vendor" else found

    def _score(self, meaning: str, at: int) -> float:
        column = self.classifier.column.get(meaning)
        return 0.0 if column is None else float(self.scores[at, column])

    def threshold(self, meaning: str) -> float:
        return self._thresholds.get(meaning, self._thresholds.get(meaning.split(":")[0], 2.0))

    def _kinds(self) -> list[str]:
        """Kinds, likeliest first. What is urgent is an incident or a security matter; security is nothing harmless."""
        urgent = self.chances.get("urgent", 0.0)
        ranked = sorted(KINDS, key=lambda kind: -self.chances.get(f"kind:{kind}", 0.0))
        if urgent >= self._thresholds["urgent"] and self.view.mail.side != "vendor":
            ranked = [kind for kind in ranked if kind in ("incident", "security")]
        harmless = (
            urgent < self._thresholds["perhaps urgent"]
            or self.chances.get("kind:security", 0.0) < _SURELY_SECURITY
            or self.view.mail.automatic in _MACHINES
            or not (self._tells_a_matter() or self._names(_ATTACK))
        )
        return [kind for kind in ranked if kind != "security"] if harmless else ranked

    def _kind(self) -> Statement | None:
        best = self._kinds()[0]
        return self._state(f"kind:{best}", self.chances.get(f"kind:{best}", 0.0))

    def _weight(self) -> list[Statement]:
        """Impact, urgency and security; unsure where the mail may or may not be P1 or P2."""
        if self.view.mail.automatic in _MACHINES:
            return []
        urgent = self.chances.get("urgent", 0.0)
        found: list[Statement] = []
        if self._kinds()[0] == "security":
            if urgent >= self._thresholds["perhaps urgent"]:
                found.append(self._state("security", urgent))
        elif self._stands_still():
            found += [self._state("impact:high", 1.0), self._state("urgency:high", 1.0)]
        elif urgent >= self._thresholds["urgent"] and self._shows_weight():
            impact = self._best("impact", ("high", "medium"))
            urgency = self._best("urgency", ("high", "medium")) if impact == "high" else "high"
            found += [self._state(f"impact:{impact}", urgent), self._state(f"urgency:{urgency}", urgent)]
        elif urgent >= self._thresholds["perhaps urgent"]:
            found += [self._state("impact:high", urgent, UNSURE), self._state("urgency:high", urgent, UNSURE)]
        else:
            found += self._ordinary()
        return found

    def _tells_a_matter(self) -> bool:
        """Whether a sentence tells what is wrong, for whom or by when, in a language that this reader reads."""
        mail = self.view.mail
        readable = mail.language in ("en", "ja") or is_japanese(mail.text)
        return readable and max(self.chances.get(meaning, 0.0) for meaning in _TELLING) >= _TELLS

    def _names(self, family: str | tuple[str, ...]) -> bool:
        """Whether a sentence or the subject has a concept of a family."""
        readings = [*self.view.readings, *((self.view.subject,) if self.view.subject is not None else ())]
        return any(concept.startswith(family) for reading in readings for concept in reading.concepts)

    def _stands_still(self) -> bool:
        """Whether the words say that everybody, or the core work, stands still and that there is no other way.

        This structure holds in any trade's words, so it counts whatever the classifiers say.
        """
        if self.view.mail.side == "vendor":
            return False
        signals = {signal for reading in self.view.readings for signal in reading.signals}
        return bool(signals & _EVERYTHING_STANDS and signals & _NO_OTHER_WAY) and not signals & _CALMED

    def _shows_weight(self) -> bool:
        """Whether the mail tells who or what is concerned, or that it cannot wait: bare words of a trouble do not."""
        if self.view.mail.side != "vendor" and not self._tells_a_matter():
            return False
        return self._names(_WEIGHING) or any(reading.counts for reading in self.view.readings)

    def _ordinary(self) -> list[Statement]:
        """Impact and urgency of a mail that is neither P1 nor P2: low, or medium; never both above."""
        found = []
        for family in ("impact", "urgency"):
            for level in ("low", "medium"):
                chance = self.chances.get(f"{family}:{level}", 0.0)
                if chance >= self.threshold(f"{family}:{level}"):
                    found.append(self._state(f"{family}:{level}", chance))
                    break
        return found

    def _best(self, family: str, levels: tuple[str, ...]) -> str:
        return max(levels, key=lambda level: self.chances.get(f"{family}:{level}", 0.0))

    def _asks(self) -> list[Statement]:
        """Every unit that asks for something; the best one alone where only the mail as a whole does."""
        column = self.classifier.column["ask:any"]
        chance = self.chances["ask:any"]
        if chance < self._thresholds["ask:any"]:
            return []
        units = range(len(self.view.readings))
        best = best_unit(self.scores, len(self.view.readings), [column])
        sure = [at for at in units if at == best or self.scores[at, column] >= self._thresholds["ask unit"]]
        return [
            statement
            for at in sure
            for statement in (self._quote("ask:something", at, chance), *self._topics(at, chance))
        ]

    def _topics(self, at: int, chance: float) -> list[Statement]:
        """What a sentence asks for, where an unmistakable word names it (`concepts/vendor_asks.yaml`)."""
        named = {hit.concept for hit in self.view.readings[at].hits if hit.concept.startswith(_ASKED)}
        topics = sorted(f"ask:{concept[len(_ASKED) :].replace('info.', 'info:')}" for concept in named)
        return [self._quote(topic, at, chance) for topic in topics if self.chances.get(topic, 1.0) >= _NAMED_ASK]

    def _state(self, meaning: str, chance: float, state: str | None = None) -> Statement:
        columns = [self.classifier.column[name] for name in (meaning,) if name in self.classifier.column]
        at = best_unit(self.scores, len(self.view.readings), columns)
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

    def _quote(self, meaning: str, at: int, chance: float, state: str = "value") -> Statement:
        name = meaning.replace(":", ".")
        if at < 0:
            subject = self.view.mail.subject.strip()[:200]
            return Statement(name, state, subject, -1, -1, round(chance, 3))
        unit = self.view.readings[at].unit
        return Statement(name, state, unit.text, unit.start, unit.end, round(chance, 3))


def _mild(reading: Reading) -> bool:
    """Whether a sentence asks, supposes or plans: it states nothing that moves a case."""
    return any(own & _MILD for own in reading.properties)


def _negated_around(reading: Reading, hit: ConceptHit) -> bool:
    """Whether the clause of a hit is negated outside of its own words."""
    start, end = next(span for span in reading.clauses if span[0] <= hit.start < span[1])
    rest = (*reading.forms[start : hit.start], *reading.forms[hit.end : end])
    return "negated" in clause_properties(rest)


@cache
def shipped_matcher() -> ConceptMatcher:
    """The matcher of the shipped concepts."""
    return ConceptMatcher(shipped_vocabulary())
