"""Compaction on PostgreSQL waits for old snapshots."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import text

from service.errors import Unavailable
from service.store import compaction
from service.store.database import Connection, Database
from tests.postgres import Postgres

OPEN_TRANSACTIONS = {
    "a writer of another database": "SELECT pg_current_xact_id()",
    "a reader of this database": "SELECT count(*) FROM marks",
}


def _execute(database: Database, sql: str) -> None:
    database.transact_alone(lambda conn: conn.execute(text(sql)) and None)


@contextmanager
def _open_transaction(database: Database, sql: str) -> Iterator[None]:
    begun, end = threading.Event(), threading.Event()

    def hold(conn: Connection) -> None:
        conn.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        conn.execute(text(sql))
        begun.set()
        end.wait(60)

    with ThreadPoolExecutor() as threads:
        threads.submit(database.transact, hold)
        assert begun.wait(20)
        try:
            yield
        finally:
            end.set()


@pytest.mark.parametrize("who", list(OPEN_TRANSACTIONS))
def test_compaction_fails_while_a_transaction_can_see_deleted_rows(
    postgres: Postgres, new_postgres: Callable[[], str], who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "BUSY_SECONDS", 0.5)
    urls = (new_postgres(), new_postgres())
    with closing(Database(urls[0])) as database, closing(Database(urls["another" in who])) as holder:
        oid = text("SELECT oid FROM pg_database WHERE datname = current_database()")
        folder = postgres.data / "base" / str(database.read(lambda conn: conn.execute(oid).scalar_one()))

        def is_stored() -> bool:
            _execute(database, "CHECKPOINT")
            return any(b"quokka" in path.read_bytes() for path in folder.iterdir() if path.is_file())

        _execute(database, "CREATE TABLE marks AS SELECT 'quokka' AS word")
        with _open_transaction(holder, OPEN_TRANSACTIONS[who]):
            _execute(database, "DELETE FROM marks")
            with pytest.raises(Unavailable, match="a long transaction runs on the database server"):
                compaction.compact(database)
            assert is_stored()
        monkeypatch.undo()
        compaction.compact(database)
        assert not is_stored()
