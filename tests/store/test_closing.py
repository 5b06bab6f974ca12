"""Connections to PostgreSQL: closing them, errors while they open, and snapshots."""

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

WaitFor = Callable[[int], None]


@pytest.fixture
def database_of_server(new_postgres: Callable[[], str]) -> Iterator[Database]:
    made = Database(new_postgres())
    yield made
    made.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as started:
        yield started


def _query(database: Database, sql: str) -> list[Any]:
    return list(database.read(lambda conn: conn.execute(text(sql)).all()))


@pytest.fixture
def connections(postgres: Postgres, database_of_server: Database) -> Iterator[WaitFor]:
    """Waits until this number of connections to the database sleep; 0: until no connection is open."""
    observer, name = Database(postgres.url("postgres")), make_url(str(database_of_server.url)).database

    def wait_for(wanted: int) -> None:
        which = " AND wait_event = 'PgSleep'" if wanted else ""
        count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'{which}"
        wait_until(lambda: _query(observer, count) == [(wanted,)], 20)

    wait_for(0)
    yield wait_for
    observer.close()


def test_closing_lets_short_queries_finish_and_closes_all_connections(
    connections: WaitFor, database_of_server: Database, threads: ThreadPoolExecutor
) -> None:
    queries = [threads.submit(_query, database_of_server, "SELECT pg_sleep(2)") for _ in range(3)]
    connections(3)
    database_of_server.close()
    assert all(one.result(20) for one in queries)
    connections(0)


def test_closing_cancels_long_queries_with_an_error(
    connections: WaitFor, database_of_server: Database, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_engine, "FINISH_SECONDS", 0.2)
    query = threads.submit(_query, database_of_server, "SELECT pg_sleep(60)")
    connections(1)
    database_of_server.close()
    with pytest.raises(Unavailable):
        query.result(20)
    connections(0)


def test_closing_during_connecting_leaves_no_connection_and_no_thread(
    connections: WaitFor, database_of_server: Database
) -> None:
    before = threading.active_count()
    with warnings.catch_warnings(), ThreadPoolExecutor(4) as threads:
        warnings.simplefilter("error")  # a warning reports each connection that is not closed
        for pause in range(12):
            queries = [threads.submit(_query, database_of_server, "SELECT 1") for _ in range(4)]
            time.sleep(pause / 1000)
            database_of_server.close()
            assert all(one.result(20) for one in queries)
        database_of_server.close()
        gc.collect()
    assert threading.active_count() == before
    connections(0)


def test_a_server_that_never_responds_does_not_prevent_closing(
    threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_engine, "FINISH_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        database = Database(f"postgresql://nobody@127.0.0.1:{mute.getsockname()[1]}/none")
        query = threads.submit(_query, database, "SELECT 1")
        caller, _ = mute.accept()
        with caller:
            database.close()
            with pytest.raises(Unavailable):
                query.result(20)
            caller.settimeout(20)
            while caller.recv(4096):
                pass  # an empty result: the connection is closed


def test_a_write_to_a_read_only_server_closes_the_connections_after_their_queries(
    connections: WaitFor, database_of_server: Database, threads: ThreadPoolExecutor
) -> None:
    query = threads.submit(_query, database_of_server, "SELECT pg_sleep(2)")
    connections(1)
    with pytest.raises(Unavailable):
        database_of_server.read(lambda conn: conn.execute(text("CREATE TABLE never (n int)")))
    assert query.result(20)
    connections(0)


def test_a_query_of_the_database_within_its_transaction_is_an_error(database_of_server: Database) -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"):
        database_of_server.transact(lambda conn: _query(database_of_server, "SELECT 1"))
    assert _query(database_of_server, "SELECT 1") == [(1,)]


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
