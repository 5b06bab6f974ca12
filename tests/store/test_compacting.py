"""What went is gone from the files of PostgreSQL, or it is said that somebody still holds it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from service.errors import Unavailable
from service.store import compaction
from service.store.database import Connection, Database
from tests.postgres import Postgres

HOLDS = {
    "a writer of another database": "SELECT pg_current_xact_id()",
    "a reader of this one": "SELECT count(*) FROM marks",
}


@contextmanager
def _held(database: Database, sql: str) -> Iterator[None]:
    """Somebody in the middle of a transaction."""
    begun, end = threading.Event(), threading.Event()

    def hold(conn: Connection) -> None:
        conn.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        conn.execute(text(sql))
        begun.set()
        end.wait(60)

    with ThreadPoolExecutor() as crew:
        crew.submit(database.transact, hold)
        assert begun.wait(20)
        try:
            yield
        finally:
            end.set()


@pytest.mark.parametrize("who", list(HOLDS))
def test_who_holds_back_what_went_is_waited_for(
    postgres: Postgres, new_postgres: Callable[[], str], who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "BUSY_SECONDS", 0.5)
    urls = (new_postgres(), new_postgres())
    database = Database(urls[0])
    holder = Database(urls["another" in who])  # what runs holds up the loop of its store

    def oid(conn: Connection) -> str:
        return str(conn.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar_one())

    folder = postgres.data / "base" / database.read(oid)

    def kept() -> bool:
        database.transact_alone(lambda conn: conn.execute(text("CHECKPOINT")))
        return any(b"quokka" in path.read_bytes() for path in folder.iterdir() if path.is_file())

    database.transact(lambda conn: conn.execute(text("CREATE TABLE marks AS SELECT 'quokka' AS word")))
    with _held(holder, HOLDS[who]):
        database.transact(lambda conn: conn.execute(text("DELETE FROM marks")))
        with pytest.raises(Unavailable, match="a long transaction runs on the database server"):
            compaction.compact(database)
        assert kept()
    monkeypatch.undo()
    compaction.compact(database)
    assert not kept()
    for opened in (database, holder):
        opened.close()
