"""Migrations: the newest schema equals ``store.tables``, and data of the first version is kept."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, insert, select, text
from sqlalchemy.exc import IntegrityError

from service.errors import Refused
from service.intake import AppContext, receive
from service.store import spool_view
from service.store.contents import content
from service.store.database import Database
from service.store.migrate import bring_to, head, migrate, revision
from service.store.tables import SEARCH_TABLE, metadata
from tests.running import take_in
from tests.served import wait_until
from tests.store.desk import FROM_INSIDE, letter

pytestmark = [  # only PostgreSQL compares indexes of expressions
    pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index"),
    pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index"),
]
FIRST = "0001"
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def _differences(conn: Connection) -> list[object]:
    def is_ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or not (name or "").startswith(SEARCH_TABLE)

    context = MigrationContext.configure(conn, opts={"compare_type": True, "include_name": is_ours})
    return list(compare_metadata(context, metadata))


def test_the_migrated_schema_equals_the_table_definitions(database: Database) -> None:
    assert database.read(_differences) == []
    assert database.read(revision) == head()


def test_several_hosts_can_migrate_at_once(new_postgres: Callable[[], str]) -> None:
    url = new_postgres()
    hosts = [Database(url) for _ in range(4)]
    with ThreadPoolExecutor() as at_once:
        results = Counter(at_once.map(migrate, hosts))
    assert results == {(None, head()): 1, (head(), head()): 3}
    for host in hosts:
        host.close()


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    database.transact(lambda conn: conn.execute(text("UPDATE alembic_version SET version_num = '9999'")) and None)
    with pytest.raises(Refused, match="9999"):
        migrate(database)
    assert database.read(revision) == "9999"


def _mail(number: int) -> bytes:
    return letter(f"up{number}", "aiko@corp.example", "it@corp.example", f"Printer {number}", "Error 0x80070005.")


def _case(conn: Connection) -> None:
    """Insert a case with a message of a processed mail, as the first version stored them."""
    tables = MetaData()
    tables.reflect(conn, only=["cases", "messages", "spool", "contents", "deliveries", "attachments", "events"])
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
    file = {"id": 3, "message_id": 9, "filename": "log.txt", "content_type": "text/plain", "size": 3, "part": "2"}
    conn.execute(insert(tables.tables["attachments"]), {**file, "sha256": "0" * 64, "spool_id": "0" * 36})
    opened = {"case_id": 7, "kind": "case.opened", "at": at, "data": {"status": "open"}}
    conn.execute(insert(tables.tables["events"]), opened)
    if conn.dialect.name == "postgresql":  # later ids continue after these
        for name, last in (("cases", 7), ("messages", 9), ("attachments", 3)):
            conn.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {last})"))


def _rows(conn: Connection) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the tables and columns of the first version that still exist."""
    names = ["cases", "messages", "deliveries", "attachments", "events"]
    tables = MetaData()
    tables.reflect(conn, only=names)
    used = {name: [c for c in tables.tables[name].c if c.name in metadata.tables[name].c] for name in names}
    return {name: [dict(row._mapping) for row in conn.execute(select(*used[name]))] for name in names}


def test_a_database_of_the_first_version_is_migrated_with_its_data_while_mail_arrives(
    empty_database: Database, context: AppContext
) -> None:
    first = empty_database
    first.transact(partial(bring_to, revision=FIRST))
    first.transact(_case)
    before = first.read(_rows)
    waiting = receive(first, [(FROM_INSIDE, _mail(n)) for n in range(5)], AT)
    stop = threading.Event()
    sent: list[str] = []

    def send() -> None:
        while not stop.is_set():
            sent.extend(receive(first, [(FROM_INSIDE, _mail(100 + len(sent)))], AT))

    with ThreadPoolExecutor() as threads:
        sending = threads.submit(send)
        wait_until(lambda: sent or sending.done())
        try:
            assert migrate(first)[0] == FIRST
        finally:
            stop.set()
        assert sending.result() is None
    assert first.read(revision) == head()
    after = first.read(_rows)
    for name, rows in before.items():
        assert [{column: new[column] for column in old} for old, new in zip(rows, after[name], strict=True)] == rows
    take_in(first, context)
    ledger = first.read(spool_view.ledger)
    assert ledger.balanced
    assert (ledger.taken_in, ledger.shunted) == (1 + 5 + len(sent), 0)
    assert [content(first, None, id) for id in waiting] == [_mail(n) for n in range(5)]
    assert content(first, None, "0" * 36) == b"old"
    with pytest.raises(IntegrityError):  # foreign keys, which a migration disables, are enabled again
        first.transact(lambda conn: conn.execute(text("DELETE FROM messages")) and None)
