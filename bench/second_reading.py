"""``python -m bench.second_reading``: 1,000 mails, a model that answers in 2 s, four at a time, its reader killed.

The same mails are sent by SMTP to `sodan serve` without a model, and to one with it, in turn. Prints how long each took
until every mail stood in its case; how long the second readings of the last took while `sodan reader` was killed by
SIGKILL; and how often the model was asked about each mail. Status 1 where a reading was lost, or asked for more often
than kills allow.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import smtplib
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

from tests.model.endpoint import Answer, endpoint, statements
from tests.served import Served

CONCURRENCY = 4
MODEL_SECONDS = 5
"""Timeout of one request; a killed reader's message is free again after twice this and a minute."""
MESSAGES = "SELECT count(*) FROM messages"
BY_MODEL = "SELECT count(*) FROM messages WHERE json_extract(statements, '$.reader') = 'model'"
_ROOM = re.compile(r"printer of room (\d+)")


@dataclass
class Model:
    """Answers after a while, and counts what it is asked."""

    seconds: float
    asked: Counter[int] = field(default_factory=Counter)
    now: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: dict[str, Any]) -> Answer:
        found = _ROOM.search(request["messages"][1]["content"])
        assert found is not None
        with self.lock:
            self.asked[int(found[1])] += 1
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        with self.lock:
            self.now -= 1
        quote = f"The {found[0]} does not print."
        return statements({"unit": 1, "meaning": "kind.incident", "state": "value", "quote": quote})


WARM = 10_000_000
"""Number of a mail that is sent first, so that nothing measured waits for a process to start."""


def mail(number: int) -> bytes:
    return (
        f"From: P {number} <p{number}@corp.example>\r\nTo: help@corp.example\r\nSubject: Printer of room {number}\r\n"
        f"Message-ID: <{number}@corp.example>\r\nDate: {formatdate()}\r\n\r\n"
        f"The printer of room {number} does not print.\r\nIt is dark since this morning.\r\n"
    ).encode()


def send(port: int, numbers: range) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=300) as client:
        for number in numbers:
            client.sendmail(f"p{number}@corp.example", ["help@corp.example"], mail(number))


def take_in(served: Served, database: Path, mails: int, *, with_model: bool) -> float:
    """Seconds from the first mail by SMTP until all stand in their cases."""
    send(served.smtp, range(WARM, WARM + 1))
    ready = "SELECT count(*) FROM second_readings WHERE state = 'done'" if with_model else MESSAGES
    while not count(database, ready):
        time.sleep(0.05)
    began = time.monotonic()
    step = -(-mails // 4)
    with ThreadPoolExecutor(4) as threads:
        parts = [range(start, min(start + step, mails)) for start in range(0, mails, step)]
        list(threads.map(lambda part: send(served.smtp, part), parts))
    while count(database, MESSAGES) <= mails:
        time.sleep(0.05)
    return time.monotonic() - began


def count(database: Path, query: str) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)) as connection:
        return int(connection.execute(query).fetchone()[0])


@contextmanager
def serving(folder: Path, **given: str) -> Iterator[tuple[Served, Path]]:
    folder.mkdir()
    database = folder / "sodan.db"
    served = Served(
        folder, database_url=f"sqlite:///{database}", log_level="warning", trusted_networks="127.0.0.0/8",
        intake="help@corp.example", **given,
    )  # fmt: skip
    try:
        yield served, database
    finally:
        served.process.terminate()
        served.process.wait(60)


def read_all(served: Served, database: Path, mails: int, kills: int, chance: random.Random, pause: float) -> int:
    """Kill the reader now and then until all is read; how often it was killed."""
    killed, last = 0, time.monotonic()
    end = last + 60 * 60
    while time.monotonic() < end:
        waiting = count(database, "SELECT count(*) FROM second_readings WHERE state = 'waiting'")
        if not waiting:
            break
        if killed < kills and time.monotonic() - last > pause and (pid := served.children().get("reader")):
            time.sleep(chance.uniform(0, 2))
            os.kill(pid, signal.SIGKILL)
            killed, last = killed + 1, time.monotonic()
        time.sleep(0.5)
    return killed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3, help="how often intake is measured with and without")
    given = parser.parse_args()
    model = Model(given.seconds)
    variables = {"model": "slow", "model_seconds": str(MODEL_SECONDS), "model_concurrency": str(CONCURRENCY)}
    without, beside = [], []
    with tempfile.TemporaryDirectory(prefix="sodan-bench-") as temporary, endpoint(model) as up:
        folder, variables["model_url"] = Path(temporary), up.url
        for round_ in range(given.rounds):  # in turn, so that what else the machine does meets both
            with serving(folder / f"without{round_}") as (served, database):
                without.append(take_in(served, database, given.mails, with_model=False))
            model.asked.clear()
            with serving(folder / f"with{round_}", **variables) as (served, database):
                beside.append(take_in(served, database, given.mails, with_model=True))
                if round_ + 1 < given.rounds:
                    continue
                model.most, began = 0, time.monotonic()
                pause = given.mails * given.seconds / CONCURRENCY / (given.kills + 2)
                killed = read_all(served, database, given.mails, given.kills, random.Random(18), pause)
                reading = time.monotonic() - began
                done = count(database, "SELECT count(*) FROM second_readings WHERE state = 'done'") - 1
                by_model = count(database, BY_MODEL) - 1
    del model.asked[WARM]
    times = Counter(model.asked.values())
    again = sum(number - 1 for number in model.asked.values())
    report = {
        "mails": given.mails,
        "taken in without a model, s": [round(one, 1) for one in without],
        "taken in with the model, s": [round(one, 1) for one in beside],
        "with the model / without, medians": round(statistics.median(beside) / statistics.median(without), 2),
        "second readings, s": round(reading, 1),
        "reader killed": killed,
        "read by the model": by_model,
        "lost": given.mails - done,
        "asked once": times[1],
        "asked again": again,
        "at once, at most": model.most,
    }
    print(json.dumps(report, indent=2))
    return int(done != given.mails or by_model != given.mails or again > killed * CONCURRENCY)


if __name__ == "__main__":
    sys.exit(main())
