"""SQLite: writers take turns, and after a flush that failed, what is promised is flushed anew."""

import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from service.errors import Unavailable
from service.intake import receive
from service.store import database as rooms
from service.store.database import Connection, Database
from service.store.spool import Envelope

WORDS = b"platypus-quokka-0123456789"


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
    command = [sys.executable, "-m", "tests.store.test_sqlite", url, "40"]
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


def _fail(_: Connection) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    raise OperationalError("COMMIT", None, error)


def test_after_a_flush_that_failed_the_log_is_written_into_the_database_before_more_is_promised(
    sqlite: Database,
) -> None:
    file = Path(str(sqlite.url.database))
    with sqlite3.connect(file) as reader:  # while somebody has it open, no closing of ours writes the log
        reader.execute("SELECT 1 FROM spool").fetchall()
        receive(sqlite, [(Envelope("smtp"), WORDS)], datetime.now(UTC))
        assert WORDS not in file.read_bytes()
        with pytest.raises(Unavailable):
            sqlite.transact(_fail)
        sqlite.transact(lambda conn: conn.execute(text("SELECT 1")))
        assert WORDS in file.read_bytes()
    reader.close()


if __name__ == "__main__":
    busy(sys.argv[1], int(sys.argv[2]))
