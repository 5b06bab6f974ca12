"""A mail whose transaction the database aborts is retried alone, and shunted in the end; no other mail waits for it."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import exc, text

from service.errors import GaveUp, Unavailable
from service.store import spool, spool_view
from service.store.database import Connection, Database
from service.store.transient_errors import as_unavailable
from service.worker import PATIENCE
from tests.flow.crew import work_off, worker
from tests.flow.test_worker import mail, receive, states, titles


@pytest.fixture
def postgresql(new_postgres: Callable[[str], str], template: str) -> Iterator[Database]:
    opened = Database(new_postgres(template))
    yield opened
    opened.close()


def _abort_second_mail(conn: Connection, action: str) -> None:
    """Let PostgreSQL execute ``action`` when the message of mail 2 is inserted."""
    conn.execute(
        text(
            f"CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.message_id = '<m2@corp.example>' THEN {action}; END IF; RETURN NEW; END $$"
        )
    )
    conn.execute(text("CREATE TRIGGER trap BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION trap()"))


class Days:
    """A worker with a clock that the test sets."""

    def __init__(self, database: Database) -> None:
        self.now = datetime.now(UTC)
        self.worker = worker(database, lease=300, clock=lambda: self.now)

    def work(self) -> None:
        work_off(self.worker)
        self.now += timedelta(minutes=5)


@pytest.mark.parametrize("sqlstate", ["40P01", "55P03", "57014"], ids=["deadlock", "lock", "time limit"])
def test_a_mail_that_the_database_aborts_is_retried_alone_and_then_shunted(postgresql: Database, sqlstate: str) -> None:
    postgresql.transact(lambda conn: _abort_second_mail(conn, f"RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'"))
    ids = receive(postgresql, [mail(1), mail(2), mail(3)])
    days = Days(postgresql)
    for _ in range(PATIENCE - 1):
        days.work()
        assert states(postgresql)[ids[1]] == ("waiting", 1)
    assert titles(postgresql) == ["Trouble 1", "Trouble 3"]
    days.now -= timedelta(minutes=5)  # the mail is due two minutes after the last attempt, not before
    assert days.worker.step() == 0
    other = Days(postgresql)  # failures are counted over all workers
    other.now = days.now + timedelta(minutes=5)
    other.work()
    assert states(postgresql)[ids[1]][0] == "shunted"
    reason = postgresql.read(partial(spool_view.entry, id=ids[1]))["reason"]
    assert reason == f"the database aborted the transaction of this mail {PATIENCE} times alone: the database is busy"
    postgresql.transact(lambda conn: conn.execute(text("DROP TRIGGER trap ON messages")))
    postgresql.transact(lambda conn: spool.retry(conn, ids[1], other.now))
    other.work()
    assert titles(postgresql) == ["Trouble 1", "Trouble 2", "Trouble 3"]
    assert postgresql.read(spool_view.ledger).balanced


def test_no_mail_is_shunted_while_the_database_lacks_a_table(database: Database) -> None:
    ids = receive(database, [mail(1), mail(2)])
    database.transact(lambda conn: conn.execute(text("ALTER TABLE thread_keys RENAME TO elsewhere")))
    days = Days(database)
    for _ in range(25):
        with pytest.raises(Unavailable):
            days.work()
    database.transact(lambda conn: conn.execute(text("ALTER TABLE elsewhere RENAME TO thread_keys")))
    days.work()
    assert [states(database)[id] for id in ids] == [("done", 1), ("done", 1)]


@pytest.mark.parametrize(("code", "gave_up"), [(5, True), (6, True), (10, False), (13, False)])
def test_on_sqlite_only_a_lock_counts_as_an_abort(code: int, gave_up: bool) -> None:
    error = sqlite3.OperationalError("text")
    error.sqlite_errorcode = code
    found = as_unavailable(exc.OperationalError("INSERT", {}, error))
    assert isinstance(found, Unavailable)
    assert isinstance(found, GaveUp) is gave_up
