"""What placing a mail costs in an old and full store, against a young one of the same company, in turns.

    python -m bench.growth [sqlite postgresql] [--messages 1000000] [--few 10000] [--mails 300] [--rounds 5]

Both stores take in the same mails of ``bench.desks``. Then the rows of the full one are copied until there are enough.
Copies have ids and keys of their own, like mail of earlier months: a company writes as much every month, so a larger
store is an older one, and candidates are looked for by keys of a month. Measured are the time and the CPU of placing
new mails of these conversations, and answers to copied ones, in batches (on PostgreSQL the CPU of the client alone).
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Any

import cyclopts
from sqlalchemy import ColumnElement, Table, func, insert, literal, select

from bench import desks
from bench.harness import DOMAIN, INTAKE, Figure, databases, in_turns, opened, ratio, show
from service.store.database import Connection, Database
from service.store.tables import case_refs, cases, messages, participants, thread_keys

BATCH = 32
OLD = 1 / 4
"""Of the mails that are placed: answers to copied ones."""
NUMBERED = (cases, messages)
COPIED: tuple[Table, ...] = (cases, messages, thread_keys, case_refs, participants)


class Company:
    """A store that takes in the mail of a company."""

    def __init__(self, database: Database) -> None:
        self._database, self._store = database, desks.store(database)
        self._mails = desks.mails(10**9, self._store.now)
        self._copies, self._reports = range(1), 1

    def fill(self, few: int, many: int) -> None:
        """Take in ``few`` mails, and copy their rows until there are ``many`` messages."""
        self._store.take_in([one.content for one in islice(self._mails, few)], BATCH)
        self._copies, self._reports = range(many // few), max(1, few // 6)
        with contextlib.ExitStack() as stack:
            for index in sorted(thread_keys.indexes, key=str):  # made when all is there: that is much faster
                self._database.transact(index.drop)
                stack.callback(self._database.transact, index.create)
            ends = self._database.read(
                lambda conn: {table: conn.execute(select(func.max(table.c.id))).scalar() or 0 for table in NUMBERED}
            )
            for number in self._copies[1:]:
                self._database.transact(partial(_copy, ends=ends, number=number))
        self._database.transact(_finish)

    def place(self, turn: int, mails: int) -> tuple[float, float]:
        """Milliseconds and CPU milliseconds of placing one of so many new mails."""
        chance = random.Random(turn)
        fresh = [one.content for one in islice(self._mails, round(mails * (1 - OLD)))]
        fresh += [self._answer(f"{turn}-{number}", chance) for number in range(mails - len(fresh))]
        stages = self._store.take_in(fresh, BATCH)
        took, cpu = (1000 * (spent["place"] + spent["prepare"]) / mails for spent in (stages.time, stages.cpu))
        return took, cpu

    def _answer(self, number: str, chance: random.Random) -> bytes:
        """An answer to a report, of the last months or of an earlier one."""
        report = f"<desk-{chance.randrange(self._reports)}-0@{DOMAIN}{_mark(chance.choice(self._copies))}>"
        head = f"From: user1@{DOMAIN}\r\nTo: {INTAKE}\r\nSubject: Re: it stops\r\nIn-Reply-To: {report}\r\n"
        return f"{head}Message-ID: <{number}@{DOMAIN}>\r\n\r\nWe still wait for an answer ({number}).\r\n".encode()


def _copy(conn: Connection, ends: dict[Table, int], number: int) -> None:
    """Copy the rows of the first mails, with ids, keys and Message-IDs of their own."""

    def copied(column: ColumnElement[Any]) -> ColumnElement[Any]:
        numbered = [key.column.table for key in column.foreign_keys if key.column.table in NUMBERED]
        if column.primary_key and column.name == "id":
            numbered = [column.table]
        if numbered:
            return column + number * ends[numbered[0]]
        if column is thread_keys.c.key:
            return column + _mark(number)
        if column is messages.c.message_id:
            return func.replace(column, ">", f"{_mark(number)}>")
        if column is messages.c.quoted_text:
            return literal("")  # saves most of the space
        return column

    for table in COPIED:
        first = table.c.case_id if "case_id" in table.c else table.c.id
        rows = select(*map(copied, table.c)).where(first <= ends[cases])
        conn.execute(insert(table).from_select(list(table.c), rows))


def _mark(copy: int) -> str:
    return f".m{copy}" if copy else ""


def _finish(conn: Connection) -> None:
    for table in NUMBERED if conn.dialect.name == "postgresql" else ():
        sequence = func.pg_get_serial_sequence(table.name, "id")
        conn.execute(select(func.setval(sequence, select(func.max(table.c.id)).scalar_subquery())))
    conn.exec_driver_sql("ANALYZE")


def compare(kinds: Sequence[str], few: int, many: int, mails: int, rounds: int) -> list[Figure]:
    """Time and CPU of placing a mail beside ``many`` messages, against beside ``few``."""
    figures = []
    for kind in kinds:
        with databases(kind) as create, opened(create("few")) as young, opened(create("many")) as old:
            companies = [Company(young), Company(old)]
            for company, messages in zip(companies, (few, many), strict=True):
                company.fill(few, messages)
            found = in_turns([partial(company.place, mails=mails) for company in companies], rounds + 1)
        for at, what in enumerate(("time", "CPU")):
            base, values = ([one[at] for one in its[1:]] for its in found)  # the first warms up
            figures.append(ratio(f"{what} beside {many:,} messages, {kind}", values, base, 1.1, at_most=True))
    return figures


def measure(seconds: float) -> list[Figure]:
    """A bounded size: ten times as many; in about so many seconds."""
    few = 1000 if seconds >= 40 else 200
    return compare(["sqlite"], few, few * 10, mails=max(64, round(seconds * 1.5)), rounds=3)


def main(*kinds: str, messages: int = 1_000_000, few: int = 10_000, mails: int = 300, rounds: int = 5) -> int:
    return show(compare(kinds or ("sqlite", "postgresql"), few, messages, mails, rounds))


if __name__ == "__main__":
    cyclopts.run(main)
