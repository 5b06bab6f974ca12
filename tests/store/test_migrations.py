"""Empty → head on both databases as store.tables says, and from the first schema with data: nothing lost or changed."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, insert, inspect, select, text
from sqlalchemy.event import listen
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


def test_the_head_of_the_migrations_is_what_the_tables_say(database: Database) -> None:
    assert database.read(_differences) == []
    assert database.read(revision) == head()


def test_an_empty_database_becomes_current_in_one_go_or_step_by_step(tmp_path: Path) -> None:
    at_once, stepwise = (Database(f"sqlite:///{tmp_path}/deep/{name}/sodan.db") for name in ("inside", "steps"))
    assert [migrate(at_once) for _ in range(2)] == [(None, head()), (head(), head())]
    for path in sorted((Path(__file__).parents[2] / "migrations/versions").glob("[0-9]*.py")):
        stepwise.transact(partial(bring_to, revision=path.name[:4]))
        assert stepwise.read(revision) == path.name[:4]
    assert stepwise.read(revision) == head()
    for database in (at_once, stepwise):
        database.close()


def test_several_hosts_may_migrate_at_once(new_postgres: Callable[[], str]) -> None:
    url = new_postgres()
    hosts = [Database(url) for _ in range(4)]
    with ThreadPoolExecutor() as at_once:
        results = Counter(at_once.map(migrate, hosts))
    assert results == {(None, head()): 1, (head(), head()): 3}
    for host in hosts:
        host.close()


def test_a_database_of_a_newer_sodan_is_refused(database: Database) -> None:
    database.transact(lambda conn: conn.execute(text("UPDATE alembic_version SET version_num = '9999'")) and None)
    with pytest.raises(Refused, match="9999"):
        migrate(database)
    assert database.read(revision) == "9999"


@pytest.fixture(params=["sqlite", "postgresql"])
def first(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database as the first version left it, without data."""
    on_sqlite = request.param == "sqlite"
    made = Database(f"sqlite:///{tmp_path}/first.db" if on_sqlite else request.getfixturevalue("new_postgres")())
    made.transact(lambda conn: bring_to(conn, FIRST))
    yield made
    made.close()


def _mail(number: int) -> bytes:
    return letter(f"up{number}", "aiko@corp.example", "it@corp.example", f"Printer {number}", "Error 0x80070005.")


def _case(conn: Connection) -> None:
    """A case with a message of a mail taken in, as the first version kept them."""
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
    told = {"case_id": 7, "kind": "case.opened", "at": at, "data": {"status": "open"}}
    conn.execute(insert(tables.tables["events"]), told)
    if conn.dialect.name == "postgresql":  # numbers given by hand: the next ones follow them
        for name, last in (("cases", 7), ("messages", 9), ("attachments", 3)):
            conn.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {last})"))


def _rows(conn: Connection) -> dict[str, list[dict[str, Any]]]:
    """What was there in the first version and is still used, as it reads now."""
    names = ["cases", "messages", "deliveries", "attachments", "events"]
    tables = MetaData()
    tables.reflect(conn, only=names)
    used = {name: [c for c in tables.tables[name].c if c.name in metadata.tables[name].c] for name in names}
    return {name: [dict(row._mapping) for row in conn.execute(select(*used[name]))] for name in names}


def test_keys_that_find_candidates_begin_with_their_month(first: Database) -> None:
    first.transact(_case)
    first.transact(partial(bring_to, revision="0019"))
    kept = ("who:kim@x.test:07", "ref:aws:24651", "mid:<a:24651>")
    rows = [{"key": key} for key in ("word:scanner:24651", "ven:acme:kim@x.test:24651", *kept)]
    insert_keys = text("INSERT INTO thread_keys (key, message_id, kind, case_id) VALUES (:key, 9, 'own', 7)")
    first.transact(lambda conn: conn.execute(insert_keys, rows) and None)
    migrate(first)
    found = first.read(lambda conn: set(conn.execute(text("SELECT key FROM thread_keys")).scalars()))
    assert found == {"24651:word:scanner", "24651:ven:acme:kim@x.test", *kept}


def test_reads_are_not_blocked_while_indexes_of_cases_are_built(first: Database) -> None:
    first.transact(partial(bring_to, revision="0020"))
    run: list[str] = []

    def migrate_and_record(conn: Connection) -> None:
        listen(conn, "before_cursor_execute", lambda *given: run.append(given[2].split()[0]))
        bring_to(conn, "0021")

    first.transact(migrate_and_record)
    assert [word for word in run if word in ("CREATE", "DROP")] == ["CREATE", "CREATE", "DROP"]


def _fails(conn: Connection) -> None:
    bring_to(conn, "0022")
    raise ValueError("the power fails")


def test_messages_are_rebuilt_with_all_that_refers_to_them_or_not_at_all(first: Database) -> None:
    first.transact(_case)
    first.transact_migration(partial(bring_to, revision="0021"))
    before, schema = first.read(_rows), first.read(_schema)
    with pytest.raises(ValueError, match="power"):
        first.transact_migration(_fails)
    assert first.read(_schema) == schema
    assert (migrate(first), first.read(_rows)) == (("0021", head()), before)
    columns = first.read(_schema)[0]
    assert first.postgresql or columns.index("facts") < columns.index("text")
    with pytest.raises(IntegrityError):
        first.transact(lambda conn: conn.execute(text("DELETE FROM messages")) and None)


def _schema(conn: Connection) -> Any:
    found = inspect(conn)
    return [[one["name"] for one in its] for its in (found.get_columns("messages"), found.get_indexes("messages"))]


def test_from_the_first_schema_with_data_while_mail_comes_in(first: Database, context: AppContext) -> None:
    first.transact(_case)
    before = first.read(_rows)
    waiting = receive(first, [(FROM_INSIDE, _mail(n)) for n in range(5)], AT)
    stop = threading.Event()
    sent: list[str] = []

    def send() -> None:
        while not stop.is_set():
            sent.extend(receive(first, [(FROM_INSIDE, _mail(100 + len(sent)))], AT))

    with ThreadPoolExecutor() as crew:
        sending = crew.submit(send)
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
