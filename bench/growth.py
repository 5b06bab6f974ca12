"""Growth: what placing one mail costs in an old and full store against a young one of the same house, in turns.

    python -m bench.growth [--messages 1000000] [--few 10000] [--mails 300] [--rounds 5] [sqlite postgresql]

The stores are filled by ``bench.filling``, the mails placed are new ones: whole conversations, and answers to
old ones, each read before by the real rules. Measured is ``placement.place_all`` alone, in batches as a worker makes
them, its time and its CPU (on PostgreSQL that of the client alone).
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlalchemy import insert

from bench import filling
from bench.figure import Outcome, figure, median_ratio, outcome, show
from bench.stores import context, databases
from service.cases.facts.extracted import ExtractedMessage, with_reading
from service.cases.facts.extraction import extract_messages
from service.cases.facts.roles import LearnedRoles
from service.intake import AppContext
from service.mail.parse import parse
from service.store import placement
from service.store.database import Connection, Database, one_at_a_time
from service.store.migrate import migrate
from service.store.placement import ArrivedMail
from service.store.tables import spool

BATCH = 32


def written(mails: int, cases: int, turn: int) -> list[filling.Written]:
    """New mails for a store of so many cases: three of four open or belong to new ones, the others answer old ones."""
    chance = random.Random(turn)  # repeatable
    fresh: list[filling.Written] = []
    for number in range(mails * 3 // 4 // filling.MAILS + 1):
        begun = filling.END + timedelta(days=turn, minutes=10 * number)
        fresh += filling.conversation(10_000_000 + 10_000 * turn + number, begun)
    last = max(one.at for one in fresh)
    for number in range(mails - len(fresh)):
        # most answers come soon, some after years
        old = cases - min(int(cases ** chance.random()), cases - 1)
        said = list(filling.conversation(old, last))[-2]
        again = replace(said, step=100 + turn * 1000 + number, at=last - timedelta(minutes=number), parents=(1, 2, 3))
        fresh.append(replace(again, text=f"{said.text} We still wait for an answer to this ({number})."))
    return sorted(fresh, key=lambda one: one.at)


def read_mails(
    mails: Sequence[filling.Written], ours: AppContext
) -> list[tuple[filling.Written, tuple[ExtractedMessage, ...]]]:
    """Read by the real rules, outside what is measured."""
    roles, out = ours.roles(LearnedRoles(team=frozenset(filling.DESKS))), []
    for one in mails:
        extracted = extract_messages(parse(one.content()), roles, ours.ingest, received_at=one.at)
        out.append((one, tuple(with_reading(each, ours.rules.read(each.turn)) for each in extracted)))
    return out


def place(
    database: Database, mails: Sequence[tuple[filling.Written, tuple[ExtractedMessage, ...]]]
) -> tuple[float, float]:
    """Milliseconds and CPU milliseconds of placing one."""
    took = spent = 0.0

    def batch(conn: Connection, arrived: list[ArrivedMail]) -> tuple[float, float]:
        rows = [
            {"id": one.spool_id, "received_at": one.received_at, "channel": "smtp", "rcpt_tos": [], "size": 1,
             "sha256": "", "due_at": one.received_at, "state": "done"}
            for one in arrived
        ]  # fmt: skip
        conn.execute(insert(spool), rows)
        one_at_a_time(conn)
        began, cpu = time.perf_counter(), time.process_time()
        placement.place_all(conn, arrived, now=arrived[-1].received_at)
        return time.perf_counter() - began, time.process_time() - cpu

    gc.collect()
    for start in range(0, len(mails), BATCH):
        arrived = [
            ArrivedMail(f"{one.number}-{one.step}", one.at + timedelta(seconds=5), extracted)
            for one, extracted in mails[start : start + BATCH]
        ]
        seconds, cpu = database.transact(partial(batch, arrived=arrived))
        took, spent = took + seconds, spent + cpu
    return took / len(mails) * 1000, spent / len(mails) * 1000


@contextlib.contextmanager
def filled(kinds: Sequence[str], sizes: Sequence[int]) -> Iterator[dict[str, dict[int, Database]]]:
    """By kind of database: a store of each size, in messages."""
    with contextlib.ExitStack() as stack:
        stores: dict[str, dict[int, Database]] = {kind: {} for kind in kinds}
        create = {kind: stack.enter_context(databases(kind)) for kind in kinds}
        for size in sizes:
            for kind in kinds:
                database = stores[kind][size] = Database(create[kind](f"size_{size}"))
                stack.callback(database.close)
                migrate(database)
                began = time.monotonic()
                keys = filling.fill(database, size // filling.MAILS)
                took = time.monotonic() - began
                print(f"{kind}: {size:,} messages, {keys:,} keys filled in {took:.0f} s", file=sys.stderr)
        yield stores


def compare(kinds: Sequence[str], few: int, many: int, mails: int, rounds: int) -> Outcome:
    """Time and CPU of placing a mail beside ``many`` messages, against beside ``few``."""
    ours = context(intake=filling.INTAKE)
    figures = []
    with filled(kinds, (few, many)) as stores:
        for kind in kinds:
            found: dict[int, list[tuple[float, float]]] = {few: [], many: []}
            for turn in range(rounds + 1):
                for size in (few, many) if turn % 2 else (many, few):
                    new = read_mails(written(mails, size // filling.MAILS, turn), ours)
                    found[size].append(place(stores[kind][size], new))
            for at, what in enumerate(("time", "CPU")):
                beside_many, base = ([one[at] for one in found[size][1:]] for size in (many, few))  # the first warms up
                figures.append(
                    figure(
                        f"{what} of placing beside {many:,} messages, {kind}",
                        median_ratio(beside_many, base),
                        against=f"beside {few:,} messages",
                        promised=1.5,
                        at_most=True,
                        detail={"ms": statistics.median(beside_many), "base_ms": statistics.median(base)},
                    )
                )
    return outcome(figures)


def measure(seconds: float) -> Outcome:
    """A bounded size: ten times as many; in about so many seconds."""
    few = 2_500 if seconds >= 40 else 500
    return compare(["sqlite"], few, few * 10, mails=max(60, round(seconds * 1.5)), rounds=3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--mails", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    return show(compare(asked.databases, asked.few, asked.messages, asked.mails, asked.rounds))


if __name__ == "__main__":
    sys.exit(main())
