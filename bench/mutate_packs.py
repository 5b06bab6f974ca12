"""How well the examples guard the shipped rules: each rule is broken on purpose, and an example has to notice.

Run: ``.venv/bin/python -m bench.mutate_packs [--verbose]``. Mutants: a signal that notices nothing any more; a
condition turned as a whole; each part of a condition (between ``&&``) turned alone; each part left out.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace

from mailrules.decisions import Compiled, Decider
from mailrules.examples import try_examples
from mailrules.judge import Rules
from mailrules.library import Library, build, collect
from mailrules.pack import Decision
from mailrules.reading import Reader


def main() -> None:
    library = collect()
    rules = build(library)
    using = _users(rules)
    noticed: dict[str, list[bool]] = {}
    for signal in library.signals:
        noticed[signal] = [_drop(library, rules, signal, using.get(signal, []))]
    parts: list[tuple[str, str, bool]] = []
    without: list[tuple[str, str, bool]] = []
    for decision, _ in library.decisions.values():
        noticed[decision.id] = [_turn(library, rules, decision, f"!({decision.when})")]
        pieces = _pieces(decision.when)
        for number in range(len(pieces) if len(pieces) > 1 else 0):
            turned = " && ".join(f"!({piece})" if n == number else piece for n, piece in enumerate(pieces))
            parts.append((decision.id, turned, _turn(library, rules, decision, turned)))
            left = " && ".join(piece for n, piece in enumerate(pieces) if n != number)
            without.append((decision.id, f"without {pieces[number]}", _turn(library, rules, decision, left)))
    guarded = sum(all(results) for results in noticed.values())
    print(f"rules: {len(noticed)}, broken and noticed: {guarded} ({guarded / len(noticed):.1%})")
    for title, mutants in (("turned", parts), ("left out", without)):
        kept = sum(ok for _, _, ok in mutants)
        print(f"conditions with one part {title}: {len(mutants)}, noticed: {kept} ({kept / len(mutants):.1%})")
    if "--verbose" in sys.argv:
        print("unguarded:", *(rule for rule, results in noticed.items() if not all(results)))
        for rule, mutant, ok in (*parts, *without):
            if not ok:
                print(f"  {rule}: {mutant}")


def _users(rules: Rules) -> dict[str, list[str]]:
    """Signal → decisions that name it."""
    names = [signal.id for signal in rules.reader.spotter.signals]
    using: dict[str, list[str]] = {}
    for compiled in rules.reader.decider.compiled:
        for _, _, bit in compiled.variables:
            using.setdefault(names[bit.bit_length() - 1], []).append(compiled.decision.id)
    return using


def _fails(library: Library, rules: Rules, only: list[str]) -> bool:
    return any(not tried.ok for tried in try_examples(library, rules, only))


def _drop(library: Library, rules: Rules, signal: str, users: list[str]) -> bool:
    """Whether an example notices that the signal is gone (its own, or those of a decision that names it)."""
    deaf = rules.reader.spotter.without(rules.reader.spotter.index[signal])
    reader = Reader(deaf, rules.reader.decider, rules.reader.states, rules.reader.vendors)
    return _fails(library, replace(rules, reader=reader), [signal, *users])


def _turn(library: Library, rules: Rules, decision: Decision, when: str) -> bool:
    """Whether an example notices that the condition is another one."""
    source = library.decisions[decision.id][1]
    index = rules.reader.spotter.index
    failed: list[str] = []
    decider = Decider(
        [(decision.model_copy(update={"when": when}), source.pack.pack)],
        index,
        lambda _, message: failed.append(message),
    )
    if failed or not decider.compiled:
        return True
    mutated = replace(rules, reader=_with(rules, decider.compiled[0]))
    return _fails(library, mutated, [decision.id])


def _with(rules: Rules, mutant: Compiled) -> Reader:
    reader = Reader(rules.reader.spotter, rules.reader.decider, rules.reader.states, rules.reader.vendors)
    decider = object.__new__(Decider)
    decider.compiled = [mutant if c.decision.id == mutant.decision.id else c for c in rules.reader.decider.compiled]
    decider.arrange()
    reader.decider = decider
    return reader


def _pieces(when: str) -> list[str]:
    """The top-level parts of a condition."""
    text = " ".join(when.split())
    pieces, depth, last = [], 0, 0
    for match in re.finditer(r"[()]|&&", text):
        if match.group() == "&&" and depth == 0:
            pieces.append(text[last : match.start()].strip())
            last = match.end()
        else:
            depth += {"(": 1, ")": -1}.get(match.group(), 0)
    return [*pieces, text[last:].strip()]


if __name__ == "__main__":
    main()
