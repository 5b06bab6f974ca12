"""Growth: what placing one mail costs in an old and full store against a young one of the same house, in turns.

    python -m bench.growth [--messages 1000000] [--few 10000] [--mails 300] [--rounds 5] [sqlite postgresql]

The stores are filled in bulk (``bench.filling``), the mails placed are new ones: whole conversations, and answers to
old ones, each read before by the real rules. Measured is ``placement.place_all`` alone, in batches as a worker makes
them, its time and its CPU (on PostgreSQL that of the client alone).
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import insert

from bench import filling
from bench.bulk import Bulk, bulk
from bench.figure import Outcome, figure, median_ratio, outcome
from service import settings
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
from tests.postgres import Postgres

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
    mails: Sequence[filling.Written], context: AppContext
) -> list[tuple[filling.Written, tuple[ExtractedMessage, ...]]]:
    """Read by the real rules, outside what is measured."""
    roles, out = context.roles(LearnedRoles(team=frozenset(filling.DESKS))), []
    for one in mails:
        extracted = extract_messages(parse(one.content()), roles, context.ingest, received_at=one.at)
        out.append((one, tuple(with_reading(each, context.rules.read(each.turn)) for each in extracted)))
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
def filled(names: Sequence[str], sizes: Sequence[int]) -> Iterator[dict[str, dict[int, Database]]]:
    """By kind of database: a store of each size, in messages."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stores: dict[str, dict[int, Database]] = {name: {} for name in names}
        server = Postgres(Path(tempfile.gettempdir()) / f"sodan-bench-{os.getpid()}")
        if "postgresql" in names:
            server.start()
            stack.callback(server.remove)
            stack.callback(server.stop)
        for size in sizes:
            sinks: list[Bulk] = []
            for name in names:
                url = f"sqlite:///{folder}/{size}.db" if name == "sqlite" else server.create(f"size_{size}")
                database = stores[name][size] = Database(url)
                stack.callback(database.close)
                migrate(database)
                sinks.append(stack.enter_context(bulk(url)))
            began = time.monotonic()
            keys = filling.fill(sinks, size // filling.MAILS)
            for sink in sinks:
                sink.finish()
            print(f"{size:,} messages, {keys:,} keys filled in {time.monotonic() - began:.0f} s", file=sys.stderr)
        yield stores


def compare(names: Sequence[str], few: int, many: int, mails: int, rounds: int) -> Outcome:
    """Time and CPU of placing a mail beside ``many`` messages, against beside ``few``."""
    context = AppContext.of(settings.load(_env_file=None, intake=filling.INTAKE, organisation=filling.DOMAIN))
    figures = []
    with filled(names, (few, many)) as stores:
        for name in names:
            took: dict[int, list[float]] = {few: [], many: []}
            spent: dict[int, list[float]] = {few: [], many: []}
            for turn in range(rounds + 1):
                for size in (few, many) if turn % 2 else (many, few):
                    new = read_mails(written(mails, size // filling.MAILS, turn), context)
                    one, cpu = place(stores[name][size], new)
                    if turn:  # the first round warms up
                        took[size].append(one)
                        spent[size].append(cpu)
            for what, found in (("time", took), ("CPU", spent)):
                detail = {"ms": statistics.median(found[many]), "base_ms": statistics.median(found[few])}
                figures.append(
                    figure(
                        f"{what} of placing beside {many:,} messages, {name}",
                        median_ratio(found[many], found[few]),
                        against=f"beside {few:,} messages",
                        promised=1.5,
                        at_most=True,
                        detail=detail,
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
    made = compare(asked.databases, asked.few, asked.messages, asked.mails, asked.rounds)
    for one in made["figures"]:
        print(f"{one['what']}: {one['value']:.2f} {one['unit']} {one['against']} {one['detail']}")
    return 0 if all(one["value"] <= 1.5 for one in made["figures"]) else 1


if __name__ == "__main__":
    sys.exit(main())
