"""Counts what the reader makes of the held-out mails of ``bench/labelled_reports``. Prints only numbers.

python -m bench.reports [FILE…]
"""

from collections import Counter
from pathlib import Path

import cyclopts

from bench.harness import BENCH, lines_of
from bench.training.examples import reader, report_mail
from mailrules.reader.reports import WAYS

CALM = ("over", "fine", "broadcast")
TROUBLE = ("alarm", "attack", "breach", "outage")


def main(*files: Path) -> None:
    given = Counter[tuple[str, str]]()  # label and result
    for file in files or sorted((BENCH / "labelled_reports" / "held_out").glob("*.jsonl")):
        for row in lines_of(file):
            report = reader().decide(report_mail(row)).report
            given[row["report"], report.way if report and report.way in WAYS else "none"] += 1
    for name, ways in [("all reports", WAYS[1:]), *((way, (way,)) for way in WAYS)]:
        found = sum(given[label, way] for label in WAYS for way in ways)
        wanted = sum(given[way, other] for way in ways for other in WAYS)
        print(f"{name}: given {found}, right {sum(given[way, way] for way in ways)}, wanted {wanted}")
    print("over, fine or broadcast given to trouble:", sum(given[one, way] for one in TROUBLE for way in CALM))


if __name__ == "__main__":
    cyclopts.run(main)
