"""Placing mails in a real store, without SMTP and without rules."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, insert, select

from service.cases.facts.extraction import extract_messages
from service.mail.message import Mail
from service.store import placement
from service.store.compression import decompress
from service.store.database import Database, one_at_a_time
from service.store.message_rows import ArrivedMail
from service.store.placement import Placed, Prepared
from service.store.spool import Envelope
from service.store.tables import cases, messages, metadata, spool
from tests.cases.filing import ROLES, WAYS, read

NOW = datetime(2032, 1, 5, 9, 0, tzinfo=UTC)
FROM_INSIDE = Envelope("smtp", "x@corp.example", ("intake@corp.example",), peer="127.0.0.1")


def letter(name: str, author: str, to: str, subject: str, text: str, at: int = 0, **headers: str) -> bytes:
    """A mail ``<name@x.test>`` with the intake address in Cc, sent so many minutes after nine."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = author, to, subject
    message["Cc"] = "intake@corp.example"
    message["Message-ID"] = f"<{name}@x.test>"
    message["Date"] = datetime(2026, 11, 23, 9, 0, tzinfo=UTC) + timedelta(minutes=at)
    for header, value in headers.items():
        message[header.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


@contextmanager
def on_statements(when: str, call: Callable[..., object]) -> Iterator[None]:
    """Call this ``before`` or ``after`` each statement."""
    event.listen(Engine, f"{when}_cursor_execute", call)
    try:
        yield
    finally:
        event.remove(Engine, f"{when}_cursor_execute", call)


def holding(folder: Path, *words: bytes) -> list[str]:
    """Which files below a folder, also unpacked, hold which of these words (small letters)."""
    found = []
    for path in filter(Path.is_file, folder.rglob("*")):
        with suppress(FileNotFoundError):  # the server drops and renames files while we look
            raw = path.read_bytes()
            for content in (raw, decompress(raw)) if path.suffix == ".zst" else (raw,):
                found += [f"{path.name}: {word!r}" for word in words if word in content.lower()]
    return found


def all_rows(conn: Connection) -> dict[str, list[Any]]:
    """Return table → its rows, ordered by primary key."""
    found = ((table, select(table).order_by(*table.primary_key.columns)) for table in metadata.sorted_tables)
    return {table.name: [tuple(row) for row in conn.execute(query)] for table, query in found}


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

    def standing(self) -> list[tuple[int, str]]:
        """The case and name of each mail that came by itself."""
        query = select(messages.c.case_id, messages.c.message_id).where(messages.c.origin == "delivered")
        return [(case, id[1:-8]) for case, id in self.database.read(lambda conn: conn.execute(query).all())]

    def partition(self) -> frozenset[frozenset[str]]:
        found: dict[int, set[str]] = defaultdict(set)
        for case, name in self.standing():
            found[case].add(name)
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
