"""Crossing conversations, taken in by one worker and by several at once: the same cases, and no mail twice.

python -m bench.crossing [--conversations 500] [--workers 4] [--seed 1]

Each conversation has ten mails: a user's report, the team's inquiry under a subject of its own, the vendor's receipt,
crossing answers, a forward, a reply without headers that quotes, a duplicate. They lie in the spool in random order.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, func, select

from bench.kill import database_url
from service.intake import receive
from service.store import spool_view
from service.store.database import Database
from service.store.migrate import migrate
from service.store.spool import Envelope
from service.store.tables import cases, messages
from service.store.tables import spool as entries

START = datetime(2027, 2, 1, tzinfo=UTC)
INTAKE = "help@corp.example"


def conversation(number: int) -> Iterator[bytes]:
    """Ten mails about one matter; its words are its own."""
    word, code, ref = f"zone{number:05d}", f"E{number:05d}", f"{10_000_000 + number}"
    user, desk, vendor = f"user{number}@corp.example", "desk@corp.example", "support@okta.com"
    begun = START + timedelta(minutes=90 * number)
    ids = [f"<c{number}-{step}@x.example>" for step in range(9)]
    title, asked = f"Sign-in to {word} fails", f"Okta sign-in loop in {word}"
    numbered = f"{asked} [Case {ref}]"

    def mail(step: int, author: str, to: str, subject: str, text: str, *parents: int, whole: bool = True) -> bytes:
        head = [f"From: {author}", f"To: {to}", f"Cc: {INTAKE}", f"Subject: {subject}", f"Message-ID: {ids[step]}"]
        head.append(f"Date: {format_datetime(begun + timedelta(minutes=20 * step))}")
        if parents and whole:
            head.append(f"In-Reply-To: {ids[parents[-1]]}")
            head.append("References: " + " ".join(ids[p] for p in parents))
        return ("\r\n".join(head) + "\r\n\r\n" + text.replace("\n", "\r\n") + "\r\n").encode()

    told = f"Okta sign-in to {word} fails with {code} for our people since this morning."
    yield mail(0, user, desk, title, told)
    yield mail(1, desk, user, f"Re: {title}", f"Thank you. Which browser shows {code}?", 0)
    yield mail(2, desk, vendor, asked, f"Okta sign-in to {word} loops with {code}. Please tell us the cause.")
    yield mail(3, user, desk, f"Re: {title}", f"All of them show {code}.", 0, 1)
    yield mail(4, vendor, desk, numbered, f"We received your request about {word}.", 2)
    yield mail(5, vendor, desk, numbered, "Please send the system log.", 2, 4)
    forwarded = format_datetime(begun + timedelta(minutes=100))
    block = f"From: Okta Support <{vendor}>\nDate: {forwarded}\nSubject: {numbered}\nTo: {desk}\n\n"
    body = f"please look\n\n---------- Forwarded message ---------\n{block}Please send the system log.\n"
    yield mail(6, desk, INTAKE, f"Fwd: {numbered}", body)
    yield mail(7, desk, vendor, f"Re: {numbered}", f"The log of {word} is attached.", 2, 4, 5)
    quote = f"On {format_datetime(begun)}, {user} wrote:\n> {told}\n"
    yield mail(8, desk, user, f"Re: {title}", f"We asked the maker about {code}.\n\n{quote}", 0, whole=False)
    yield mail(0, user, desk, title, told)


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in the store in the end."""

    cases: frozenset[frozenset[str]]
    twice: int
    """Messages that stand twice."""
    again: int
    """Mails that had to be tried again: a deadlock, a lost lease."""
    lost: int
    """Cases whose document does not count the messages they have: an update was lost."""
    seconds: float

    def __str__(self) -> str:
        return (
            f"{len(self.cases)} cases, {self.twice} mails twice, {self.again} tried again, "
            f"{self.lost} updates lost, {self.seconds:.0f} s"
        )


def run(url: str, mails: list[bytes], workers: int) -> Found:
    """Take them in."""
    database = Database(url)
    migrate(database)
    envelope = Envelope(channel="smtp", mail_from="", rcpt_tos=(INTAKE,))
    for start in range(0, len(mails), 500):
        receive(database, [(envelope, one) for one in mails[start : start + 500]], datetime.now(UTC))
    env = {
        **os.environ,
        "SODAN_DATABASE_URL": url,
        "SODAN_INTAKE": INTAKE,
        "SODAN_TEAM": "desk@corp.example",
        "SODAN_BATCH": "32",
        "SODAN_LOG_LEVEL": "error",
    }
    began = time.monotonic()
    crew = [subprocess.Popen([sys.executable, "-m", "service", "worker"], env=env) for _ in range(workers)]
    try:
        while database.read(spool_view.ledger).waiting:
            time.sleep(0.2)
    finally:
        for process in crew:
            process.terminate()
        for process in crew:
            process.wait(60)
    seconds = time.monotonic() - began
    found = database.read(partial(_found, seconds=seconds))
    database.close()
    return found


def _found(conn: Connection, seconds: float) -> Found:
    query = select(messages.c.message_id, messages.c.case_id).where(messages.c.message_id.is_not(None))
    rows = conn.execute(query).all()
    by_case: dict[int, set[str]] = defaultdict(set)
    for message_id, case in rows:
        by_case[case].add(message_id)
    counted = select(messages.c.case_id, func.count().label("n")).group_by(messages.c.case_id)
    there = {row.case_id: row.n for row in conn.execute(counted)}
    told = conn.execute(select(cases.c.id, cases.c.messages).where(cases.c.merged_into.is_(None)))
    return Found(
        frozenset(frozenset(one) for one in by_case.values()),
        sum(count > 1 for count in Counter(message_id for message_id, _ in rows).values()),
        conn.execute(select(func.count()).where(entries.c.attempts > 1)).scalar_one(),
        sum(there.get(case) != count for case, count in told),
        seconds,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=500)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    mails = [one for number in range(asked.conversations) for one in conversation(number)]
    random.Random(asked.seed).shuffle(mails)
    found = []
    for workers, name in ((1, "sqlite"), (asked.workers, "postgresql")):
        with tempfile.TemporaryDirectory() as folder, database_url(name, Path(folder)) as url:
            found.append(run(url, mails, workers))
        print(f"{name}, {workers} workers: {len(mails)} mails, {found[-1]}", flush=True)
    same = found[0].cases == found[1].cases
    print("the same cases" if same else "DIFFERENT cases", f"of {asked.conversations} conversations")
    good = same and not any(one.twice or one.again or one.lost for one in found)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
