"""Compares the cost of placing a mail in a large database and in a small one of the same company.

    python -m bench.growth [sqlite|postgresql] [--messages 1000000] [--rounds 5]

Both databases take in the same mails of ``bench.mix``. Then the rows of the large one are copied until there are
enough. Copies have their own ids and keys, like mail of other months. A company writes about the same number of mails
every month, so a larger database is an older one; and the keys of candidates begin with the month.

It measures the time and the CPU time of placing mails in batches: new mails of these conversations, and answers to
copied mails. On PostgreSQL, it measures only the CPU time of the client.
"""

import contextlib
import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import cyclopts
from sqlalchemy import ColumnElement, Table, case, func, insert, literal, select

from bench.harness import DOMAIN, INTAKE, Figure, empty, ratio, show
from bench.mix import mails as mix
from bench.taking_in import Company
from service.store.database import Connection
from service.store.tables import case_refs, cases, messages, participants, thread_keys

BATCH = 32
ANSWER = (
    f"From: user1@{DOMAIN}\r\nTo: {INTAKE}\r\nSubject: Re: it stops\r\nIn-Reply-To: {{answered}}\r\n"
    f"Message-ID: <{{number}}@{DOMAIN}>\r\n\r\nWe still wait for an answer ({{number}}).\r\n"
)
NUMBERED = (cases, messages)
COPIED: tuple[Table, ...] = (cases, messages, thread_keys, case_refs, participants)


def fill(company: Company, few: int, many: int) -> None:
    """Take in ``few`` mails, and copy their rows until there are ``many`` messages."""
    company.take_in(few, BATCH)
    transact = company.database.transact
    with contextlib.ExitStack() as stack:
        for index in sorted(thread_keys.indexes, key=str):  # creating an index at the end is much faster
            transact(index.drop)
            stack.callback(transact, index.create)
        last = transact(lambda conn: max(conn.scalar(select(func.max(table.c.id))) or 0 for table in NUMBERED))
        for number in range(1, many // few):
            transact(partial(_copy, last=last, number=number))
    transact(_finish)


def place(turn: int, company: Company, mails: int, old: Sequence[str], copies: int) -> tuple[float, float]:
    """Return the time and the CPU time of placing one mail, in milliseconds.

    A quarter of the mails answer a mail with a Message-ID of ``old``, or one of its copies.
    """
    chance = random.Random(turn)
    marks = [f".m{number}" if (number := chance.randrange(copies)) else "" for _ in range(mails // 4)]
    answered = [chance.choice(old).replace(">", f"{mark}>") for mark in marks]
    answers = [ANSWER.format(number=f"{turn}-{at}", answered=one).encode() for at, one in enumerate(answered)]
    stages = company.take_in(mails - len(answers), BATCH, answers)
    took, cpu = (1000 * (spent["place"] + spent["prepare"]) / mails for spent in (stages.time, stages.cpu))
    return took, cpu


def _copy(conn: Connection, last: int, number: int) -> None:
    """Copy the rows of the first mails (ids up to ``last``), with ids, keys and Message-IDs of their own."""
    mark = f".m{number}"

    def copied(column: ColumnElement[Any]) -> ColumnElement[Any]:
        if column.name in ("id", "case_id") or any(key.column.table in NUMBERED for key in column.foreign_keys):
            return column + number * last
        if column is thread_keys.c.key:
            return case((column.between("0", ":"), literal(f"{number:03}") + column), else_=column + mark)
        if column is messages.c.message_id:
            return func.replace(column, ">", f"{mark}>")
        if column is messages.c.quoted_text:
            return literal("")  # saves most of the space
        return column

    for table in COPIED:
        first = table.c.case_id if "case_id" in table.c else table.c.id
        rows = select(*map(copied, table.c)).where(first <= last)
        conn.execute(insert(table).from_select(list(table.c), rows))


def _finish(conn: Connection) -> None:
    for table in NUMBERED if conn.dialect.name == "postgresql" else ():
        sequence = func.pg_get_serial_sequence(table.name, "id")
        conn.execute(select(func.setval(sequence, select(func.max(table.c.id)).scalar_subquery())))
    conn.exec_driver_sql("ANALYZE")


def compare(kind: str, few: int, many: int, mails: int, rounds: int) -> list[Figure]:
    """Compare time and CPU time of placing a mail beside ``many`` messages and beside ``few``."""
    old = [one.message_id for one in mix(few)]
    with empty(kind) as small, empty(kind) as large:
        companies = {1: Company(small), many // few: Company(large)}
        for copies, company in companies.items():
            fill(company, few, few * copies)
        found = [[place(at, its, mails, old, n) for n, its in companies.items()] for at in range(rounds + 1)]
    figures = []
    for at, what in enumerate(("time", "CPU")):
        base, values = zip(*[[one[at] for one in pair] for pair in found[1:]], strict=True)  # the first fills caches
        figures.append(ratio(f"{what} beside {many:,} messages, {kind}", values, base, 1.1, at_most=True))
    return figures


def measure(seconds: float) -> list[Figure]:
    """Compare two small databases, one ten times as large as the other, in about so many seconds."""
    few = 1000 if seconds >= 40 else 200
    return compare("sqlite", few, few * 10, mails=max(64, round(seconds * 1.5)), rounds=3)


def main(database: str = "sqlite", *, messages: int = 1_000_000, rounds: int = 5) -> None:
    show(compare(database, 10_000, messages, 300, rounds))


if __name__ == "__main__":
    cyclopts.run(main)
