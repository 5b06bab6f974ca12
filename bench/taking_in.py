"""Where a mail's time goes between the spool and the API, stage by stage, on the realistic mix.

python -m bench.taking_in [--mails 1000] [--batch 128] [--profile] [sqlite|postgresql]
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bench.figure import Outcome, figure, outcome
from bench.kill import database_url
from bench.mix import mails
from bench.reading import standard
from service import intake, settings
from service.cases.facts.extracted import with_reading
from service.cases.facts.extraction import extract_messages
from service.intake import AppContext, ReadMail
from service.mail.parse import parse
from service.store import placement, search, spool
from service.store.database import Connection, Database, one_at_a_time
from service.store.migrate import migrate
from service.store.spool import Claimed, Envelope

BATCH = 128
T = TypeVar("T")


class Stages:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)

    def most(self) -> list[tuple[str, float]]:
        """The costliest first."""
        return sorted(self.spent.items(), key=lambda one: -one[1])

    def of(self, stage: str, fn: Callable[..., T], *arguments: Any, **named: Any) -> T:
        began = time.process_time()
        try:
            return fn(*arguments, **named)
        finally:
            self.spent[stage] += time.process_time() - began


def context() -> AppContext:
    """The house that owns the mix. Its patterns are compiled as they are first needed: warm it up."""
    return AppContext.of(settings.load(_env_file=None, intake="help@intake.example", organisation="corp.example"))


def run(
    database: Database,
    context: AppContext,
    count: int,
    seed: int = 1,
    profile: cProfile.Profile | None = None,
    batch: int = BATCH,
) -> tuple[Stages, float]:
    """Receive and take in ``count`` mails; CPU by stage, and mails a second of one worker.

    A ``profile`` is of the taking in alone, without making the mails.
    """
    now = datetime.now(UTC)
    made = list(mails(count, seed))
    stages = Stages()

    def claim(conn: Connection) -> list[Claimed]:
        return spool.claim(conn, "bench", now, timedelta(60), batch)

    for start in range(0, count, batch):
        group = [(Envelope("smtp", m.sender, ("help@intake.example",)), m.content) for m in made[start : start + batch]]
        stages.of("receive", intake.receive, database, group, now)
    began = time.monotonic()
    if profile is not None:
        profile.enable()
    while True:
        claimed = stages.of("claim", database.transact, claim)
        if not claimed:
            break
        read_mails = _understand(claimed, context, database, stages)
        take_in = partial(_take_in, read_mails=read_mails, context=context, now=now, stages=stages)
        stages.of("commit and rest", database.transact, take_in)
        while stages.of("index", search.index_pending, database, 500):
            pass
    took = time.monotonic() - began
    if profile is not None:
        profile.disable()
    inner = sum(stages.spent[name] for name in ("place", "rejudge"))
    stages.spent["commit and rest"] -= inner
    return stages, count / took


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


def _take_in(conn: Connection, read_mails: list[ReadMail], context: AppContext, now: datetime, stages: Stages) -> None:
    spool.finish(conn, [one.claimed.id for one in read_mails], "bench", now)
    one_at_a_time(conn)
    arrived = [placement.ArrivedMail(one.claimed.id, one.claimed.received_at, one.extracted) for one in read_mails]
    placed = stages.of("place", placement.place_all, conn, arrived, now=now, reopen=context.reopen)
    stages.of("rejudge", intake.rejudge, conn, placed.cases, context, now=now, opened=placed.opened)


def measure(seconds: float) -> Outcome:
    """Each stage's CPU on SQLite, against the standard library parsing the same mails; in about so many seconds."""
    count = max(100, round(seconds * 15))
    with tempfile.TemporaryDirectory() as folder, database_url("sqlite", Path(folder)) as url:
        database = Database(url)
        migrate(database)
        ours = context()
        run(database, ours, 100, seed=2)  # imports, compiled patterns, prepared statements
        stages, rate = run(database, ours, count)
        database.close()
    began = time.process_time()
    for one in mails(count):
        standard(one.content)
    base = time.process_time() - began
    began = time.process_time()
    for _ in mails(count):  # making the mails is not parsing them
        pass
    base -= time.process_time() - began
    by_stage = {stage: 1000 * spent / count for stage, spent in stages.most()}
    base_ms = 1000 * base / count
    against = "CPU of the standard library"
    figures = [figure(stage, ms / base_ms, against=against, detail={"ms": ms}) for stage, ms in by_stage.items()]
    whole = sum(by_stage.values())
    detail = {"ms": whole, "base_ms": base_ms, "rate": rate}
    figures.append(figure("all stages", whole / base_ms, against=against, detail=detail))
    return outcome(figures, by_stage)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", nargs="?", default="sqlite")
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=BATCH, help="mails taken in at once")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, database_url(asked.database, Path(folder)) as url:
        database = Database(url)
        migrate(database)
        ours = context()
        run(database, ours, 100, seed=2)
        profile = cProfile.Profile(time.process_time)  # of CPU: the machine may be shared
        stages, rate = run(database, ours, asked.mails, profile=profile if asked.profile else None, batch=asked.batch)
        database.close()
    total = sum(stages.spent.values())
    for stage, spent in stages.most():
        print(f"{stage:16} {1000 * spent / asked.mails:7.3f} ms a mail  {100 * spent / total:4.0f} %")
    print(f"{'all':16} {1000 * total / asked.mails:7.3f} ms a mail; one worker {rate:.0f} mails/s on {asked.database}")
    if asked.profile:
        pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(60)
    return 0


if __name__ == "__main__":
    sys.exit(main())
