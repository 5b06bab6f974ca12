"""A store that is closed lets go of everything, whoever is at work on it and whatever is just being opened."""

import gc
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import make_url, text

from service.errors import Unavailable
from service.store import async_engine
from service.store.database import Connection, Database
from tests.postgres import Postgres
from tests.served import wait_until

Become = Callable[[int], None]


@pytest.fixture
def url(new_postgres: Callable[[], str]) -> str:
    return new_postgres()


@pytest.fixture
def crew() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as started:
        yield started


def _ask(database: Database, sql: str) -> list[Any]:
    return list(database.read(lambda conn: conn.execute(text(sql)).all()))


@pytest.fixture
def connections(postgres: Postgres, url: str) -> Iterator[Become]:
    """Waits until so many connections to the database of the test sleep; with 0, until none is left at all."""
    asking = Database(postgres.url("postgres"))

    def become(wanted: int) -> None:
        which = " AND wait_event = 'PgSleep'" if wanted else ""
        count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{make_url(url).database}'{which}"
        wait_until(lambda: _ask(asking, count) == [(wanted,)], 20)

    become(0)
    yield become
    asking.close()


def test_who_is_at_work_finishes_and_nothing_stays_open(
    connections: Become, url: str, crew: ThreadPoolExecutor
) -> None:
    database = Database(url)
    at_work = [crew.submit(_ask, database, "SELECT pg_sleep(2)") for _ in range(3)]
    connections(3)
    database.close()
    assert all(one.result(20) for one in at_work)
    connections(0)


def test_who_does_not_finish_is_broken_off_and_told(
    connections: Become, url: str, crew: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_engine, "FINISH_SECONDS", 0.2)
    database = Database(url)
    at_work = crew.submit(_ask, database, "SELECT pg_sleep(60)")
    connections(1)
    database.close()
    with pytest.raises(Unavailable):
        at_work.result(20)
    connections(0)


def test_closing_while_connections_are_made_and_again_and_again(connections: Become, url: str) -> None:
    threads = threading.active_count()
    database = Database(url)
    with warnings.catch_warnings(), ThreadPoolExecutor(4) as crew:
        warnings.simplefilter("error")  # of a connection that nobody closed
        for pause in range(12):
            at_work = [crew.submit(_ask, database, "SELECT 1") for _ in range(4)]
            time.sleep(pause / 1000)
            database.close()
            assert all(one.result(20) for one in at_work)
        database.close()
        gc.collect()
    assert threading.active_count() == threads
    connections(0)


def test_a_server_that_never_greets_keeps_nobody_from_closing(
    crew: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_engine, "FINISH_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        database = Database(f"postgresql://nobody@127.0.0.1:{mute.getsockname()[1]}/none")
        at_work = crew.submit(_ask, database, "SELECT 1")
        caller, _ = mute.accept()
        with caller:
            database.close()
            with pytest.raises(Unavailable):
                at_work.result(20)
            caller.settimeout(20)
            while caller.recv(4096):
                pass  # what it had said; then it has hung up


def test_what_is_distrusted_is_let_go_of_too(connections: Become, url: str, crew: ThreadPoolExecutor) -> None:
    database = Database(url)
    at_work = crew.submit(_ask, database, "SELECT pg_sleep(2)")
    connections(1)
    with pytest.raises(Unavailable):  # it writes where one may only read
        database.read(lambda conn: conn.execute(text("CREATE TABLE never (n int)")))
    assert at_work.result(20)
    connections(0)
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
            _ask(database, "SELECT 1")
    assert _ask(database, "SELECT 1") == [(1,)]
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
            database.transact(lambda conn: _ask(database, "SELECT 1"))
        assert _ask(database, "SELECT 1") == [(1,)]
    finally:
        database.close()
