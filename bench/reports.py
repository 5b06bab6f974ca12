"""Counts what the reader makes of the held-out mails of ``bench/labelled_reports``. Prints only numbers.

python -m bench.reports [FILE…]
"""

import json
from collections import Counter
from pathlib import Path

import cyclopts

from bench.training.reports import REPORTS, labelled_report
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.reports import WAYS

CALM = frozenset(("over", "fine", "broadcast"))
TROUBLE = frozenset(("alarm", "attack", "breach", "outage"))


def main(*files: Path) -> None:
    reader, given = EmbeddedReader(), Counter[tuple[str, str]]()
    quoted = threats = 0
    for file in files or sorted((REPORTS / "held_out").glob("*.jsonl")):
        for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            report = reader.decide(labelled_report(row)).report
            way = report.way if report and report.way in WAYS else "none"
            threats += report is not None and way == "none"
            given[row["report"], way] += 1
            quoted += report is not None and way == row["report"] and report.unit == row["at"]
    for way in WAYS:
        found = sum(number for (_, one), number in given.items() if one == way)
        wanted = sum(number for (one, _), number in given.items() if one == way)
        print(f"{way}: given {found}, right {given[way, way]}, wanted {wanted}")
    ways = [(label, way, number) for (label, way), number in given.items() if way != "none"]
    right = sum(number for label, way, number in ways if label == way)
    print(f"reports: given {sum(number for *_, number in ways)}, right {right}, the labelled sentence quoted {quoted}")
    print("perhaps a threat:", threats)
    for name, labels in (("trouble", TROUBLE), ("none", {"none"})):
        print(
            f"over, fine or broadcast given to {name}:", sum(n for one, way, n in ways if one in labels and way in CALM)
        )


if __name__ == "__main__":
    cyclopts.run(main)
