"""Helpers of the tests of the store: build mails, and place or process them without SMTP."""

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
from service.intake import AppContext, receive
from service.mail.message import Mail
from service.store import placement
from service.store.compression import decompress
from service.store.database import Database, one_at_a_time
from service.store.message_rows import ReadMail
from service.store.placement import Placed, Prepared
from service.store.spool import Claimed, Envelope
from service.store.tables import cases, messages, metadata, spool
from tests.cases.filing import ROLES, WAYS, read, reading_of
from tests.running import take_in

NOW = datetime(2032, 1, 5, 9, 0, tzinfo=UTC)
FROM_INSIDE = Envelope("smtp", "x@corp.example", ("intake@corp.example",), peer="127.0.0.1")


def letter(name: str, author: str, to: str, subject: str, text: str, at: int = 0, **headers: str) -> bytes:
    """Return the mail ``<name@x.test>``, copied to the intake address and sent ``at`` minutes after nine."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = author, to, subject
    message["Cc"] = "intake@corp.example"
    message["Message-ID"] = f"<{name}@x.test>"
    message["Date"] = datetime(2026, 11, 23, 9, 0, tzinfo=UTC) + timedelta(minutes=at)
    for header, value in headers.items():
        message[header.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def deliver(
    database: Database,
    context: AppContext,
    *mails: bytes,
    at: datetime,
    envelope: Envelope = FROM_INSIDE,
    **worker: Any,
) -> list[str]:
    """Receive mails and process them; return their spool ids. ``worker``: arguments of the worker."""
    ids = receive(database, [(envelope, mail) for mail in mails], at)
    take_in(database, context, at, **worker)
    return ids


@contextmanager
def on_statements(when: str, call: Callable[..., object]) -> Iterator[None]:
    """Call a function ``before`` or ``after`` each statement."""
    event.listen(Engine, f"{when}_cursor_execute", call)
    try:
        yield
    finally:
        event.remove(Engine, f"{when}_cursor_execute", call)


def files_with(folder: Path, *words: bytes) -> list[str]:
    """Return the files below a folder, also compressed files, that contain one of these lower-case words."""
    found = []
    for path in filter(Path.is_file, folder.rglob("*")):
        with suppress(FileNotFoundError):  # the server deletes and renames files meanwhile
            raw = path.read_bytes()
            for content in (raw, decompress(raw)) if path.suffix == ".zst" else (raw,):
                found += [f"{path.name}: {word!r}" for word in words if word in content.lower()]
    return found


def all_rows(conn: Connection) -> dict[str, list[Any]]:
    """Return table → its rows, ordered by primary key."""
    found = ((table, select(table).order_by(*table.primary_key.columns)) for table in metadata.sorted_tables)
    return {table.name: [tuple(row) for row in conn.execute(query)] for table, query in found}


class Desk:
    """Places mails in a database, in the year 2032: each call of ``take`` is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._numbers = count(1)

    def take(self, *mails: Mail) -> Placed:
        """Place mails in one transaction."""
        return self.database.transact(partial(_place, arrived=self._arrived(mails), prepared=None))

    def take_together(self, one: Sequence[Mail], other: Sequence[Mail]) -> None:
        """Place two batches as two workers do: both decide before either writes."""
        batches = [self._arrived(mails) for mails in (one, other) if mails]
        prepared = [self.database.read(partial(placement.prepare, arrived=batch, read=reading_of)) for batch in batches]
        for batch, decided in zip(batches, prepared, strict=True):
            self.database.transact(partial(_place, arrived=batch, prepared=decided))

    def rows(self, query: Any) -> Sequence[Any]:
        return self.database.read(lambda conn: conn.execute(query).all())

    def row(self, name: str) -> dict[str, Any]:
        [row] = self.rows(select(messages).where(messages.c.message_id == f"<{name}@x.test>"))
        return dict(row._mapping)

    def case_of(self, name: str) -> int:
        return int(self.row(name)["case_id"])

    def id_of(self, name: str) -> int:
        return int(self.row(name)["id"])

    def placed(self) -> list[tuple[int, str]]:
        """Return (case, name) of each mail that was delivered itself."""
        query = select(messages.c.case_id, messages.c.message_id).where(messages.c.origin == "delivered")
        return [(case, id[1:-8]) for case, id in self.rows(query)]

    def partition(self) -> frozenset[frozenset[str]]:
        """Return the names of the mails of each case."""
        found: dict[int, set[str]] = defaultdict(set)
        for case, name in self.placed():
            found[case].add(name)
        return frozenset(map(frozenset, found.values()))

    def merged_into(self, case: int) -> int | None:
        [(found,)] = self.rows(select(cases.c.merged_into).where(cases.c.id == case))
        return None if found is None else int(found)

    def _arrived(self, mails: Sequence[Mail]) -> list[ReadMail]:
        extracted = [extract_messages(mail, ROLES, WAYS, received_at=NOW) for mail in mails]
        return [ReadMail(self._claimed(), tuple(map(read, found))) for found in extracted]

    def _claimed(self) -> Claimed:
        return Claimed(f"{next(self._numbers):036d}", NOW, FROM_INSIDE, b"", 1)


def _place(conn: Connection, arrived: Sequence[ReadMail], prepared: Prepared | None) -> Placed:
    one_at_a_time(conn)
    row = {"received_at": NOW, "channel": "smtp", "rcpt_tos": [], "size": 1, "due_at": NOW, "state": "waiting"}
    conn.execute(insert(spool), [{"id": one.claimed.id, "sha256": one.claimed.id, **row} for one in arrived])
    prepared = prepared or placement.prepare(conn, arrived, read=reading_of)
    return placement.place_all(conn, prepared, read=reading_of, now=NOW)
