"""Conversations from mailing lists and test suites, in random orders: is each unit split into the right cases?

    python -m bench.threads FOLDER [--orders 20] [--only UNIT]

``FOLDER`` holds mails and ``expected.jsonl``, one object a line; a line with ``file``, ``unit`` and ``thread`` says
that within its unit the file stands with the files of the same thread, and with no other. Each unit is placed by the
pure plan with the shipped rules, mail by mail, every time in another order.
"""

import json
import random
from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cyclopts

from service import settings
from service.cases.facts.extracted import ExtractedMessage, with_reading
from service.cases.facts.extraction import extract_messages
from service.cases.facts.roles import Roles
from service.intake import AppContext
from service.mail.parse import parse
from tests.cases.filing import Filing

RECEIVED = datetime(2027, 2, 1, tzinfo=UTC)


def read_mail(content: bytes, context: AppContext, roles: Roles, at: datetime = RECEIVED) -> list[ExtractedMessage]:
    """What one mail brings, with what the rules read in it."""
    extracted = extract_messages(parse(content), roles, context.ingest, received_at=at)
    return [with_reading(one, context.rules.read(replace(one.turn, id=""))) for one in extracted]


def partition(groups: Mapping[str, Hashable]) -> set[frozenset[str]]:
    """The files that stand together."""
    return {frozenset(file for file in groups if groups[file] == group) for group in groups.values()}


def main(folder: Path, *, orders: int = 20, only: str = "") -> int:
    context, chance = AppContext.of(settings.load(_env_file=None)), random.Random(1)
    units: dict[str, dict[str, str]] = defaultdict(dict)
    for line in (folder / "expected.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line or "{}")
        if "thread" in row and only in row["unit"]:
            units[row["unit"]][row["file"]] = row["thread"]
    good = 0
    for name, unit in sorted(units.items()):
        extracted = {file: read_mail((folder / file).read_bytes(), context, context.roles()) for file in unit}
        wanted, right = partition(unit), 0
        for _ in range(orders):
            filing = Filing()
            numbers = {file: filing.place(extracted[file]) for file in chance.sample(sorted(unit), len(unit))}
            nodes = filing.nodes
            right += partition({file: nodes[number].case for file, number in numbers.items()}) == wanted
        good += right == orders
        print(f"{name}: {len(unit)} mails, {len(wanted)} threads, right in {right} of {orders} orders", flush=True)
    print(f"{good} of {len(units)} units are right in every order")
    return 0 if good == len(units) else 1


if __name__ == "__main__":
    cyclopts.run(main)
