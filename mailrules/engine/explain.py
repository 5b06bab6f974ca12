"""Explains a judgement: quotes, rules that fired, and conditions that are not met."""

from collections.abc import Iterable, Iterator

from mailrules.catalogue.meanings import STATES
from mailrules.engine import case_facts, mails
from mailrules.engine.conditions import Hit, View
from mailrules.engine.judge import Rules
from mailrules.engine.priority import first_stage_results
from mailrules.engine.rulefile import Rule, RuleFile
from mailrules.judgement import Reading
from mailrules.reader import EmbeddedReader
from mailrules.reader.trace import trace_lines
from mailrules.thread import RuleInput

_STAGES = ("kind", "acts", "asks", "tone", "parked", "problem", "priority", "triage", "checklist")


def explain(rules: Rules, turn: RuleInput, asked: str | None = None) -> Iterator[str]:
    """Yield the explanation of one mail, or only of the rule or meaning `asked`.

    A rule is shown with its unmet conditions, a meaning with its statements and the trace of the reader.
    """
    reading = rules.read(turn)
    view = mails.view_of(turn, reading)
    if asked is None:
        yield from _trace(rules, turn, None)
        yield from _statements(view.hits)
        for one in reading.references:
            yield f"  case number {one.ref} of the vendor {one.vendor}: “{one.quote}”"
    elif rules.catalogue.get(asked) is not None:
        found = view.find(asked, tuple(STATES))
        yield from _statements(found)
        if not found:
            yield f"  {asked} was not found in this mail"
        yield from _trace(rules, turn, asked)
    for question in _STAGES:
        for stage, seen in _stages(rules, rules.files[question], turn, reading, view):
            for rule in stage:
                named = {rule.id, *rule.each, *(term.name for term in rule.condition.terms())}
                if asked is None or asked in named:
                    yield from _rule(rule, seen, at_length=asked is not None)


def knows(rules: Rules, name: str) -> bool:
    """Whether a rule or a meaning has this id."""
    return rules.catalogue.get(name) is not None or any(
        rule.id == name for file in rules.files.values() for rule in (*file.rules, *file.final)
    )


def _stages(
    rules: Rules, file: RuleFile, turn: RuleInput, reading: Reading, view: View
) -> Iterator[tuple[tuple[Rule, ...], View]]:
    """Yield the rules of a file and their input. Rules about cases get a case that contains only this mail."""
    results: dict[str, str] = {}
    if file.question in ("priority", "triage", "checklist"):
        alone = mails.valid_statements([rules.conclude(turn, reading)])
        towards = "vendor" if case_facts.inquires((turn,)) else "team"
        view = View(alone, {"side": turn.side, "opens": mails.opens(turn), "messages": 1, "towards": towards})
        results = {name: fired.gives.partition(" is ")[2] for name, fired in first_stage_results(file, view).items()}
        results["kind"] = reading.kind or "incident"
    yield file.rules, view
    yield file.final, view.with_facts(results)


def _rule(rule: Rule, view: View, *, at_length: bool) -> Iterator[str]:
    fired = rule.fire(view)
    if fired:
        why = f" ({rule.why.en})" if rule.why else ""
        yield f"  {rule.id} [{rule.file}] → {', '.join(dict.fromkeys(one.gives for one in fired))}{why}"
        for hit in dict.fromkeys(hit for one in fired for hit in one.hits):
            yield f"      {hit.statement.meaning}: “{hit.statement.quote}”"
        return
    lacking = rule.condition.unmet_terms(view) or [f"a statement of {', '.join(rule.each)}"]
    if at_length:
        yield f"  {rule.id} [{rule.file}] did not fire"
        yield from (f"      unmet: {one}" for one in lacking)
    else:
        yield f"  {rule.id} [{rule.file}] did not fire; unmet: {'; '.join(lacking)}"


def _statements(hits: Iterable[Hit]) -> Iterator[str]:
    for hit in hits:
        said = hit.statement
        state = "" if said.state == "value" else f" = {said.state}"
        value = f" → {said.value}" if said.value else ""
        yield f"  {said.meaning}{state} [{said.reader}, {said.confidence:.2f}]: “{said.quote}”{value}"


def _trace(rules: Rules, turn: RuleInput, meaning: str | None) -> Iterator[str]:
    """Yield what the embedded reader found in each unit, or why it stated `meaning` or not."""
    if isinstance(rules.reader, EmbeddedReader):
        yield from (f"  {line}" for line in trace_lines(rules.reader, mails.mail_text(turn), meaning))
