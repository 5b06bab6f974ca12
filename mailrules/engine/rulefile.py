"""Rule files, one per question: parsing, checks against the catalogue and the facts, evaluation.

question: priority
rules:                       # input: statements and facts
  - id: priority.impact_high
    gives: impact is high
    any: [impact.high]
final:                       # input: also the results of the rules above; the first true rule decides
  - id: priority.p1
    gives: P1
    all: [impact is high, urgency is high]
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailrules.catalogue.meanings import STATES, Catalogue, Text
from mailrules.engine.conditions import TOLD, ConditionError, Group, Hit, View, group_of

FACTS = frozenset("side to opens automatic language vendor files messages due_soon towards".split())
"""Facts that rules may use besides statements; docs/packs.md describes them."""
_TABLES = {"required", "answers"}  # additional tables of some questions (checklist, asks)
_KEYS = {"id", "gives", "each", "why", "needs", "all", "any", "unless"}


class RuleError(ValueError):
    """A rule file that cannot be used; the text is one line with file, rule and reason."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `gives` is the result. With `each` instead, each statement of these meanings is a result."""

    id: str
    file: str
    condition: Group
    gives: str = ""
    each: tuple[str, ...] = ()
    why: Text | None = None
    needs: frozenset[str] = frozenset()  # `condition.needs()`: most rules need a statement that most mails do not have

    def fire(self, view: View) -> list[Fired]:
        """Return the results: none, one, or with `each` several."""
        if self.needs and not view.has(self.needs):
            return []
        holds, hits = self.condition.holds(view)
        if not holds:
            return []
        if not self.each:
            return [Fired(self, self.gives, tuple(hits))]
        found = [hit for name in self.each for hit in view.find(name, TOLD)]
        return [Fired(self, hit.statement.meaning.partition(".")[2], (hit,)) for hit in dict.fromkeys(found)]


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that fired, its result, and the statements it is based on."""

    rule: Rule
    gives: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The rules of one question."""

    question: str
    rules: tuple[Rule, ...]
    final: tuple[Rule, ...] = ()

    def fire(self, view: View) -> list[Fired]:
        """Return the results of `rules` in order; `final` is not evaluated."""
        return [fired for rule in self.rules for fired in rule.fire(view)]

    def decide(self, view: View, given: Mapping[str, Any] | None = None) -> Fired | None:
        """Return the result of the first true rule of `final`; `given` are the facts from the first stage."""
        seen = view.with_facts(given) if given else view
        return next((fired for rule in self.final for fired in rule.fire(seen)), None)


def rule_file(written: Any, file: str, catalogue: Catalogue, made: Collection[str] = ()) -> RuleFile:
    """Build rules from plain values. `made`: facts that only `final` may use. Raises RuleError."""
    if not isinstance(written, dict) or not isinstance(written.get("question"), str):
        raise RuleError(f"{file}: expected `question:` and `rules:`")
    if unknown := set(written) - {"question", "rules", "final", *_TABLES}:
        raise RuleError(f"{file}: unknown field: {', '.join(sorted(map(str, unknown)))}")
    rules = tuple(_rule(entry, file, catalogue, FACTS) for entry in written.get("rules") or ())
    given = {rule.gives.partition(" is ")[0] for rule in rules if " is " in rule.gives}
    facts = FACTS | given | set(made)
    final = tuple(_rule(entry, file, catalogue, facts) for entry in written.get("final") or ())
    taken: set[str] = set()
    for rule in (*rules, *final):
        if rule.id in taken:
            raise RuleError(f"{file}: {rule.id}: this id is used twice")
        taken.add(rule.id)
    return RuleFile(written["question"], rules, final)


def _rule(entry: Any, file: str, catalogue: Catalogue, facts: Collection[str]) -> Rule:
    name = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(name, str):
        raise RuleError(f"{file}: a rule needs an id, not {entry!r:.80}")
    if unknown := set(entry) - _KEYS:
        raise RuleError(f"{file}: {name}: unknown field: {', '.join(sorted(map(str, unknown)))}")
    try:
        condition = group_of(entry)
    except ConditionError as error:
        raise RuleError(f"{file}: {name}: {error}") from None
    each = entry.get("each") or ()
    each = (each,) if isinstance(each, str) else tuple(each)
    if bool(each) == ("gives" in entry):
        raise RuleError(f"{file}: {name}: expected either `gives` or `each`, not both")
    for term in condition.terms():
        fault = _unknown(term.name, term.states, catalogue, facts, term.is_fact)
        if fault:
            raise RuleError(f"{file}: {name}: {term.written!r}: {fault}")
    for meaning in each:
        if fault := _unknown(meaning, (), catalogue, facts, False):
            raise RuleError(f"{file}: {name}: {meaning!r}: {fault}")
    why = entry.get("why")
    if why is not None and set(why) != {"ja", "en"}:
        raise RuleError(f"{file}: {name}: `why` needs a text in ja and one in en")
    text = Text(**why) if why else None
    return Rule(name, file, condition, str(entry.get("gives", "")), each, text, condition.needs())


def _unknown(
    name: str, states: Sequence[str], catalogue: Catalogue, facts: Collection[str], is_fact: bool
) -> str | None:
    if is_fact:
        return None if name in facts else f"unknown fact; the facts are {', '.join(sorted(facts))}"
    begin = name.rstrip("*")
    if not any(
        meaning == name or meaning.startswith(begin if name != begin else f"{name}.") for meaning in catalogue.ids
    ):
        return "unknown meaning; docs/meanings.md lists the meanings"
    wrong = [state for state in states if state not in STATES]
    return f"unknown state {wrong[0]!r}" if wrong else None
