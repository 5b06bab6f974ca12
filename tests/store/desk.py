"""Placing mails in a real store, without SMTP and without rules."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any

from sqlalchemy import Connection, insert, select

from service.cases.facts.extraction import extract_messages
from service.mail.message import Mail
from service.store import placement
from service.store.database import Database, one_at_a_time
from service.store.placement import ArrivedMail, Placed, Prepared
from service.store.tables import cases, messages, spool
from tests.cases.filing import ROLES, WAYS, read

NOW = datetime(2032, 1, 5, 9, 0, tzinfo=UTC)


class Desk:
    """Takes mails in, years after they were written: one transaction each, or one for a batch."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._numbers = count(1)

    def take(self, *mails: Mail) -> Placed:
        """Place them in one transaction."""
        return self.database.transact(partial(_place, arrived=self._arrived(mails), prepared=None))

    def take_together(self, one: Sequence[Mail], other: Sequence[Mail]) -> None:
        """Two workers: both decide on the same store, then write one after the other."""
        batches = [self._arrived(mails) for mails in (one, other) if mails]
        prepared = [self.database.read(partial(placement.prepare, arrived=batch)) for batch in batches]
        for batch, decided in zip(batches, prepared, strict=True):
            self.database.transact(partial(_place, arrived=batch, prepared=decided))

    def row(self, name: str) -> dict[str, Any]:
        query = select(messages).where(messages.c.message_id == f"<{name}@x.test>")
        return self.database.read(lambda conn: dict(conn.execute(query).mappings().one()))

    def case_of(self, name: str) -> int:
        return int(self.row(name)["case_id"])

    def id_of(self, name: str) -> int:
        return int(self.row(name)["id"])

    def partition(self) -> frozenset[frozenset[str]]:
        """The names of the mails that came by themselves, by case."""
        query = select(messages.c.case_id, messages.c.message_id).where(messages.c.origin == "delivered")
        found: dict[int, set[str]] = defaultdict(set)
        for case, id in self.database.read(lambda conn: conn.execute(query).all()):
            found[case].add(id[1:-8])
        return frozenset(map(frozenset, found.values()))

    def merged_into(self, case: int) -> int | None:
        query = select(cases.c.merged_into).where(cases.c.id == case)
        found: int | None = self.database.read(lambda conn: conn.execute(query).scalar_one())
        return found

    def _arrived(self, mails: Sequence[Mail]) -> list[ArrivedMail]:
        extracted = [extract_messages(mail, ROLES, WAYS, received_at=NOW) for mail in mails]
        return [ArrivedMail(f"{next(self._numbers):036d}", NOW, tuple(map(read, found))) for found in extracted]


def _place(conn: Connection, arrived: Sequence[ArrivedMail], prepared: Prepared | None) -> Placed:
    one_at_a_time(conn)
    row = {"received_at": NOW, "channel": "smtp", "rcpt_tos": [], "size": 1, "due_at": NOW, "state": "waiting"}
    conn.execute(insert(spool), [{"id": one.spool_id, "sha256": one.spool_id, **row} for one in arrived])
    return placement.place_all(conn, arrived, now=NOW, prepared=prepared)
