"""Write `docs/quality.md`: figures on writers who took no part in training. `python -m bench.quality`

Only numbers leave the held-out files; no sentence of them is printed.
"""

from __future__ import annotations

from typing import Any

import yaml

from bench.harness import CORPUS, ROOT, corpus, table
from mailrules.evaluation.figures import compare, labelled_outcome
from mailrules.evaluation.judged import judged_outcome
from mailrules.library import load

LANGUAGES = ("en", "ja")


def main() -> None:
    split = yaml.safe_load((CORPUS / "split.yaml").read_text(encoding="utf-8"))
    found = {name: figures(writers) for name, writers in split.items() if name.startswith("held_out")}
    template = (ROOT / "bench" / "data" / "quality.md").read_text(encoding="utf-8")
    tables = {name: rows(its) for name, its in found.items()}
    text = template.format(**tables, meanings=by_meaning(found["held_out"]))
    (ROOT / "docs" / "quality.md").write_text(text, encoding="utf-8")
    print(text)


def figures(writers: list[str]) -> dict[str, Any]:
    """What the embedded reader and the rules say of each mail of these writers, compared with its label."""
    rules = load()
    mails = [mail for writer in writers for mail in corpus(writer)]
    return compare([(judged_outcome(rules.reader, mail, rules), labelled_outcome(mail)) for mail in mails])


def rows(found: dict[str, Any]) -> str:
    """One table; its last columns stay empty."""
    lines = []
    for name, title, target, before in table("quality"):
        cells = [cell(found[language][name]) for language in LANGUAGES]
        lines.append(f"| {title} | {target} | {before} | {' | '.join(cells)} | | |\n")
    return "".join(lines)


def by_meaning(found: dict[str, Any]) -> str:
    """The meanings that the labels of one language contain at least five times."""
    lines = []
    for meaning in sorted({name for language in LANGUAGES for name in found[language]["meanings"]}):
        both = [found[language]["meanings"].get(meaning, {"count": 0}) for language in LANGUAGES]
        if max(one["count"] for one in both) >= 5:
            cells = (number(one, "{precision} / {recall} of {count}") if one["count"] else "–" for one in both)
            lines.append(f"| `{meaning}` | {' | '.join(cells)} |\n")
    return "".join(lines)


def cell(figure: dict[str, Any]) -> str:
    if "share" in figure:
        return number(figure, "{share} of {count}")
    if figure["count"]:
        return number(figure, "P {precision} R {recall} F1 {f1} of {count}")
    return number(figure, "P {precision} of {given} given")


def number(figure: dict[str, Any], form: str) -> str:
    """The figure in this form: two decimals, or a dash where there is nothing to divide by."""
    return form.format(**{name: short(value) for name, value in figure.items()})


def short(value: float | None) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".removeprefix("0") if value < 1 else "1.0"
    return "–" if value is None else str(value)


if __name__ == "__main__":
    main()
