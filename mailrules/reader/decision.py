"""Converts the probabilities of one mail into statements with quotes."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cached_property
from math import exp

from ..statement import UNSURE, Statement
from .asked_parts import parts_of
from .concepts import MOVED_BACK, PLAIN, shipped_matcher
from .courtesy import only_courtesy
from .evidence import EFFECT, Evidence
from .form_lines import stated_by
from .mailview import is_readable, side_of
from .partly_solved import without_partial_recovery
from .reports import Report
from .units import Unit

KINDS = ("incident", "howto", "request", "billing", "security", "rca", "notice")
_MACHINES = ("bounce", "auto_reply", "calendar")  # automatic mail says nothing about impact or urgency
_WEIGHING = ("scale.", "way.none", "time.deadline", "time.else_clause", "time.growing", "sec.", "stop.people")
_NAMED_ASK = 0.3  # minimum probability of a request whose topic a word names
_NOTHING = "ask:nothing"  # topic of polite closings
_AGAIN = "ask:again"  # … of reminders
_SURELY_SECURITY, _TELLS = 0.4, 0.3
_SURELY_LOW = 2.0  # an impact is low if this is so many times as probable as a higher one
_TELLING = ("item:error_message", "item:workaround", "item:deadline", "item:symptom", *EFFECT)
_URGENT_WORD = "heard.urgent"
_EVERYTHING_STANDS = frozenset(("all_places_stand", "all_core_work", "nobody_can"))
_NO_OTHER_WAY = frozenset(("no_other_way", "no_makeshift", "people_idle", "people_idle_many"))
_CALMED = frozenset(("works_again", "no_effect", "fine_elsewhere"))
_ATTACKED = frozenset(("lost_device", "credentials_given", "files_renamed", "two_security"))
_AFTERWARDS = "after.recovery"
_LARGE = ("scale.all", "scale.nobody", "scale.site")
_OUTCOMES = ("act.confirm_resolved", "act.close", "act.thanks")
_TROUBLE = ("impact.high", "impact.medium", "core_system_stands", "site_stands", "work_stands", "group_stands")
_DENIABLE = ("item.workaround", "item.approval")  # items that a negated value may deny
_SETTLES = {
    "act:confirm_resolved": ("settled.works", frozenset(("works_again", "ask.close"))),
    "act:reopen": ("settled.back", frozenset(("say.reopen",))),
}
"""Act that resolves or reopens a case → the concept that states it unmistakably, and the signals that support it.
Without a signal, the classifier needs a higher threshold; in mail of the team, it always needs a signal."""
_RESOLVED = "act:confirm_resolved"
_LEAST_IF_PLAIN, _LEAST_NOBODY = 0.03, 0.3  # minimum probabilities that nobody has to act, if a reply solves a problem
_SURELY_NOBODY, _LEAST_RESOLVED = 0.8, 0.1  # minimum probabilities for a reply without such words


class Decision(Evidence):
    """The statements that follow from the probabilities of one mail."""

    @property
    def next_side(self) -> tuple[float, ...]:
        """Return, for each of `NEXT_SIDES`, the logarithm of the probability that this side has to act next.

        A report has its own values (`reports.py`).
        """
        return self.report.next_side if self.report else self.next_scores

    def statements(self) -> list[Statement]:
        """Return the statements of the mail. A report removes some of them and adds others (`reports.py`)."""
        report, told = self.report, without_partial_recovery(self._without_report, self.view)
        if report is None or (report.of_notice and not any(one.meaning == "kind.notice" for one in told)):
            return told
        unsure = ("security",) if report.way == "threat" else ()
        added = [self._quote(one, report.unit, 1.0, UNSURE if one in unsure else "value") for one in report.adds]
        return [*added, *(one for one in told if not one.meaning.startswith(report.drops))]

    @cached_property
    def report(self) -> Report | None:
        """Return the report of the mail; None if the report is to be ignored (`Report.hides`)."""
        told = {one.meaning for one in self._without_report}
        return None if self.reported and self.reported.hides(told, self.view.mail.side) else self.reported

    @cached_property
    def _without_report(self) -> list[Statement]:
        if self.view.mail.side != "vendor" and only_courtesy(self.view):
            agreed = self.view.mail.to == "vendor" and self._chance("act:agree") >= self.thresholds["act"]
            return [self._quote(one, 0, 1.0) for one in ("kind:notice", "act:thanks", *(["act:agree"] * agreed))]
        kind = f"kind:{self._kinds()[0]}"
        found = [self._state(kind, self._chance(kind)), *self._weight()]
        for meaning, chance in self.chances.items():
            family = meaning.split(":")[0]
            if (
                family in ("item", "act", "ask", "tone", "parked")
                and meaning != "ask:any"
                and meaning not in _SETTLES
                and chance >= self.threshold(meaning)
            ):
                found.append(self._told(meaning, chance))
            elif family == "item" and chance >= self.thresholds.get(f"low {meaning}", 2.0):
                found.append(self._state(meaning, chance, UNSURE))
        if "ask:any" in self.chances:
            found += self._asks()
        found += [*self._questions(), *self._settling()]
        ours = self.view.mail.side != "vendor"
        matters = _first_units([reading.matters for reading in self.view.readings if ours])
        found += [self._quote(meaning, at, 1.0) for meaning, at in (self._plainly | matters).items()]
        found += self._heard()
        labelled = self._form_lines()
        lines = {(one.meaning, one.start) for one in labelled}
        found = [*labelled, *(one for one in found if (one.meaning, one.start) not in lines)]
        found += self._solved_or_continues({one.meaning for one in found if one.state != UNSURE})
        told = {self.view.units[at].start for at in self._plainly.values()}  # unmistakable: these are not requests
        return [one for one in found if not (one.meaning.startswith("ask.") and one.start in told)]

    def _solved_or_continues(self, told: Set[str]) -> list[Statement]:
        """Return the statement that the problem is solved or continues, never both.

        A new or urgent problem counts as solved only if a sentence says so. If neither a word nor an act of the mail
        supports that it is solved, the statement is unsure. It is left out if the mail also describes an outage.

        `told`: the other meanings of the mail.
        """
        calm = self._chance("urgent") < self.thresholds["urgent"] and not self.view.mail.opens
        ways = ("recovered", "ongoing") if "works_again" in self._signals or calm else ("ongoing",)
        now = max(ways, key=lambda way: self._chance(way) - self.threshold(way))
        if self._chance(now) < self.threshold(now) or (now == "recovered" and self._denied(now)):
            return []
        supported = now == "ongoing" or "works_again" in self._signals or not told.isdisjoint(_OUTCOMES)
        if not supported and not (told | self._signals).isdisjoint(_TROUBLE):
            return []
        return [self._state(now, self.chances[now], None if supported else UNSURE)]

    def _heard(self) -> list[Statement]:
        """Return statements for urgent wording in up to three units. They are shown but do not change the priority."""
        if self.view.mail.side == "vendor":
            return []
        said = [at for at, reading in enumerate(self.view.readings) if _URGENT_WORD in reading.concepts]
        if self.view.subject is not None and _URGENT_WORD in self.view.subject.concepts:
            said.append(-1)
        return [self._quote("heard", at, self.chances.get("heard", 0.5)) for at in said[:3]]

    def _form_lines(self) -> list[Statement]:
        """Return the items that form lines of our side name by their labels."""
        found = [*self.view.stated]
        for at, unit in enumerate(self.view.units if self.view.mail.side != "vendor" else ()):
            item, state = stated_by(unit) or ("", "empty")
            if state != "empty":
                found.append(self._quote(item, at, 1.0, state or self._value_state(item, at)))
        return found

    def _value_state(self, item: str, at: int) -> str:
        """Return the state of an item in a form line. For example, a start without a time is partial."""
        if item in _DENIABLE and "negated" in self.view.readings[at].clauses.whole:
            return UNSURE
        if item == "item.occurred_at":
            return "value" if "time" in self.view.readings[at].shapes else "partial"
        return self._item_state(item.replace(".", ":", 1), at)

    def _settling(self) -> list[Statement]:
        """Return the statement that the problem is solved, or that it has returned; never both.

        Automatic mail and mail of vendors cannot state this.
        """
        mail = self.view.mail
        if mail.side == "vendor" or mail.automatic is not None:
            return []
        plain = {
            meaning: [at for at, reading in enumerate(self.view.readings) if concept in reading.plain]
            for meaning, (concept, _) in _SETTLES.items()
        }
        found = {}
        for meaning, (_, signs) in _SETTLES.items():
            chance, best = self._chance(meaning), self._best_unit(meaning)
            likely = chance >= self.thresholds["act"] and chance == max(map(self._chance, _SETTLES))
            units = (plain[meaning] if likely or not mail.opens else []) or (self._units_with(signs) if likely else [])
            sure = chance >= self.threshold(meaning) and mail.side != "team"
            if sure and not units and best >= 0 and not (self.view.readings[best].mild or self._denied(meaning)):
                units = [best]
            if meaning == _RESOLVED and not mail.opens and self.next_scores:
                units = self._where_nobody_acts(units, plain=bool(plain[meaning]))
            if units:
                found[meaning] = max(units, key=lambda at: self._score(meaning, at))
        if len(found) == 2:  # both cannot be true: unmistakable wording takes precedence
            kept = max(found, key=lambda meaning: (bool(plain[meaning]), self._chance(meaning)))
            found = {kept: found[kept]}
        return [self._quote(meaning, at, max(self._chance(meaning), 0.5)) for meaning, at in found.items()]

    def _where_nobody_acts(self, units: list[int], *, plain: bool) -> list[int]:
        """Return the units that say that the problem is solved, if probably nobody has to act.

        Without such units, return the best unit if almost certainly nobody has to act.
        """
        nobody, best = exp(self.next_scores[-1]), self._best_unit(_RESOLVED)
        if units or best < 0 or self.view.readings[best].mild or self._denied(_RESOLVED):
            return units if nobody >= (_LEAST_IF_PLAIN if plain else _LEAST_NOBODY) else []
        return [best] if nobody >= _SURELY_NOBODY and self._chance(_RESOLVED) >= _LEAST_RESOLVED else []

    def _denied(self, meaning: str) -> bool:
        """Whether the best sentence for a recovery does not report one, for example by denying it."""
        at = self._best_unit(meaning)
        if at < 0:
            return False
        reading = self.view.readings[at]
        works = "works_again" in reading.signals or "settled.works" in reading.plain
        other = "negated" in reading.clauses.whole or MOVED_BACK in reading.concepts
        return _AFTERWARDS in reading.concepts or (other and not works)

    @cached_property
    def _plainly(self) -> dict[str, int]:
        """Meaning → first unit that states this meaning unmistakably."""
        begin = f"{PLAIN}{side_of(self.view.mail)}."
        first = _first_units([reading.plain for reading in self.view.readings])
        return {concept[len(begin) :]: at for concept, at in first.items() if concept.startswith(begin)}

    def _kinds(self) -> list[str]:
        """Return the kinds, most probable first.

        An urgent mail can only be an incident or a security matter, except a vendor's mail, and a mail of somebody who
        only locked themselves out. Security is excluded for such a mail, for automatic mail (`_MACHINES`), if the
        mail is not urgent enough, if the probability of security is low, or if no sentence tells a problem or attack.
        """
        urgent = self._chance("urgent")
        ranked = sorted(KINDS, key=lambda kind: -self._chance(f"kind:{kind}"))
        if urgent >= self.thresholds["urgent"] and self.view.mail.side != "vendor" and not self._locked_out:
            ranked = [kind for kind in ranked if kind in ("incident", "security")]
        least = "perhaps urgent" if self._signals & _ATTACKED else "urgent"
        harmless = (
            urgent < self.thresholds[least]
            or self._chance("kind:security") < _SURELY_SECURITY
            or self.view.mail.automatic in _MACHINES
            or not (self._tells_a_matter() or self._names("sec."))
            or self._locked_out
        )
        return [kind for kind in ranked if kind != "security"] if harmless else ranked

    def _weight(self) -> list[Statement]:
        """Return impact, urgency or security. The state is unsure if it is uncertain whether the mail is P1 or P2."""
        if self.view.mail.automatic in _MACHINES:
            return []
        urgent = self._chance("urgent")
        perhaps = urgent >= self.thresholds["perhaps urgent"]
        if self._locked_out:
            return self._ordinary()
        if self._kinds()[0] == "security":
            return [self._state("security", urgent)] if perhaps else []
        if self._stands_still():
            return [self._state("impact:high", 1.0), self._state("urgency:high", 1.0)]
        if self._only_one:
            return self._alone(urgent >= self.thresholds["urgent"])
        if urgent >= self.thresholds["urgent"] and self._shows_weight():
            impact = self._best("impact", ("high", "medium"))
            urgency = self._best("urgency", ("high", "medium")) if impact == "high" else "high"
            return [self._state(f"impact:{impact}", urgent), self._state(f"urgency:{urgency}", urgent)]
        if perhaps:
            return [self._state("impact:high", urgent, UNSURE), self._state("urgency:high", urgent, UNSURE)]
        return self._ordinary()

    @cached_property
    def _only_one(self) -> bool:
        """Whether the mail says that only one person or device is affected, with low impact."""
        larger = max(self._chance("impact:high"), self._chance("impact:medium"))
        low = self._chance("urgent") < 0.5 and self._chance("impact:low") > _SURELY_LOW * larger
        return low and "scale.one" in self._concepts

    def _alone(self, urgent: bool) -> list[Statement]:
        """Return impact and urgency of a mail about one person, who may be unable to work. Priority: P3 at most."""
        high = [self._state(one, self._chance(one)) for one in ("impact:low", "urgency:high")]
        return high if urgent and self._shows_weight() else self._ordinary()

    @cached_property
    def _locked_out(self) -> bool:
        """Whether the mail is about a forgotten or expired password or a locked account (`own.lockout`).

        False if anything points to an attack or to many people.
        """
        attack = any(one.startswith("sec.") and one not in ("sec.asset", "sec.harmless") for one in self._concepts)
        return "own.lockout" in self._concepts and not attack and not self._names(_LARGE)

    def _tells_a_matter(self) -> bool:
        """Whether a sentence describes a problem, its scope or a deadline, in Japanese or English."""
        return is_readable(self.view.mail) and max(self._chance(meaning) for meaning in _TELLING) >= _TELLS

    def _stands_still(self) -> bool:
        """Whether the mail says that all or the core work is stopped, without a workaround.

        This combination is reliable in every line of business, so it overrides the classifiers.
        """
        signals = self._signals
        stands = signals & _EVERYTHING_STANDS and signals & _NO_OTHER_WAY and not signals & _CALMED
        return bool(stands) and self.view.mail.side != "vendor"

    def _shows_weight(self) -> bool:
        """Whether the mail says who or what is affected, or that the matter cannot wait. A fault is not enough."""
        if self.view.mail.side != "vendor" and not self._tells_a_matter():
            return False
        return self._names(_WEIGHING) or any(reading.counts for reading in self.view.readings)

    def _ordinary(self) -> list[Statement]:
        """Return the impact and urgency of a mail that is neither P1 nor P2.

        A reply or an incident gets no statement about them if no sentence shows them.
        """
        found, incident = [], self._kinds()[0] == "incident"
        for family in ("impact", "urgency"):
            levels = (f"{family}:low", f"{family}:medium")
            level = next((one for one in levels if self._chance(one) >= self.threshold(one)), None)
            if level is not None and ((self.view.mail.opens and not incident) or self._shows(level)):
                found.append(self._state(level, self.chances[level]))
        return found

    def _best(self, family: str, levels: tuple[str, ...]) -> str:
        return max(levels, key=lambda level: self._chance(f"{family}:{level}"))

    def _asks(self) -> list[Statement]:
        """Return the probable requests and their topics (`concepts/vendor_asks.yaml`).

        A polite closing, and the sentence that introduces a list of requests, are requests only if they name a topic.
        """
        column, chance = self.classifier.column["ask:any"], self.chances["ask:any"]
        if chance < self.thresholds["ask:any"]:
            return []
        readings, best, enough = self.view.readings, self._best_units[column], self.thresholds["ask unit"]
        sure = [at for at in range(len(readings)) if at == best or self.scores[at, column] >= enough]
        listed = {at for at in sure if readings[at].shape == "list"}
        found: list[Statement] = []
        for at in sure:
            topics = [one for one in readings[at].topics if one not in (_NOTHING, _AGAIN)]
            named = [one for one in topics if self.chances.get(one, 1.0) >= _NAMED_ASK]
            introduces = at not in listed and at + 1 in listed
            if named or not (introduces or _NOTHING in readings[at].topics):
                reminds = ["desk:reminder"] * (_AGAIN in readings[at].topics)
                found += [self._quote(one, at, chance) for one in ("ask:something", *named, *reminds)]
                found += self._rest(self.view.units[at], chance) if named else []
        return found

    def _rest(self, unit: Unit, chance: float) -> list[Statement]:
        """If a part of a sentence has a topic, return a request for each part that has none."""
        parts = parts_of(unit, self.matcher or shipped_matcher())
        return [
            Statement("ask.something", "value", part.text, part.start, part.end, round(chance, 3))
            for part, topics in parts
            if not topics
        ]


def _first_units(found: Sequence[Sequence[str]]) -> dict[str, int]:
    """Return concept → index of the first unit with it. `found`: the concepts of each unit."""
    first: dict[str, int] = {}
    for at, concepts in enumerate(found):
        for concept in concepts:
            first.setdefault(concept, at)
    return first
