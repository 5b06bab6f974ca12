"""Write `docs/quality.md`: figures on writers who took no part in training. `python -m bench.quality`

Only numbers leave the held-out files; no sentence of them is printed.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import yaml

from bench.harness import ROOT
from mailrules.evaluation.figures import Outcome, compare, labelled_outcome
from mailrules.evaluation.judged import judged_outcome
from mailrules.library import load

CORPUS = ROOT / "mailrules" / "corpus"
LANGUAGES = ("en", "ja")


class Row(NamedTuple):
    """A line of the tables."""

    figure: str
    title: str
    target: str = ""
    before: str = ""
    """Results of the patterns of November 2026."""


SHARES = (
    Row("P1/P2 found", "P1/P2 found", "≥ .85", ".22–.45"),
    Row("P1/P2 found or to be triaged", "P1/P2 found or to be triaged", "≥ .97"),
    Row("P1/P2 false alarms", "P1/P2 false alarms", "≤ .12", ".04–.06"),
    Row("kind", "kind", "≥ .85", ".69–.82"),
    Row("priority", "priority", "", ".45–.74"),
)
SETS = (
    Row("present", "facts", "precision ≥ .90, recall ≥ .60", "F1 .64–.78"),
    Row("missing", "missing", "precision ≥ .75", "precision .12–.46"),
    Row("vendor mail that asks", "vendor mail that asks something", "recall ≥ .95, precision ≥ .85"),
    Row("asks", "asks", "precision ≥ .80, recall ≥ .40", "F1 .27–.43"),
    Row("acts", "acts", "F1 ≥ .75"),
    Row("tone", "tone", "precision ≥ .90", "F1 .00–.67"),
    Row("parked", "parked", "precision ≥ .90", "F1 .00–.50"),
)


def main() -> None:
    split = yaml.safe_load((CORPUS / "split.yaml").read_text(encoding="utf-8"))
    found = {name: compare(pairs(split[name])) for name in ("held_out", "held_out_newest", "held_out_fresh")}
    template = (ROOT / "bench" / "data" / "quality.md").read_text(encoding="utf-8")
    tables = {name: table(figures) for name, figures in found.items()}
    text = template.format(**tables, meanings=by_meaning(found["held_out"]))
    (ROOT / "docs" / "quality.md").write_text(text, encoding="utf-8")
    print(text)


def pairs(writers: list[str]) -> list[tuple[Outcome, Outcome]]:
    """What the embedded reader and the rules say of each mail of these writers, and its label."""
    rules = load()
    return [
        (judged_outcome(rules.reader, mail, rules), labelled_outcome(mail))
        for writer in writers
        for mail in map(json.loads, (CORPUS / f"{writer}.jsonl").read_text(encoding="utf-8").splitlines())
    ]


def table(figures: dict[str, Any]) -> str:
    lines = []
    for row, show in [*((row, share) for row in SHARES), *((row, spread) for row in SETS)]:
        cells = [show(figures[language][row.figure]) for language in LANGUAGES]
        lines.append(f"| {row.title} | {row.target} | {row.before} | {' | '.join(cells)} | | |\n")
    return "".join(lines)


def by_meaning(figures: dict[str, Any]) -> str:
    lines = []
    for meaning in sorted({name for language in LANGUAGES for name in figures[language]["meanings"]}):
        found = [figures[language]["meanings"].get(meaning, {"count": 0}) for language in LANGUAGES]
        if max(one["count"] for one in found) >= 5:
            lines.append(f"| `{meaning}` | {' | '.join(map(short, found))} |\n")
    return "".join(lines)


def share(figure: dict[str, Any]) -> str:
    return f"{number(figure['share'])} of {figure['count']}"


def spread(figure: dict[str, Any]) -> str:
    if not figure["count"]:
        return f"P {number(figure['precision'])} of {figure['given']} given"
    values = (f"{sign} {number(figure[name])}" for sign, name in (("P", "precision"), ("R", "recall"), ("F1", "f1")))
    return f"{' '.join(values)} of {figure['count']}"


def short(figure: dict[str, Any]) -> str:
    if not figure["count"]:
        return "–"
    return f"{number(figure['precision'])} / {number(figure['recall'])} of {figure['count']}"


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".removeprefix("0") if value < 1 else "1.0"


if __name__ == "__main__":
    main()
