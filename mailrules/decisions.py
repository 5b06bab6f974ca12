"""What it means: conditions over signals and facts.

A condition is CEL, checked against the names and types that exist when the packs are loaded. It depends on nothing but
those names, so its answers are remembered by their values: once warm, a decision costs a look-up, not an evaluation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cel_expr_python import cel

from mailrules.hits import Hits
from mailrules.pack import Decision
from mailrules.sheet import Sheet

_T = cel.Type
FACTS: dict[str, Any] = {
    "side": _T.STRING,
    "ours": _T.BOOL,
    "automatic": _T.BOOL,
    "machine": _T.STRING,
    "language": _T.STRING,
    "reply": _T.BOOL,
    "to_vendor": _T.BOOL,
    "to_team": _T.BOOL,
    "to_requester": _T.BOOL,
    "has_files": _T.BOOL,
    "vendor": _T.STRING,
    "where": _T.STRING,
    "state": _T.STRING,
    "kind": _T.STRING,
    "items": _T.List(_T.STRING),
    "asks": _T.List(_T.STRING),
}
"""Names that conditions may use besides signals."""
LATE = frozenset(("kind", "items", "asks"))
"""Facts that only stand once the sentences are judged: for decisions with ``per: mail``."""
VIEWS = ("mail", "before", "lead")
_STRINGS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_NAMES = re.compile(r"(?<![\w.])(?:(mail|before|lead)\.)?([a-z_][a-z0-9_]*)(?!\w|\()")
_REMEMBERED = 4096
_ANSWERS = 64


class ConditionError(ValueError):
    """A condition that CEL does not take."""


@dataclass(slots=True)
class Compiled:
    """A decision ready to be asked."""

    decision: Decision
    pack: str
    expression: Any
    signals: int
    """Mask of the signals it names plainly."""
    views: dict[str, int]
    """The same for ``mail.``, ``before.``, ``lead.``."""
    facts: tuple[str, ...]
    variables: tuple[tuple[str, str, int], ...]
    """(name in the condition, view, bit)."""
    late: bool
    plain: tuple[int, ...] = ()
    """The signals of its own sentence."""
    viewed: tuple[tuple[str, int], ...] = ()
    """The views that it uses."""
    answers: dict[Any, bool] = field(default_factory=dict)
    rule: str = field(init=False)
    weighs: bool = field(init=False)
    """It only fills an item or weighs something: more of the same words say nothing new."""

    def __post_init__(self) -> None:
        self.rule, then = self.decision.id, self.decision.then
        self.weighs = not (then.ask or then.act or then.tone or then.promise or then.problem)

    def holds(self, masks: Mapping[str, int], facts: Mapping[str, Any], values: Any) -> bool:
        """Whether the condition is true. ``masks``: what fired, by view (``""`` is the unit itself); ``values``: those
        of its facts, as one hashable thing."""
        key: Any = (masks[""] & self.signals, values)
        for view, mask in self.viewed:
            key = (key, masks[view] & mask)
        answer = self.answers.get(key)
        if answer is None:
            answer = self._evaluate(masks, facts)
            if len(self.answers) >= _REMEMBERED:
                self.answers.clear()
            self.answers[key] = answer
        return answer

    def _evaluate(self, masks: Mapping[str, int], facts: Mapping[str, Any]) -> bool:
        data: dict[str, Any] = {name: bool(masks[view] & bit) for name, view, bit in self.variables}
        data.update({name: facts[name] for name in self.facts})
        return self.expression.eval(data=data).value() is True


def _values(names: tuple[str, ...], facts: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(tuple(value) if isinstance(value := facts[name], list) else value for name in names)


class _Concerned:
    """The decisions that some signals together concern, and what else their conditions look at."""

    __slots__ = ("_answers", "_decisions", "_facts", "_viewed")

    def __init__(self, decisions: tuple[Compiled, ...]) -> None:
        self._decisions = decisions
        self._facts = tuple(sorted({name for compiled in decisions for name in compiled.facts}))
        views: dict[str, int] = {}
        for compiled in decisions:
            for view, mask in compiled.viewed:
                views[view] = views.get(view, 0) | mask
        self._viewed = tuple(views.items())
        self._answers: dict[Any, tuple[Compiled, ...]] = {}

    def holding(
        self, masks: Mapping[str, int], facts: Mapping[str, Any], here: dict[tuple[str, ...], Any]
    ) -> tuple[Compiled, ...]:
        """Those that hold. ``here``: values of facts already taken for this kind of place in this mail."""
        values = here.get(self._facts)
        if values is None:
            values = here[self._facts] = _values(self._facts, facts)
        key = (values, *[masks[view] & mask for view, mask in self._viewed])
        known = self._answers.get(key)
        if known is None:
            known = tuple(c for c in self._decisions if c.holds(masks, facts, _values(c.facts, facts)))
            if len(self._answers) >= _ANSWERS:
                self._answers.clear()
            self._answers[key] = known
        return known


class Decider:
    """All decisions of all packs, compiled."""

    def __init__(
        self, decisions: Sequence[tuple[Decision, str]], index: Mapping[str, int], complain: Callable[[str, str], None]
    ) -> None:
        """``complain(rule, message)`` is told of a condition that cannot stand; it may raise."""
        self.compiled: list[Compiled] = []
        env = self._env = self._environment(decisions, index)
        for decision, pack in decisions:
            try:
                self.compiled.append(_compile(env, decision, pack, index))
            except ConditionError as error:
                complain(decision.id, str(error))
        self.arrange()

    def arrange(self) -> None:
        """Order ``compiled`` for the way it is asked."""
        self._sentence = [c for c in self.compiled if c.decision.per == "sentence"]
        self._early = [c for c in self.compiled if c.decision.per == "mail" and not c.late]
        self._late = [c for c in self.compiled if c.decision.per == "mail" and c.late]
        self._candidates: dict[int, _Concerned] = {}
        self._by_signal: dict[int, list[int]] = {}
        for number, compiled in enumerate(self._sentence):
            mask = compiled.signals
            while mask:
                bit = mask & -mask
                self._by_signal.setdefault(bit, []).append(number)
                mask ^= bit

    def _environment(self, decisions: Sequence[tuple[Decision, str]], index: Mapping[str, int]) -> Any:
        variables = dict(FACTS)
        variables.update(dict.fromkeys(index, _T.BOOL))
        for decision, _ in decisions:
            for view, name in _NAMES.findall(_STRINGS.sub("''", decision.when)):
                if view and name in index:
                    variables[f"{view}.{name}"] = _T.BOOL
        return cel.NewEnv(variables=variables)

    def ask(self, part: str, data: Mapping[str, Any]) -> bool:
        """Whether a part of a condition holds, with these values of its names."""
        return self._env.compile(part).eval(data=dict(data)).value() is True

    def judge_units(self, sheet: Sheet, hits: Hits, facts: dict[str, Any]) -> Iterator[tuple[Compiled, int]]:
        """Each decision that holds for a unit, unit by unit."""
        masks = {"": 0, "mail": hits.mail, "before": 0, "lead": 0}
        placed: dict[tuple[str, str], dict[tuple[str, ...], Any]] = {}
        for number, unit in enumerate(sheet.units):
            fired = hits.by_unit[number]
            if not fired:
                continue
            masks[""] = fired
            masks["before"] = hits.by_unit[unit.before] if unit.before >= 0 else 0
            masks["lead"] = hits.by_unit[unit.lead] if unit.lead >= 0 else 0
            facts["where"], facts["state"] = unit.where, unit.state
            here = placed.setdefault((unit.where, unit.state), {})
            for compiled in self._concerned(fired).holding(masks, facts, here):
                yield compiled, number

    def _concerned(self, fired: int) -> _Concerned:
        """The decisions that name one of these signals."""
        known = self._candidates.get(fired)
        if known is None:
            numbers: set[int] = set()
            rest = fired
            while rest:
                bit = rest & -rest
                numbers.update(self._by_signal.get(bit, ()))
                rest ^= bit
            known = _Concerned(tuple(self._sentence[number] for number in sorted(numbers)))
            if len(self._candidates) >= _REMEMBERED:
                self._candidates.clear()
            self._candidates[fired] = known
        return known

    def judge_mail(self, hits: Hits, facts: dict[str, Any], *, late: bool) -> Iterator[Compiled]:
        """Each decision about the mail as a whole that holds: those that need the late facts, or the others."""
        masks = {"": hits.mail, "mail": hits.mail, "before": 0, "lead": 0}
        facts["where"], facts["state"] = "", ""
        here: dict[tuple[str, ...], Any] = {}
        for compiled in self._late if late else self._early:
            values = here.get(compiled.facts)
            if values is None:
                values = here[compiled.facts] = _values(compiled.facts, facts)
            if compiled.holds(masks, facts, values):
                yield compiled


def _compile(env: Any, decision: Decision, pack: str, index: Mapping[str, int]) -> Compiled:
    when = " ".join(decision.when.split())
    try:
        expression = env.compile(when)
    except RuntimeError as error:
        raise ConditionError(_reason(str(error))) from None
    if expression.return_type() != _T.BOOL:
        raise ConditionError(f"the condition is a {expression.return_type().name()}, not a bool")
    signals, views, facts, variables = 0, dict.fromkeys(VIEWS, 0), [], []
    for view, name in _NAMES.findall(_STRINGS.sub("''", when)):
        if name in index:
            bit = 1 << index[name]
            variables.append((f"{view}.{name}" if view else name, view, bit))
            if view:
                views[view] |= bit
            else:
                signals |= bit
        elif name in FACTS and name not in facts:
            facts.append(name)
    late = bool(LATE & set(facts))
    if late and decision.per == "sentence":
        raise ConditionError(f"{', '.join(sorted(LATE & set(facts)))} stand only in decisions with per: mail")
    if decision.per == "sentence" and not signals:
        raise ConditionError("names no signal of its own sentence, so it would never be looked at")
    names = tuple(dict.fromkeys(variables))
    plain = tuple(bit.bit_length() - 1 for _, view, bit in names if not view)
    viewed = tuple((view, mask) for view, mask in views.items() if mask)
    return Compiled(decision, pack, expression, signals, views, tuple(facts), names, late, plain, viewed)


def _reason(message: str) -> str:
    """CEL's message without its frame."""
    text = message.split("ERROR: <input>:", 1)[-1].split("\n", 1)[0]
    return text.split(": ", 1)[-1].split(" (in container")[0].strip()
