"""SQLite: waiting for the write lock, and recovery from a failed flush."""

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
from service.store import database as database_module
from service.store.database import Connection, Database
from service.store.spool import Envelope

WORDS = b"platypus-quokka-0123456789"


def busy(url: str, transactions: int) -> None:
    """Run one transaction after the other, almost without a pause, as a busy worker does."""
    database = Database(url)

    def hold(conn: Connection) -> None:
        conn.exec_driver_sql("PRAGMA user_version = 1")
        time.sleep(0.1)

    print("begun", flush=True)
    for _ in range(transactions):
        database.transact(hold)
        time.sleep(0.002)
    database.close()


def test_mail_is_stored_between_the_transactions_of_a_busy_worker(sqlite: Database) -> None:
    url = str(sqlite.url).replace("+pysqlite", "")
    command = [sys.executable, "-m", "tests.store.test_sqlite", url, "40"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "begun\n"
        writes = 0
        while worker.poll() is None:
            sqlite.probe()
            writes += 1
            time.sleep(0.01)
    assert worker.returncode == 0
    assert writes >= 12  # with SQLite's busy handler: one or two


def test_a_writer_that_waits_too_long_gets_an_error(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Database(str(sqlite.url).replace("+pysqlite", ""))
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.05)

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


def test_after_a_failed_flush_the_write_ahead_log_is_copied_before_the_next_write(
    sqlite: Database,
) -> None:
    file = Path(str(sqlite.url.database))
    with sqlite3.connect(file) as reader:  # an open reader prevents that closing copies the log
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
