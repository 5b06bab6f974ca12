"""Writes `docs/quality.md`, the figures on mail of writers who took no part in training: `python -m bench.quality`

It prints only numbers of the held-out files, and no sentence of them.
"""

from typing import Any

import yaml
from jinja2 import Environment

from bench.harness import CORPUS, ROOT, corpus, table
from mailrules.evaluation.figures import compare, labelled_outcome
from mailrules.evaluation.judged import judged_outcome
from mailrules.library import load

NEWEST = "held_out_seventeenth"


def main() -> None:
    split = yaml.safe_load((CORPUS / "split.yaml").read_text(encoding="utf-8"))
    held_out = {name: writers for name, writers in split.items() if name.startswith("held_out")}
    earlier = [writer for name, writers in held_out.items() if name != NEWEST for writer in writers]
    found = {"newest": figures(held_out[NEWEST]), "earlier": figures(earlier)}
    jinja = Environment(trim_blocks=True, keep_trailing_newline=True)
    jinja.filters["short"] = short
    template = jinja.from_string((ROOT / "bench" / "data" / "quality.md").read_text(encoding="utf-8"))
    text = template.render(found, lines=table("quality"))
    (ROOT / "docs" / "quality.md").write_text(text, encoding="utf-8")
    print(text)


def figures(writers: list[str]) -> dict[str, Any]:
    """Compare the results of the embedded reader and the rules with the labels of all mails of these writers."""
    rules = load()
    mails = [mail for writer in writers for mail in corpus(writer)]
    return compare([(judged_outcome(rules.reader, mail, rules), labelled_outcome(mail)) for mail in mails])


def short(value: float | None) -> str:
    """Return two decimals, or a dash if there is no value."""
    if isinstance(value, float):
        return f"{value:.2f}".removeprefix("0") if value < 1 else "1.0"
    return "–" if value is None else str(value)


if __name__ == "__main__":
    main()
