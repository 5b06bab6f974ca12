"""Computes the priority of a case from its statements, by `rules/priority.yaml`."""

from collections.abc import Mapping

from mailrules.engine.conditions import View
from mailrules.engine.mails import finding
from mailrules.engine.rulefile import Fired, RuleFile
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
        heard=tuple(finding("heard", "core", hit.statement, turn=hit.mail) for hit in view.find("heard", ("value",))),
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
    """Return the statements of the deciding rule and of the first-stage results that its condition uses.

    If several statements are in one sentence, a rule cites this sentence once.
    """
    used = [term.name for term in decided.rule.condition.terms() if term.is_fact and not term.negated]
    sources = [decided, *(stage[name] for name in used if name in stage)]
    found = [
        finding(source.rule.id, source.rule.file, hit.statement, turn=hit.mail)
        for source in sources
        for hit in source.hits
    ]
    return tuple({(one.rule, one.turn, one.quote): one for one in found}.values())
