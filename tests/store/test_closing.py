"""A store that is closed lets go of everything, whoever is at work on it and whatever is just being opened."""

import gc
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import make_url, text

from service.errors import Unavailable
from service.store import async_engine
from service.store.database import Connection, Database
from tests.postgres import Postgres
from tests.served import wait_until


@pytest.fixture
def url(new_postgres: Callable[[], str]) -> str:
    return new_postgres()


def _run(database: Database, sql: str, said: list[object]) -> threading.Thread:
    def work() -> None:
        try:
            said.append(database.read(lambda conn: conn.execute(text(sql)).all()))
        except Unavailable as error:
            said.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


class Counted:
    """How many connections the server has to the database of the test."""

    def __init__(self, postgres: Postgres, url: str) -> None:
        self._asking = Database(postgres.url("postgres"))
        self._name = make_url(url).database

    def become(self, wanted: int) -> None:
        """Wait until so many sleep; with 0, until none is left at all."""
        which = " AND wait_event = 'PgSleep'" if wanted else ""
        query = text(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self._name}'{which}")
        wait_until(lambda: self._asking.read(lambda conn: conn.execute(query).scalar_one()) == wanted, 20)

    def close(self) -> None:
        self._asking.close()


@pytest.fixture
def connections(postgres: Postgres, url: str) -> Iterator[Counted]:
    counted = Counted(postgres, url)
    counted.become(0)
    yield counted
    counted.close()


def test_who_is_at_work_finishes_and_nothing_stays_open(connections: Counted, url: str) -> None:
    database = Database(url)
    said: list[object] = []
    at_work = [_run(database, "SELECT pg_sleep(2)", said) for _ in range(3)]
    connections.become(3)
    database.close()
    for thread in at_work:
        thread.join(20)
    assert [type(one) for one in said] == [list] * 3
    connections.become(0)


def test_who_does_not_finish_is_broken_off_and_told(
    connections: Counted, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_engine, "FINISH_SECONDS", 0.2)
    database = Database(url)
    said: list[object] = []
    thread = _run(database, "SELECT pg_sleep(60)", said)
    connections.become(1)
    database.close()
    thread.join(20)
    assert not thread.is_alive()
    [error] = said
    assert isinstance(error, Unavailable)
    connections.become(0)


def test_closing_while_connections_are_made_and_again_and_again(connections: Counted, url: str) -> None:
    threads = threading.active_count()
    database = Database(url)
    said: list[object] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a connection that nobody closed
        for pause in range(12):
            at_work = [_run(database, "SELECT 1", said) for _ in range(4)]
            time.sleep(pause / 1000)
            database.close()
            for thread in at_work:
                thread.join(20)
                assert not thread.is_alive()
        database.close()
        gc.collect()
    assert [type(one) for one in said] == [list] * 48
    assert threading.active_count() == threads
    connections.become(0)


def test_a_server_that_never_greets_keeps_nobody_from_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(async_engine, "FINISH_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        database = Database(f"postgresql://nobody@127.0.0.1:{mute.getsockname()[1]}/none")
        said: list[object] = []
        thread = _run(database, "SELECT 1", said)
        caller, _ = mute.accept()
        with caller:
            database.close()
            thread.join(20)
            assert not thread.is_alive()
            [error] = said
            assert isinstance(error, Unavailable)
            caller.settimeout(20)
            while caller.recv(4096):
                pass  # what it had said; then it has hung up


def test_what_is_distrusted_is_let_go_of_too(connections: Counted, url: str) -> None:
    database = Database(url)
    said: list[object] = []
    thread = _run(database, "SELECT pg_sleep(2)", said)
    connections.become(1)

    def write_where_one_may_only_read(conn: Connection) -> None:
        conn.execute(text("CREATE TABLE never (n int)"))

    with pytest.raises(Unavailable):
        database.read(write_where_one_may_only_read)
    thread.join(20)
    assert [type(one) for one in said] == [list]
    connections.become(0)
    database.close()


def test_where_no_descriptor_is_left_it_is_unavailable_and_opens_when_there_is_one(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise OSError(24, "Too many open files")

    database = Database(url)
    with monkeypatch.context() as descriptors:
        descriptors.setattr("uvloop.new_event_loop", full)
        with pytest.raises(Unavailable):
            database.read(lambda conn: conn.execute(text("SELECT 1")).scalar_one())
    assert database.read(lambda conn: conn.execute(text("SELECT 1")).scalar_one()) == 1
    database.close()


def test_a_read_sees_one_snapshot(database: Database) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    count = text("SELECT count(*) FROM model_usage")
    insert = text("INSERT INTO model_usage (day, seconds) VALUES ('2026-11-04', 0)")

    def read_twice(conn: Connection) -> list[int]:
        found = [conn.execute(count).scalar_one()]
        other.transact(lambda conn: conn.execute(insert))
        return [*found, conn.execute(count).scalar_one()]

    assert database.read(read_twice) == [0, 0]
    assert database.read(lambda conn: conn.execute(count).scalar_one()) == 1
    other.close()


def test_whoever_asks_the_database_within_a_transaction_is_told_so_and_does_not_wait_for_himself(url: str) -> None:
    database = Database(url)
    try:
        with pytest.raises(RuntimeError, match="inside a transaction"):
            database.transact(lambda conn: database.read(lambda other: other.execute(text("SELECT 1")).scalar()))
        assert database.read(lambda conn: conn.execute(text("SELECT 1")).scalar()) == 1
    finally:
        database.close()
