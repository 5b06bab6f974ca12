"""CPU of one more mail in a case of 100 mails and in the same case when it has 1,400.

    python -m bench.long_case [--mails 1400] [--profile] [sqlite|postgresql]

Prints the CPU milliseconds that a worker needs for each of the last mails before each length, which wait together, from
the spool until it has nothing more to do; and for judging and saving the case once. Exit status 1 where the long case
costs more than twice as much.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import time
from datetime import UTC, datetime, timedelta

from bench.stores import INTAKE, context, empty, worker
from service import intake
from service.intake import AppContext
from service.store.database import Connection, Database
from service.store.spool import Envelope
from service.worker import Worker

SHORT = 100
WAITING = 40
"""Mails to the case that wait together, of which one figure is the average."""
MOST = 2.0
BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
AFTER = BEGAN + timedelta(days=365)

TEXTS = (
    "The nightly export to the archive fails since Monday. About forty people cannot finish their reports.",
    "Could you send us the log of the export service, and the version you use?",
    "We use version 12.4 and attached the log. The error is 0x80190001. Is there a workaround until Friday?",
    "Thank you for the log. We are looking into it and will report by tomorrow at noon.",
    "It still fails today, now for everybody on the second floor. Please give us a call: 03-1234-5678.",
    "Please try to restart the service and tell us whether the error comes back.",
)


def mail(number: int) -> tuple[str, bytes]:
    """The sender, and the content of the mail with this number: our person and the vendor's in turn."""
    ours = number % 2 == 0
    sender, to = ("aiko@corp.example", "support@vendor.example")[:: 1 if ours else -1]
    at = BEGAN + timedelta(minutes=20 * number)
    threading = f"In-Reply-To: <{number - 1}@mail.example>\r\nReferences: <0@mail.example>\r\n" if number else ""
    head = (
        f"From: {sender}\r\nTo: {to}\r\nCc: help@intake.example\r\nSubject: {'Re: ' if number else ''}Export fails\r\n"
        f"Message-ID: <{number}@mail.example>\r\nDate: {at:%a, %d %b %Y %H:%M:%S} +0000\r\n{threading}\r\n"
    )
    return sender, (head + f"{TEXTS[number % len(TEXTS)]}\r\nStep {number} of the export was tried.\r\n").encode()


def receive(database: Database, numbers: range) -> None:
    """Put these mails into the spool."""
    made = map(mail, numbers)
    mails = [(Envelope("smtp", one, (INTAKE,), peer="192.0.2.1"), content) for one, content in made]
    if mails:
        intake.receive(database, mails, BEGAN + timedelta(minutes=20 * numbers[-1], seconds=5))


def take_in(database: Database, worker: Worker, first: int, last: int) -> float:
    """Take in these mails; CPU seconds of one of the last of them."""
    receive(database, range(first, last - WAITING))
    while worker.turn():
        pass
    receive(database, range(last - WAITING, last))
    began = time.process_time()
    while worker.turn():
        pass
    return (time.process_time() - began) / WAITING


def judge(database: Database, context: AppContext) -> float:
    """CPU seconds of judging and saving the case."""

    def again(conn: Connection) -> None:
        intake.rejudge(conn, [1], context, now=BEGAN)

    began = time.process_time()
    database.transact(again)
    return time.process_time() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", nargs="?", default="sqlite")
    parser.add_argument("--mails", type=int, default=1400)
    parser.add_argument("--profile", action="store_true", help="from the first length on")
    asked = parser.parse_args()
    figures: dict[int, tuple[float, float]] = {}
    with empty(asked.database) as database:
        ours = context(trusted_networks="192.0.2.0/24")
        reads = worker(database, ours, lambda: AFTER)
        profile = cProfile.Profile(time.process_time)
        before = 0
        for length in (SHORT, asked.mails):
            if asked.profile and length == asked.mails:
                profile.enable()
            all_of_it = take_in(database, reads, before, length)
            figures[length] = all_of_it, min(judge(database, ours) for _ in range(10))
            before = length
        profile.disable()
        cases = database.read(lambda conn: conn.exec_driver_sql("SELECT count(*), max(id) FROM cases").one())
    if tuple(cases) != (1, 1):
        print(f"the mails came to {cases[0]} cases: nothing was measured")
        return 1
    for length, (all_of_it, judging) in figures.items():
        print(f"{length:6} mails: {1000 * all_of_it:7.2f} ms a mail; judging once {1000 * judging:7.2f} ms")
    ratio, of_judging = (figures[asked.mails][i] / figures[SHORT][i] for i in (0, 1))
    print(f"{ratio:.2f} times as much with {asked.mails} mails ({of_judging:.2f} times judging it once)")
    if asked.profile:
        pstats.Stats(profile, stream=sys.stdout).sort_stats("cumtime").print_stats(45)
    return 0 if ratio <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
