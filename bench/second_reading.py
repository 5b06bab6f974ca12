"""``python -m bench.second_reading``: 1,000 mails, a model that answers in 2 s, four at a time, its reader killed.

The same mails are sent by SMTP twice: to `sodan serve` without a model, and to one with it. Prints how long each took
until every mail stood in its case, how long the second readings took while `sodan reader` was killed by SIGKILL, and
how often the model was asked about each mail. Status 1 where a reading was lost, or asked more often than kills allow.
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


def take_in(served: Served, database: Path, mails: int) -> float:
    """Seconds from the first mail by SMTP until all stand in their cases."""
    began = time.monotonic()
    step = -(-mails // 4)
    with ThreadPoolExecutor(4) as threads:
        parts = [range(start, min(start + step, mails)) for start in range(0, mails, step)]
        list(threads.map(lambda part: send(served.smtp, part), parts))
    while count(database, "SELECT count(*) FROM messages") < mails:
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
    given = parser.parse_args()
    model = Model(given.seconds)
    with tempfile.TemporaryDirectory(prefix="sodan-bench-") as temporary, endpoint(model) as up:
        folder = Path(temporary)
        with serving(folder / "without") as (served, database):
            without = take_in(served, database, given.mails)
        variables = {
            "model_url": up.url, "model": "slow", "model_seconds": str(MODEL_SECONDS),
            "model_concurrency": str(CONCURRENCY),
        }  # fmt: skip
        with serving(folder / "with", **variables) as (served, database):
            beside = take_in(served, database, given.mails)
            began = time.monotonic()
            pause = given.mails * given.seconds / CONCURRENCY / (given.kills + 2)
            killed = read_all(served, database, given.mails, given.kills, random.Random(18), pause)
            reading = time.monotonic() - began
            done = count(database, "SELECT count(*) FROM second_readings WHERE state = 'done'")
            by_model = count(
                database, "SELECT count(*) FROM messages WHERE json_extract(statements, '$.reader') = 'model'"
            )
    times = Counter(model.asked.values())
    again = sum(number - 1 for number in model.asked.values())
    report = {
        "mails": given.mails,
        "taken in without a model, s": round(without, 1),
        "taken in with the model, s": round(beside, 1),
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
