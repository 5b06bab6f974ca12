"""Parses, checks and evaluates rule files. Each file answers one question.

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

from pydantic import Field, model_validator

from mailrules.catalogue.meanings import STATES, Catalogue
from mailrules.engine.conditions import TOLD, Group, Hit, View, group_of
from mailrules.fields import Bilingual, Model, Words

FACTS = frozenset("side to opens automatic language vendor files messages due_soon towards".split())
"""Facts that rules may use besides statements; docs/packs.md describes them."""


class WrittenRule(Model):
    """A rule as it is written in a file. `conditions.py` describes the terms of `all`, `any` and `unless`."""

    id: str
    gives: str | None = None
    each: Words = Field(default=[])
    why: Bilingual | None = None
    all: Any = None
    any: Any = None
    unless: Any = None

    @model_validator(mode="after")
    def _gives_one_thing(self) -> WrittenRule:
        if bool(self.each) == (self.gives is not None):
            raise ValueError("expected either `gives` or `each`, not both")
        return self


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `gives` is its result. With `each`, every statement of the meanings in `each` is a result."""

    id: str
    file: str
    condition: Group
    gives: str = ""
    each: tuple[str, ...] = ()
    why: Bilingual | None = None

    def fire(self, view: View) -> list[Fired]:
        """Return the results: none, one, or with `each` several."""
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
        """Return the result of the first true rule of `final`. `given`: results of the first stage."""
        seen = view.with_facts(given) if given else view
        return next((fired for rule in self.final for fired in rule.fire(seen)), None)


def rule_of(written: WrittenRule, file: str, catalogue: Catalogue, facts: Collection[str]) -> Rule:
    """Compile a rule. `facts`: the names of the facts that it can use. Raises ValueError."""
    condition = group_of({"all": written.all, "any": written.any, "unless": written.unless})
    for term in condition.terms():
        if fault := _unknown(term.name, term.states, catalogue, facts, term.is_fact):
            raise ValueError(f"{term.written!r}: {fault}")
    for meaning in written.each:
        if fault := _unknown(meaning, (), catalogue, facts, False):
            raise ValueError(f"{meaning!r}: {fault}")
    return Rule(written.id, file, condition, written.gives or "", tuple(written.each), written.why)


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
