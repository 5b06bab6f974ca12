"""Growth: taking mail in beside many messages against beside few, in turns.

python -m bench.growth [--messages 1000000] [--few 10000] [--mails 200] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time

from bench.figure import Outcome, figure, median_ratio, outcome
from bench.reading_cases import fill
from bench.taking_in import house, run
from service.store.database import Database

PER_CASE = 5


def compare(few: int, many: int, mails: int, rounds: int) -> Outcome:
    """Rates and CPU of one worker on SQLite beside ``few`` and beside ``many`` messages."""
    rates: dict[int, list[float]] = {few: [], many: []}
    spent: dict[int, list[float]] = {few: [], many: []}
    with tempfile.TemporaryDirectory() as folder:
        stores = {}
        ours = house()
        for size in (few, many):
            url = f"sqlite:///{folder}/{size}.db"
            fill(url, size // PER_CASE, PER_CASE)
            stores[size] = Database(url)
        for number in range(rounds + 1):
            order = (few, many) if number % 2 else (many, few)
            for size in order:
                began = time.process_time()
                _, rate = run(stores[size], ours, mails, seed=1000 + number)
                if number:  # the first round warms up
                    rates[size].append(rate)
                    spent[size].append((time.process_time() - began) * 1000 / mails)
        for database in stores.values():
            database.close()
    against = f"beside {few:,} messages"
    detail = {"rate": statistics.median(rates[many]), "base": statistics.median(rates[few])}
    cpu = {"ms": statistics.median(spent[many]), "base_ms": statistics.median(spent[few])}
    return outcome(
        [
            figure(
                f"rate beside {many:,} messages",
                median_ratio(rates[many], rates[few]),
                against=against,
                promised=0.9,
                detail=detail,
            ),
            figure(
                f"CPU beside {many:,} messages",
                median_ratio(spent[many], spent[few]),
                against=against,
                promised=1 / 0.9,
                at_most=True,
                detail=cpu,
            ),
        ]
    )


def measure(seconds: float) -> Outcome:
    """A bounded size: ten times as many; in about so many seconds."""
    few = 5_000 if seconds >= 40 else 1_000
    return compare(few, few * 10, mails=max(60, round(seconds * 1.5)), rounds=3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--mails", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    for one in compare(asked.few, asked.messages, asked.mails, asked.rounds)["figures"]:
        print(f"{one['what']}: {one['value']:.2f} {one['unit']} {one['against']} {one['detail']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
