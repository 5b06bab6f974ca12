"""Rules that cannot work, or that nobody could trust: found without any mail.

``error`` problems make `sodan rules lint` fail; ``warning`` ones are worth a look.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from mailrules.decisions import Compiled
from mailrules.examples import plain, turn_of
from mailrules.fold import fold, lower
from mailrules.judge import Rules
from mailrules.library import OWN_SIGNALS, Library, Source
from mailrules.overlaps import at_odds, idle_ways
from mailrules.pack import Signal

_TRIED_AT_MOST = 4096
"""Assignments of a condition that are tried before it is taken as reachable."""
_SOME = {
    "side": ("team", "requester", "vendor", "unknown"),
    "language": ("ja", "en"),
    "vendor": ("", "somebody"),
    "machine": ("", "auto_reply", "notification", "receipt", "bounce", "calendar"),
    "where": ("subject", "old_subject", "sentence", "label", "list", "log", "quote"),
    "state": ("", "value", "none", "unknown", "not_applicable", "pending", "placeholder", "empty"),
    "kind": ("incident", "howto", "request", "billing", "security", "rca", "notice"),
    "items": ([], ["logs"], ["symptom"]),
    "asks": ([], ["logs"]),
}


_WANTED = {
    "example": "write a text on which it must fire under `examples`",
    "near-miss": "write a text that comes close and on which it must not fire under `near_misses`",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that lint found."""

    file: str
    line: int
    rule: str
    severity: Literal["error", "warning"]
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity}: {self.rule}: {self.message}"


def lint(library: Library, rules: Rules) -> list[Problem]:
    """All problems, by file and line."""
    found = [
        *_evidence(library),
        *_unreachable(library, rules),
        *_unused(library, rules),
        *_overlaps(library),
        *_at_odds(library, rules),
        *_covered(library, rules),
        *_unlisted(library),
    ]
    return sorted(found, key=lambda problem: (problem.file, problem.line, problem.rule))


def _evidence(library: Library) -> Iterator[Problem]:
    """Every rule has an example and a near-miss beside it."""
    ruled: list[tuple[Any, Source]] = [*library.signals.values(), *library.decisions.values()]
    for rule, source in ruled:
        borrowed = not isinstance(rule, Signal) and plain(rule) and not rule.examples and not rule.near_misses
        if borrowed:
            continue
        for kind, given in (("example", rule.examples), ("near-miss", rule.near_misses)):
            if not given:
                yield Problem(
                    str(source.file), source.line(rule.id), rule.id, "error", f"has no {kind}: {_WANTED[kind]}"
                )


def _unreachable(library: Library, rules: Rules) -> Iterator[Problem]:
    """Conditions that no signals and facts can make true."""
    for compiled in rules.reader.decider.compiled:
        if not _reachable(compiled):
            source = library.decisions[compiled.decision.id][1]
            yield Problem(
                str(source.file),
                source.line(compiled.decision.id),
                compiled.decision.id,
                "error",
                "can never hold: its condition contradicts itself: drop a part of it, or the decision",
            )


def _reachable(compiled: Compiled) -> bool:
    choices: list[tuple[Any, ...]] = [(True, False)] * len(compiled.variables)
    choices += [_SOME.get(name, (True, False)) for name in compiled.facts]
    names = [name for name, _, _ in compiled.variables] + list(compiled.facts)
    for tried, values in enumerate(product(*choices)):
        if tried >= _TRIED_AT_MOST:
            return True
        data = dict(zip(names, values, strict=True))
        if "ours" in data and "side" in data and data["ours"] != (data["side"] != "vendor"):
            continue
        if compiled.expression.eval(data=data).value() is True:
            return True
    return False


def _unused(library: Library, rules: Rules) -> Iterator[Problem]:
    """Signals that no condition asks for."""
    used = 0
    for compiled in rules.reader.decider.compiled:
        for _, _, bit in compiled.variables:
            used |= bit
    for number, signal in enumerate(rules.reader.spotter.signals):
        if signal.id in OWN_SIGNALS or used >> number & 1 or signal.about:
            continue
        source = library.signals[signal.id][1]
        yield Problem(
            str(source.file),
            source.line(signal.id),
            signal.id,
            "warning",
            "no decision asks for it: name it in a `when`, or drop it",
        )


def _overlaps(library: Library) -> Iterator[Problem]:
    """Words that are noticed anyway by shorter ones of the same signal, and patterns written twice."""
    patterns: dict[str, list[str]] = defaultdict(list)
    for signal, source in library.signals.values():
        for message in _redundant(signal):
            yield Problem(str(source.file), source.line(signal.id), signal.id, "warning", message)
        for message in idle_ways(signal):
            yield Problem(str(source.file), source.line(signal.id), signal.id, "warning", message)
        for pattern in {*signal.patterns}:
            if signal.scope == [] and not signal.side:
                patterns[pattern].append(signal.id)
    for pattern, owners in patterns.items():
        if len(owners) > 1:
            signal, source = library.signals[owners[1]]
            message = f"the pattern {pattern[:40]!r} is in {owners[0]} too: keep it there and name both in `when`"
            yield Problem(str(source.file), source.line(signal.id), signal.id, "warning", message)


def _redundant(signal: Signal) -> Iterator[str]:
    words = [(raw, lower(fold(raw.rstrip("*"))[0]), raw.endswith("*")) for raw in signal.phrases]
    for raw, text, _ in words:
        for other, shorter, open_end in words:
            if other is raw or shorter == text or not _inside(shorter, text, open_end):
                continue
            yield f"the phrase {raw!r} is noticed by {other!r} already: drop it"
            break
    if len({text for _, text, _ in words}) < len(words):
        yield "a phrase stands there twice: drop one"
    if len({*signal.patterns}) < len(signal.patterns):
        yield "a pattern stands there twice: drop one"


def _inside(shorter: str, text: str, open_end: bool) -> bool:
    """Whether every place of ``text`` is a place of ``shorter``: Latin words match as whole words only."""
    if not shorter.isascii():
        return shorter in text
    end = "" if open_end else r"(?![a-z0-9_])"
    return re.search(rf"(?<![a-z0-9_]){re.escape(shorter)}{end}", text) is not None


def _at_odds(library: Library, rules: Rules) -> Iterator[Problem]:
    """Decisions that say different things of the same words, and neither goes before the other."""
    for later, earlier, about in at_odds(library, rules):
        source = library.decisions[later][1]
        message = f"is at odds with {earlier} about {about}: name what tells them apart in one `when`"
        yield Problem(str(source.file), source.line(later), later, "warning", message)


def _covered(library: Library, rules: Rules) -> Iterator[Problem]:
    """Decisions of a site whose every example another one tells too, on the same words and with the same outcome."""
    outcomes = {decision.id: (decision.per, decision.then) for decision, _ in library.decisions.values()}
    for decision, source in library.decisions.values():
        if source.shipped or not decision.examples:
            continue
        told: set[str] | None = None
        for example in decision.examples:
            found = rules.read(turn_of(example, source.pack.defaults, None)).findings
            spans = {(one.start, one.end, one.quote) for one in found if one.rule == decision.id}
            by = {one.rule for one in found if (one.start, one.end, one.quote) in spans}
            told = by if told is None else told & by
        for other in sorted((told or set()) - {decision.id}):
            if outcomes.get(other) == outcomes[decision.id]:
                message = f"{other} tells each of its examples already: drop it, or give an example that only it tells"
                yield Problem(str(source.file), source.line(decision.id), decision.id, "warning", message)
                break


def _unlisted(library: Library) -> Iterator[Problem]:
    """Required items that no checklist names."""
    items = {item.id for source in library.sources for item in source.pack.checklist}
    for source in library.sources:
        for kind, needs in source.pack.required.items():
            for name in (*needs.requester, *needs.vendor):
                if name.rstrip("*") not in items:
                    message = f"{kind} requires {name!r}, which no checklist names: mind the spelling, or list it there"
                    yield Problem(str(source.file), 1, source.pack.pack, "error", message)
