"""The log has one line for each mail, without text or addresses of the mail."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service import intake
from service.store import spool_view
from service.store.database import Database
from service.store.spool import Envelope

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-swordfish"
MAIL = (
    f"From: Kaede Secretname <kaede@corp.example>\r\nTo: help@intake.example\r\nSubject: password is {SECRET}\r\n"
    f"Message-ID: <log@corp.example>\r\n\r\nMy password is {SECRET}. Error 0x80070005.\r\n"
).encode()
WORDS = (SECRET, "kaede", "secretname", "corp.example", "password")
WORK = """
from datetime import UTC, datetime, timedelta
from service.cli import start
from service.intake import AppContext
from service.worker import Worker
settings = start.settings()
start.log_to_stderr(settings)
{before}
worker = Worker(start.database(settings), AppContext.of(settings), by="w", batch=9, lease=timedelta(seconds=60),
                clock=lambda: datetime.now(UTC))
worker.step()
"""


def log_of_worker(database: Database, before: str = "") -> tuple[str, str]:
    """Receive a mail and process it in a new process that first executes ``before``; return (spool id, log)."""
    envelope = Envelope("smtp", "kaede@corp.example", ("help@intake.example",))
    [id] = intake.receive(database, [(envelope, MAIL)], datetime.now(UTC))
    env = {**os.environ, "SODAN_DATABASE_URL": str(database.url), "SODAN_INTAKE": "help@intake.example"}
    command = [sys.executable, "-c", WORK.format(before=before)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    assert not any(word in done.stderr.lower() for word in WORDS)
    return id, done.stderr


def test_a_processed_mail_is_one_line_without_its_words(sqlite: Database) -> None:
    id, log = log_of_worker(sqlite)
    [line] = log.splitlines()
    values = dict(re.findall(r"(\w+)=(\"[^\"]*\"|\S*)", line))
    assert (values["event"], values["id"], values["channel"], values["attempt"]) == ('"taken in"', id, "smtp", "1")
    assert (values["size"], values["messages"]) == (str(len(MAIL)), "1")
    assert {"timestamp", "level", "waited_ms", "language", "automatic", "role", "defects"} <= values.keys()


@pytest.mark.parametrize("function", ["understand", "take_in"])
def test_a_failed_mail_is_logged_without_its_words(sqlite: Database, function: str) -> None:
    failing = f"""
import service.intake
def fail(*_, **__):
    raise ValueError("cannot read {SECRET} of kaede@corp.example")
service.intake.{function} = fail
"""
    id, log = log_of_worker(sqlite, failing)
    assert f"id={id}" in log
    assert "error=ValueError" in log
    assert SECRET in sqlite.read(lambda conn: spool_view.entry(conn, id))["reason"]  # only readers of mail see it
