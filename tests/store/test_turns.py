"""Writers of one SQLite file take turns: who waits comes next, however busy the others are."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.errors import Unavailable
from service.store import database as rooms
from service.store.database import Connection, Database


def busy(url: str, transactions: int) -> None:
    """A worker with much to do: one transaction after the other, next to no time between them."""
    database = Database(url)

    def hold(conn: Connection) -> None:
        conn.exec_driver_sql("PRAGMA user_version = 1")
        time.sleep(0.1)

    print("begun", flush=True)
    for _ in range(transactions):
        database.transact(hold)
        time.sleep(0.002)
    database.close()


def test_a_mail_gets_its_turn_between_the_transactions_of_a_busy_worker(sqlite: Database) -> None:
    url = str(sqlite.url).replace("+pysqlite", "")
    command = [sys.executable, "-m", "tests.store.test_turns", url, "40"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "begun\n"
        turns = 0
        while worker.poll() is None:
            sqlite.probe()
            turns += 1
            time.sleep(0.01)
    assert worker.returncode == 0
    assert turns >= 12  # by SQLite's own waiting: one or two


def test_who_waits_too_long_is_told_that_the_database_is_busy(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Database(str(sqlite.url).replace("+pysqlite", ""))
    monkeypatch.setattr(rooms, "BUSY_SECONDS", 0.05)

    def blocked(_conn: Connection) -> None:
        with pytest.raises(Unavailable, match="busy"):
            other.probe()

    sqlite.transact(blocked)
    other.probe()
    other.close()


if __name__ == "__main__":
    busy(sys.argv[1], int(sys.argv[2]))
