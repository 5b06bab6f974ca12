"""The log tells what became of each mail in one line, and nothing that anybody wrote."""

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
ONCE = "from service.cli import start; settings = start.settings(); start.log_to_stderr(settings);"


def _run(url: str, code: str) -> str:
    environment = {**os.environ, "SODAN_DATABASE_URL": url, "SODAN_INTAKE": "help@intake.example"}
    done = subprocess.run(
        [sys.executable, "-c", ONCE + code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


_WORK = """
from datetime import UTC, datetime, timedelta
from service.intake import AppContext
from service.worker import Worker
{before}
worker = Worker(start.database(settings), AppContext.of(settings), by="w", batch=9, lease=timedelta(seconds=60),
                clock=lambda: datetime.now(UTC))
worker.step()
"""


def _receive(database: Database) -> str:
    envelope = Envelope("smtp", "kaede@corp.example", ("help@intake.example",))
    [id] = intake.receive(database, [(envelope, MAIL)], datetime.now(UTC))
    return id


def test_a_mail_is_one_line_of_numbers_and_kinds(sqlite: Database) -> None:
    id = _receive(sqlite)
    [line] = _run(str(sqlite.url), _WORK.format(before="")).splitlines()
    told = dict(re.findall(r"(\w+)=(\"[^\"]*\"|\S*)", line))
    assert (told["event"], told["id"], told["channel"], told["attempt"]) == ('"taken in"', id, "smtp", "1")
    assert (told["size"], told["messages"]) == (str(len(MAIL)), "1")
    assert {"timestamp", "level", "waited_ms", "language", "automatic", "role", "defects"} <= told.keys()
    assert not any(word in line.lower() for word in WORDS)


@pytest.mark.parametrize("where", ["understand", "take_in"])
def test_what_fails_over_a_mail_does_not_tell_its_words(sqlite: Database, where: str) -> None:
    id = _receive(sqlite)
    failing = f"""
import service.intake
def fail(*_, **__):
    raise ValueError("cannot read {SECRET} of kaede@corp.example")
service.intake.{where} = fail
"""
    told = _run(str(sqlite.url), _WORK.format(before=failing))
    assert f"id={id}" in told
    assert "error=ValueError" in told
    assert not any(word in told.lower() for word in WORDS)
    assert SECRET in sqlite.read(lambda conn: spool_view.entry(conn, id))["reason"]  # for readers of the mail


_INSERT = f"""
from sqlalchemy import text
import structlog
database = start.database(start.settings())
try:
    database.transact(lambda conn: conn.execute(text("INSERT INTO spool (id) VALUES (:id)"), {{"id": "{SECRET}"}}))
except Exception:
    structlog.get_logger("x").exception("mail was not taken")
"""


def test_the_acceptor_and_the_database_do_not_tell_it_either(sqlite: Database) -> None:
    told = _run(str(sqlite.url), _INSERT)
    assert ("mail was not taken" in told, SECRET in told) == (True, False)
