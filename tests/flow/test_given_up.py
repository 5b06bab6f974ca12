"""A mail that makes the database give up is tried alone, patiently, and set aside in the end; no other waits for it."""

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
from service.worker import PATIENCE, Worker
from tests.flow.crew import context, work_off
from tests.flow.test_worker import mail, receive, states, titles


@pytest.fixture
def database_at(new_postgres: Callable[[str], str], template: str) -> Iterator[Database]:
    opened = Database(new_postgres(template))
    yield opened
    opened.close()


def _trap(conn: Connection, does: str) -> None:
    """What PostgreSQL does with the message of mail 2."""
    conn.execute(
        text(
            f"CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.message_id = '<m2@corp.example>' THEN {does}; END IF; RETURN NEW; END $$"
        )
    )
    conn.execute(text("CREATE TRIGGER trap BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION trap()"))


class Days:
    """One worker, whose clock the test turns."""

    def __init__(self, database: Database, patience: int = PATIENCE) -> None:
        self.now = datetime.now(UTC)
        clock, lease = (lambda: self.now), timedelta(seconds=300)
        self.worker = Worker(database, context(), by="w", batch=64, lease=lease, clock=clock, patience=patience)

    def work(self) -> None:
        work_off(self.worker)
        self.now += timedelta(minutes=5)


@pytest.mark.long
def test_a_mail_that_always_takes_too_long_is_set_aside_alone_and_a_retry_begins_anew(database_at: Database) -> None:
    """Workers that come and go count together."""
    name = database_at.url.database
    database_at.transact(lambda conn: _trap(conn, "PERFORM pg_sleep(60)"))
    database_at.transact(lambda conn: conn.execute(text(f"ALTER DATABASE {name} SET statement_timeout = '2s'")))
    database_at.close()  # the limit holds for new connections
    ids = receive(database_at, [mail(1), mail(2), mail(3)])
    days = Days(database_at, patience=2)
    days.work()
    assert titles(database_at) == ["Trouble 1", "Trouble 3"]
    assert states(database_at)[ids[1]] == ("waiting", 1)
    other = Days(database_at, patience=2)
    other.now = days.now
    other.work()
    assert states(database_at) == {ids[0]: ("done", 1), ids[1]: ("shunted", 2), ids[2]: ("done", 1)}
    entry = database_at.read(partial(spool_view.entry, id=ids[1]))
    assert entry["reason"] == "the database aborted the transaction of this mail 2 times alone: the database is busy"
    database_at.transact(lambda conn: spool.retry(conn, ids[1], other.now))
    other.work()
    assert states(database_at)[ids[1]] == ("waiting", 1)
    assert "1 times alone" in str(database_at.read(partial(spool_view.entry, id=ids[1]))["reason"])
    assert database_at.read(spool_view.ledger).balanced


@pytest.mark.parametrize("state", ["40P01", "55P03"])
def test_it_is_tried_far_more_often_than_one_that_fails_by_itself(database_at: Database, state: str) -> None:
    database_at.transact(lambda conn: _trap(conn, f"RAISE EXCEPTION 'no' USING ERRCODE = '{state}'"))
    ids = receive(database_at, [mail(1), mail(2), mail(3)])
    days = Days(database_at)
    for _ in range(PATIENCE - 1):
        days.work()
        assert states(database_at)[ids[1]] == ("waiting", 1)
    days.now -= timedelta(minutes=5)  # it is due two minutes after the last time, not before
    assert days.worker.step() == 0
    days.now += timedelta(minutes=5)
    database_at.transact(lambda conn: conn.execute(text("DROP TRIGGER trap ON messages")))
    days.work()
    assert titles(database_at) == ["Trouble 1", "Trouble 2", "Trouble 3"]
    assert database_at.read(spool_view.ledger).balanced


def test_a_database_that_is_not_ready_sets_nothing_aside(database: Database) -> None:
    ids = receive(database, [mail(1), mail(2)])
    database.transact(lambda conn: conn.execute(text("ALTER TABLE thread_keys RENAME TO elsewhere")))
    days = Days(database)
    for _ in range(25):
        with pytest.raises(Unavailable):
            days.work()
    database.transact(lambda conn: conn.execute(text("ALTER TABLE elsewhere RENAME TO thread_keys")))
    days.work()
    assert [states(database)[id] for id in ids] == [("done", 1), ("done", 1)]


@pytest.mark.parametrize(("code", "blames"), [(5, True), (6, True), (10, False), (13, False)])
def test_on_sqlite_only_a_lock_is_a_giving_up(code: int, blames: bool) -> None:
    error = sqlite3.OperationalError("told")
    error.sqlite_errorcode = code
    found = as_unavailable(exc.OperationalError("INSERT", {}, error))
    assert isinstance(found, Unavailable)
    assert isinstance(found, GaveUp) is blames
