"""Write `docs/quality.md`: figures on writers who took no part in training. `python -m bench.quality`

Only numbers leave the held-out files; no sentence of them is printed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from mailrules.evaluation.figures import Outcome, compare, labelled_outcome
from mailrules.evaluation.judged import judged_outcome
from mailrules.library import load

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "mailrules" / "corpus"
SHARES = ("P1/P2 found", "P1/P2 found or to be triaged", "P1/P2 false alarms", "kind", "priority")
SETS = {"present": "facts", "missing": "missing", "vendor mail that asks": "vendor mail that asks something"} | {
    name: name for name in ("asks", "acts", "tone", "parked")
}
BEFORE = {
    "P1/P2 found": ".22–.45",
    "P1/P2 false alarms": ".04–.06",
    "priority": ".45–.74",
    "kind": ".69–.82",
    "facts": "F1 .64–.78",
    "missing": "precision .12–.46",
    "asks": "F1 .27–.43",
    "tone": "F1 .00–.67",
    "parked": "F1 .00–.50",
}
TARGETS = {
    "P1/P2 found": "≥ .85",
    "P1/P2 found or to be triaged": "≥ .97",
    "P1/P2 false alarms": "≤ .12",
    "kind": "≥ .85",
    "facts": "precision ≥ .90, recall ≥ .60",
    "missing": "precision ≥ .75",
    "vendor mail that asks something": "recall ≥ .95, precision ≥ .85",
    "asks": "precision ≥ .80, recall ≥ .40",
    "acts": "F1 ≥ .75",
    "tone": "precision ≥ .90",
    "parked": "precision ≥ .90",
}
HEAD = """# How well mail is understood

These figures were measured on mail by writers who took no part in training or rule writing. `python -m bench.quality`
produces them. `mailrules/corpus/split.yaml` lists the development writers and the held-out writers. `sodan eval` prints
the same figures for your own labelled mail. P is precision and R is recall. The columns of the language model are empty
here. The recorded results are on [a separate page](language-model.md).

While thresholds were chosen, the figures of the first and the third table were looked at about twenty times. Therefore
these figures may be slightly too good. The mails themselves were not read for this purpose.

"""
TITLES = """| | target | patterns before | embedded, en | embedded, ja | model, en | model, ja |
|---|---|---|---|---|---|---|
"""
HEAD += TITLES
NEWEST = """
## Newest mails

Three other writers wrote these mails: two 75 mails each in one language, the third 75 in each language, mostly mail of
vendors. Three more people checked the labels. The first two sets were scored several times with other weights and
thresholds, the third once. Then 1,800 more words for the requests of vendors were tried on all three. They found no
more requests, and were taken back. Nothing else was chosen by these figures.

"""
LATER = """
## Mails whose figures were used to choose thresholds

Three writers wrote these mails after the reader was first trained. The figures of these mails were used to choose two
thresholds: the one for "asks something", and the minimum probability of a requested item (`_NAMED_ASK` in
`mailrules/reader/embedded.py`). The mails themselves were not read for this purpose. Ten of them were read for another
purpose, a change of the request to the language model.

"""
TAIL = """
The column "patterns before" shows the results of the patterns of November 2026 on several sets of unseen mail.

## What the embedded reader does not understand

- It does not find the topic of a request that contains no unambiguous noun. It then reports only that something is
  requested, and quotes the sentence.
- It does not find facts that are expressed in unknown phrases. Usually such a fact is not reported as missing, and
  sodan does not ask for it.
- It can detect the absence only of the items in `mailrules/reader/sees.yaml`. If it does not find another item, the
  item is not reported as missing.
- It does not understand irony. It does not recognise a severe problem if the mail describes only a consequence ("we are
  writing on our hands").
- If it cannot determine the impact or urgency of a mail, the case is marked `needs_triage`.

[quality-errors.md](quality-errors.md) describes twenty errors and their causes.

## By meaning

This table shows the precision and recall of the embedded reader on the mails of the first table, by language. It lists
the meanings that occur at least five times in the labels of one language.

| meaning | en | ja |
|---|---|---|
"""


def main() -> None:
    split = yaml.safe_load((CORPUS / "split.yaml").read_text(encoding="utf-8"))
    names = ("held_out", "held_out_fresh", "held_out_newest")
    figures, later, newest = (compare(pairs(split[name])) for name in names)
    text = HEAD + table(figures) + NEWEST + TITLES + table(newest) + LATER + TITLES + table(later)
    (ROOT / "docs" / "quality.md").write_text(text + TAIL + by_meaning(figures), encoding="utf-8")
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
    for name in SHARES:
        cells = [
            f"{number(figures[language][name]['share'])} of {figures[language][name]['count']}"
            for language in ("en", "ja")
        ]
        lines.append(row(name, cells))
    for name, title in SETS.items():
        lines.append(row(title, [spread(figures[language][name]) for language in ("en", "ja")]))
    return "\n".join(lines) + "\n"


def by_meaning(figures: dict[str, Any]) -> str:
    lines = []
    for meaning in sorted({name for language in ("en", "ja") for name in figures[language]["meanings"]}):
        of = [figures[language]["meanings"].get(meaning, {"count": 0}) for language in ("en", "ja")]
        if max(one["count"] for one in of) >= 5:
            lines.append(f"| `{meaning}` | {' | '.join(short(one) for one in of)} |")
    return "\n".join(lines) + "\n"


def row(name: str, cells: list[str]) -> str:
    return f"| {name} | {TARGETS.get(name, '')} | {BEFORE.get(name, '')} | {' | '.join(cells)} | | |"


def spread(figure: dict[str, Any]) -> str:
    shown = " ".join(
        f"{name[0].upper() if name != 'f1' else 'F1'} {number(figure[name])}" for name in ("precision", "recall", "f1")
    )
    return (
        f"{shown} of {figure['count']}"
        if figure["count"]
        else f"P {number(figure['precision'])} of {figure['given']} given"
    )


def short(figure: dict[str, Any]) -> str:
    if not figure["count"]:
        return "–"
    return f"{number(figure['precision'])} / {number(figure['recall'])} of {figure['count']}"


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".removeprefix("0") if value < 1 else "1.0"


if __name__ == "__main__":
    main()
