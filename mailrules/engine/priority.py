"""Computes the priority of a case from its valid statements; the rules are in `rules/priority.yaml`."""

from collections.abc import Mapping
from typing import Any

from mailrules.engine.conditions import Hit, View
from mailrules.engine.mails import finding
from mailrules.engine.rulefile import Fired, Rule, RuleFile
from mailrules.judgement import Finding, PriorityDetail


def prioritise(view: View, kind: str, rules: RuleFile, triage: RuleFile) -> PriorityDetail:
    """Return the priority with its evidence. `view`: the valid statements and the facts of the case."""
    stage = first_stage_results(rules, view)
    facts = {name: fired.gives.partition(" is ")[2] for name, fired in stage.items()}
    decided = rules.decide(view, {**facts, "kind": kind})
    if decided is None:
        raise ValueError("rules/priority.yaml decides nothing: its last rule must hold always")
    return PriorityDetail(
        level=decided.gives,
        impact=facts.get("impact", "unknown"),
        urgency=facts.get("urgency", "unknown"),
        evidence=_evidence(decided, stage),
        heard=tuple(finding("heard", "core", hit) for hit in view.find("heard", ("value",))),
        rule=decided.rule.id,
        needs_triage=triage.decide(view, {"over": "yes" if over(view, triage) else "", "kind": kind}) is not None,
    )


def over(view: View, triage: RuleFile) -> bool:
    """Whether the problem is over."""
    return "over" in first_stage_results(triage, view)


def first_stage_results(rules: RuleFile, view: View) -> dict[str, Fired]:
    """Return name → result of the first stage. If several rules give a result for a name, the first is used."""
    stage: dict[str, Fired] = {}
    for fired in rules.fire(view):
        stage.setdefault(fired.gives.partition(" is ")[0], fired)
    return stage


def _evidence(decided: Fired, stage: Mapping[str, Fired]) -> tuple[Finding, ...]:
    """Return the statements of the deciding rule and of the first-stage results that its condition uses."""
    found: list[Finding] = [_as_finding(decided.rule, hit) for hit in decided.hits]
    for name in _named(decided.rule):
        if name in stage:
            found += [_as_finding(stage[name].rule, hit) for hit in stage[name].hits]
    return tuple(dict.fromkeys(found))


def _named(rule: Rule) -> list[str]:
    return list(dict.fromkeys(term.name for term in rule.condition.terms() if term.is_fact and not term.negated))


def _as_finding(rule: Rule, hit: Hit) -> Finding:
    return finding(rule.id, rule.file, hit)


def facts_of_case(**known: Any) -> dict[str, Any]:
    """Return the facts of a case by name. A fact without a value is empty."""
    return {"automatic": "", "to": "", "vendor": "", "due_soon": False, **known}
