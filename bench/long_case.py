"""CPU of one more mail in a case of 100 mails and in the same case when it has 1,400.

    python -m bench.long_case [sqlite|postgresql] [--mails 1400]

Prints the CPU milliseconds that a worker needs for each of the last mails before each length, which wait together, from
the spool until it has nothing more to do; and for judging and saving the case once. Exit status 1 where the long case
costs more than twice as much.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import cyclopts

from bench.harness import INTAKE, Figure, context, cpu_of, empty, show, table, worker
from service import intake
from service.store.database import Database
from service.store.spool import Envelope
from service.worker import Worker

SHORT = 100
WAITING = 40
"""Mails to the case that wait together, of which one figure is the average."""
MOST = 2.0
BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
AFTER = BEGAN + timedelta(days=365)
TEXTS = table("long_case")


def mail(number: int) -> tuple[Envelope, bytes]:
    """The mail with this number: our person's and the vendor's in turn."""
    sender, to = ("aiko@corp.example", "support@vendor.example")[:: -1 if number % 2 else 1]
    at = BEGAN + timedelta(minutes=20 * number)
    threading = f"In-Reply-To: <{number - 1}@mail.example>\r\nReferences: <0@mail.example>\r\n" if number else ""
    head = (
        f"From: {sender}\r\nTo: {to}\r\nCc: {INTAKE}\r\nSubject: {'Re: ' if number else ''}Export fails\r\n"
        f"Message-ID: <{number}@mail.example>\r\nDate: {at:%a, %d %b %Y %H:%M:%S} +0000\r\n{threading}\r\n"
    )
    text = f"{TEXTS[number % len(TEXTS)]}\r\nStep {number} of the export was tried.\r\n"
    return Envelope("smtp", sender, (INTAKE,), peer="192.0.2.1"), (head + text).encode()


def take_in(database: Database, reads: Worker, first: int, last: int) -> float:
    """Take in these mails; CPU milliseconds of one of the last of them."""

    def work() -> None:
        while reads.turn():
            pass

    for begin, end in ((first, last - WAITING), (last - WAITING, last)):
        at = BEGAN + timedelta(minutes=20 * end)
        intake.receive(database, [mail(number) for number in range(begin, end)], at)
        took = cpu_of(work)
    return took / WAITING


def main(kind: str = "sqlite", *, mails: int = 1400) -> int:
    found: dict[int, tuple[float, float]] = {}
    with empty(kind) as database:
        ours = context(trusted_networks="192.0.2.0/24")
        reads = worker(database, ours, lambda: AFTER)

        def judge() -> None:
            database.transact(lambda conn: intake.rejudge(conn, [1], ours, now=BEGAN))

        for first, last in ((0, SHORT), (SHORT, mails)):
            found[last] = take_in(database, reads, first, last), min(cpu_of(judge) for _ in range(10))
        cases = database.read(lambda conn: conn.exec_driver_sql("SELECT count(*), max(id) FROM cases").one())
    if tuple(cases) != (1, 1):
        sys.exit(f"the mails came to {cases[0]} cases: nothing was measured")
    figures = []
    for at, name, target in ((0, "one more mail", MOST), (1, "judging the case once", None)):
        detail = {f"ms in a case of {length:,}": times[at] for length, times in found.items()}
        figures.append(Figure(name, found[mails][at] / found[SHORT][at], "×", target, True, detail))
    return show(figures)


if __name__ == "__main__":
    cyclopts.run(main)
