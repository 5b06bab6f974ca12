"""From the first schema with data in it to the newest one, while mail comes in: nothing lost, nothing changed."""

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, insert, select, text

from service.intake import AppContext, receive
from service.store import spool_view
from service.store.contents import content
from service.store.database import Connection, Database
from service.store.migrate import bring_to, head, migrate, revision
from service.store.spool import Envelope
from service.worker import Worker

FIRST = "0001"
ENVELOPE = Envelope("smtp", "aiko@corp.example", ("intake@corp.example",), "192.0.2.1", "mx.corp.example")
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def first(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database as the first version left it, without data."""
    on_sqlite = request.param == "sqlite"
    made = Database(f"sqlite:///{tmp_path}/first.db" if on_sqlite else request.getfixturevalue("new_postgres")())
    made.transact(lambda conn: bring_to(conn, FIRST))
    yield made
    made.close()


def _mail(number: int) -> bytes:
    return (
        f"From: Aiko <aiko@corp.example>\r\nTo: intake@corp.example\r\nMessage-ID: <up{number}@corp.example>\r\n"
        f"Subject: Printer {number}\r\n\r\nError 0x8007000{number % 10} since 9:00.\r\n"
    ).encode()


def _case(conn: Connection) -> None:
    """A case with a message of a mail taken in, as the first version kept them."""
    tables = MetaData()
    tables.reflect(conn, only=["cases", "messages", "spool", "contents", "deliveries", "events"])
    at: Any = AT.replace(tzinfo=None) if conn.dialect.name == "sqlite" else AT
    case = {"id": 7, "title": "プリンター", "status": "open", "priority": "P3", "kind": "incident", "set_by_people": {}}
    case |= {"vendor_refs": [], "missing": ["when"], "document": {"key": "SD-7", "title": "プリンター"}}
    conn.execute(insert(tables.tables["cases"]), {**case, "opened_at": at, "updated_at": at})
    entry = {"id": "0" * 36, "received_at": at, "due_at": at, "channel": "smtp", "rcpt_tos": [], "size": 3}
    conn.execute(
        insert(tables.tables["spool"]), {**entry, "sha256": hashlib.sha256(b"old").hexdigest(), "state": "done"}
    )
    conn.execute(insert(tables.tables["contents"]), {"id": "0" * 36, "codec": "raw", "bytes": b"old"})
    message = {"id": 9, "case_id": 7, "origin": "delivered", "in_reply_to": [], "refs": [], "author_role": "requester"}
    message |= {"to": [], "cc": [], "received_at": at, "headers": {}, "defects": [], "findings": [], "evidence": {}}
    conn.execute(insert(tables.tables["messages"]), {**message, "text": "動きません", "spool_id": "0" * 36})
    given = {"spool_id": "0" * 36, "message_id": 9, "way": "delivered", "received_at": at}
    conn.execute(insert(tables.tables["deliveries"]), given)
    told = {"case_id": 7, "kind": "case.opened", "at": at, "data": {"status": "open"}}
    conn.execute(insert(tables.tables["events"]), told)
    if conn.dialect.name == "postgresql":  # numbers given by hand: the next ones follow them
        for name, last in (("cases", 7), ("messages", 9)):
            conn.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {last})"))


def _rows(conn: Connection) -> dict[str, list[dict[str, Any]]]:
    """What was there in the first version, as it reads now."""
    names = ["cases", "messages", "deliveries", "events"]
    tables = MetaData()
    tables.reflect(conn, only=names)
    return {name: [dict(row._mapping) for row in conn.execute(select(tables.tables[name]))] for name in names}


def test_from_the_first_schema_with_data_while_mail_comes_in(first: Database, context: AppContext) -> None:
    first.transact(_case)
    before = first.read(_rows)
    waiting = receive(first, [(ENVELOPE, _mail(n)) for n in range(5)], AT)
    stop = threading.Event()
    sent: list[str] = []

    def send() -> None:
        while not stop.is_set():
            sent.extend(receive(first, [(ENVELOPE, _mail(100 + len(sent)))], AT))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        while not sent:
            stop.wait(0.005)
        assert migrate(first)[0] == FIRST
    finally:
        stop.set()
        sender.join()
    assert first.read(revision) == head()
    after = first.read(_rows)
    for name, rows in before.items():
        assert [{column: new[column] for column in old} for old, new in zip(rows, after[name], strict=True)] == rows
    worker = Worker(first, context, by="w", batch=50, lease=timedelta(seconds=60), clock=lambda: datetime.now(UTC))
    while worker.step():
        pass
    ledger = first.read(spool_view.ledger)
    assert ledger.balanced
    assert (ledger.taken_in, ledger.shunted) == (1 + 5 + len(sent), 0)
    assert [content(first, None, id) for id in waiting] == [_mail(n) for n in range(5)]
    assert content(first, None, "0" * 36) == b"old"


def test_every_step_on_the_way_is_one_the_next_begins_from(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/steps.db")
    steps = sorted(path.name[:4] for path in (Path(__file__).parents[2] / "migrations/versions").glob("[0-9]*.py"))
    for step in steps:
        database.transact(lambda conn, step=step: bring_to(conn, step))  # type: ignore[misc]
        assert database.read(revision) == step
    assert database.read(revision) == head()
    database.close()
