"""Where a mail's time goes between the spool and the API, stage by stage, on the realistic mix.

python -m bench.taking_in [--mails 1000] [--batch 128] [--profile] [sqlite|postgresql]
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from bench.figure import Outcome, figure, outcome
from bench.mix import mails
from bench.reading import standard
from bench.stores import INTAKE, context, empty
from service import intake
from service.cases.facts.extracted import with_reading
from service.cases.facts.extraction import extract_messages
from service.intake import AppContext, ReadMail
from service.mail.parse import parse
from service.store import placement, search, spool
from service.store.database import Connection, Database, one_at_a_time
from service.store.spool import Claimed, Envelope

BATCH = 128
T = TypeVar("T")


class Stages:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)

    def of(self, stage: str, fn: Callable[..., T], *arguments: Any, **named: Any) -> T:
        began = time.process_time()
        try:
            return fn(*arguments, **named)
        finally:
            self.spent[stage] += time.process_time() - began


def receive(database: Database, contents: Sequence[bytes], now: datetime, stages: Stages) -> None:
    envelope = Envelope("smtp", f"sender@{INTAKE}", (INTAKE,), peer="127.0.0.1")
    stages.of("receive", intake.receive, database, [(envelope, one) for one in contents], now)


def take_in(database: Database, context: AppContext, now: datetime, stages: Stages, batch: int = BATCH) -> int:
    """One batch of what waits, as a worker takes it; how many mails it was."""
    claim = lambda conn: spool.claim(conn, "bench", now, timedelta(60), batch)  # noqa: E731
    claimed: list[Claimed] = stages.of("claim", database.transact, claim)
    if claimed:
        read_mails = _understand(claimed, context, database, stages)
        prepared = database.read(lambda conn: stages.of("prepare", intake.prepare, conn, read_mails, context))
        before = stages.spent["place"] + stages.spent["rejudge"]
        save = partial(_save, read_mails=read_mails, context=context, now=now, stages=stages, prepared=prepared)
        stages.of("commit and rest", database.transact, save)
        stages.spent["commit and rest"] -= stages.spent["place"] + stages.spent["rejudge"] - before
    return len(claimed)


def _understand(claimed: list[Claimed], context: AppContext, database: Database, stages: Stages) -> list[ReadMail]:
    roles = context.roles(database.read(placement.learned))
    out = []
    for one in claimed:
        mail = stages.of("parse", parse, one.content)
        where = {"received_at": one.received_at, "recipients": one.envelope.rcpt_tos}
        extracted = stages.of("bring", extract_messages, mail, roles, context.ingest, **where)
        read = [stages.of("rules read", context.rules.read, replace(each.turn, id="")) for each in extracted]
        out.append(ReadMail(one, tuple(map(with_reading, extracted, read))))
    return out


def _save(
    conn: Connection,
    read_mails: list[ReadMail],
    context: AppContext,
    now: datetime,
    stages: Stages,
    prepared: placement.Prepared,
) -> None:
    one_at_a_time(conn)
    spool.finish(conn, [one.claimed.id for one in read_mails], "bench", now)
    arrived = [placement.ArrivedMail(one.claimed.id, one.claimed.received_at, one.extracted) for one in read_mails]
    place = partial(placement.place_all, now=now, reopen=context.reopen, prepared=prepared)
    placed = stages.of("place", place, conn, arrived)
    stages.of("rejudge", intake.rejudge, conn, placed.cases, context, now=now, opened=placed.opened)


def run(
    database: Database, ours: AppContext, count: int, batch: int = BATCH, profile: cProfile.Profile | None = None
) -> tuple[dict[str, float], float]:
    """Receive and take in ``count`` mails: CPU milliseconds a mail, the costliest stage first, and mails a second.

    Some mails before them are not counted: imports, compiled patterns, prepared statements.
    """
    now = datetime.now(UTC)
    for number, prefix in ((100, "warm"), (count, "mix")):
        stages, contents = Stages(), [one.content for one in mails(number, prefix=prefix)]
        for start in range(0, number, batch):
            receive(database, contents[start : start + batch], now, stages)
        began = time.monotonic()
        if profile is not None and prefix == "mix":
            profile.enable()
        while take_in(database, ours, now, stages, batch):
            while stages.of("index", search.index_pending, database, 500):
                pass
        rate = number / (time.monotonic() - began)
    if profile is not None:
        profile.disable()
    by_cost = sorted(stages.spent.items(), key=lambda one: -one[1])
    return {stage: 1000 * spent / count for stage, spent in by_cost}, rate


def measure(seconds: float) -> Outcome:
    """Each stage's CPU on SQLite, against the standard library parsing the same mails; in about so many seconds."""
    count = max(100, round(seconds * 15))
    with empty("sqlite") as database:
        by_stage, rate = run(database, context(), count)
    contents = [one.content for one in mails(count)]
    began = time.process_time()
    for content in contents:
        standard(content)
    base = 1000 * (time.process_time() - began) / count
    against = "CPU of the standard library"
    figures = [figure(stage, ms / base, against=against, detail={"ms": ms}) for stage, ms in by_stage.items()]
    whole = sum(by_stage.values())
    detail = {"ms": whole, "base_ms": base, "rate": rate}
    figures.append(figure("all stages", whole / base, against=against, detail=detail))
    return outcome(figures, by_stage)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", nargs="?", default="sqlite")
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=BATCH, help="mails taken in at once")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    profile = cProfile.Profile(time.process_time) if asked.profile else None  # of CPU: the machine may be shared
    with empty(asked.database) as database:
        by_stage, rate = run(database, context(), asked.mails, asked.batch, profile)
    total = sum(by_stage.values())
    for stage, ms in by_stage.items():
        print(f"{stage:16} {ms:7.3f} ms a mail  {100 * ms / total:4.0f} %")
    print(f"{'all':16} {total:7.3f} ms a mail; one worker {rate:.0f} mails/s on {asked.database}")
    if profile is not None:
        pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(60)
    return 0


if __name__ == "__main__":
    sys.exit(main())
