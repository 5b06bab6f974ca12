"""Conversations from mailing lists and test suites, in random orders: is each unit split into the right cases?

    python -m bench.threads FOLDER [--orders 20] [--seed 1] [--only UNIT] [--verbose]

``FOLDER`` holds mails and ``expected.jsonl``, one object a line; a line with ``file``, ``unit`` and ``thread`` says
that within its unit the file stands with the files of the same thread, and with no other. Each unit is placed by the
pure plan with the shipped rules, mail by mail, every time in another order.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from service import settings
from service.cases.facts.extracted import ExtractedMessage, with_reading
from service.cases.facts.extraction import extract_messages
from service.intake import AppContext
from service.mail.parse import parse
from tests.cases.filing import Filing

RECEIVED = datetime(2027, 2, 1, tzinfo=UTC)


def read_units(folder: Path) -> dict[str, dict[str, str]]:
    """Unit → file → thread."""
    units: dict[str, dict[str, str]] = defaultdict(dict)
    for line in (folder / "expected.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line) if line.strip() else {}
        if "thread" in row:
            units[row["unit"]][row["file"]] = row["thread"]
    return units


def read_mails(content: bytes, context: AppContext) -> tuple[ExtractedMessage, ...]:
    """What one mail brings, with what the rules read in it."""
    extracted = extract_messages(parse(content), context.roles(), context.ingest, received_at=RECEIVED)
    return tuple(with_reading(one, context.rules.read(one.turn)) for one in extracted)


def placed(order: Sequence[str], extracted: dict[str, tuple[ExtractedMessage, ...]]) -> frozenset[frozenset[str]]:
    """The files by case, after they were placed in this order."""
    filing = Filing()
    numbers = {file: filing.place(extracted[file]) for file in order}
    cases: dict[int | None, set[str]] = defaultdict(set)
    for file, number in numbers.items():
        cases[filing.nodes[number].case].add(file)
    return frozenset(frozenset(files) for files in cases.values())


def threads_of(unit: dict[str, str]) -> frozenset[frozenset[str]]:
    """The partition that is wanted."""
    threads: dict[str, set[str]] = defaultdict(set)
    for file, thread in unit.items():
        threads[thread].add(file)
    return frozenset(frozenset(files) for files in threads.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true", help="name the files that stand elsewhere")
    asked = parser.parse_args()
    context = AppContext.of(settings.load(_env_file=None))
    good: Counter[bool] = Counter()
    for name, unit in sorted(read_units(asked.folder).items()):
        if asked.only not in name:
            continue
        extracted = {file: read_mails((asked.folder / file).read_bytes(), context) for file in sorted(unit)}
        wanted, chance = threads_of(unit), random.Random(asked.seed)  # repeatable
        right, wrong = 0, Counter[frozenset[str]]()
        for _ in range(asked.orders):
            order = sorted(unit)
            chance.shuffle(order)
            found = placed(order, extracted)
            right += found == wanted
            wrong.update(found - wanted)
        good[right == asked.orders] += 1
        print(
            f"{name}: {len(unit)} mails, {len(wanted)} threads, right in {right} of {asked.orders} orders", flush=True
        )
        if asked.verbose:
            for files, times in wrong.most_common():
                print(f"  {times} times: {' '.join(sorted(files))}")
    print(f"{good[True]} of {good.total()} units are right in every order")
    return 0 if not good[False] else 1


if __name__ == "__main__":
    sys.exit(main())
