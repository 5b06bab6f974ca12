"""`sodan reader` as a process: it stops after a signal, and another reader continues if it is killed."""

import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.intake import AppContext
from service.settings import Settings
from service.store.database import Database
from service.store.tables import second_readings as jobs
from tests.mailbox.provider import Answer
from tests.model.endpoint import endpoint, slow, statements
from tests.model.test_model_reader import HIGH, NONE, Desk
from tests.outbound.desk import Smarthost
from tests.served import started, wait_until

pytestmark = pytest.mark.long


@pytest.fixture
def delivered(sqlite: Database, context: AppContext, model_settings: Settings) -> Desk:
    """An installation with one message for the model."""
    desk = Desk(sqlite, Smarthost(), model_settings, context, now=datetime.now(UTC))
    desk.give()
    return desk


def reader(database: Database, url: str, folder: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    given = {"database_url": f"sqlite:///{database.url.database}", "intake": "intake@corp.example"}
    return started("reader", cwd=folder, **given, model_url=url, model="m", model_seconds="30")


def test_a_reader_stores_the_answer_that_it_waits_for_before_it_stops(delivered: Desk, tmp_path: Path) -> None:
    with endpoint(slow(0.5, statements(HIGH, NONE))) as up, reader(delivered.database, up.url, tmp_path) as process:
        wait_until(lambda: bool(up.asked))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert delivered.job().state == "done"
    assert delivered.case()["read_by"]["reader"] == "model"


def test_the_request_of_a_killed_reader_is_repeated_when_the_next_one_starts(delivered: Desk, tmp_path: Path) -> None:
    answers: list[Answer | Callable[[dict[str, Any]], Answer]] = [slow(60, statements()), statements(HIGH, NONE)]
    with endpoint(*answers) as up:
        with reader(delivered.database, up.url, tmp_path) as process:
            wait_until(lambda: bool(up.asked))
            process.kill()
            process.wait()
        held = delivered.job()
        assert (held.state, held.attempts) == ("waiting", 1)
        assert held.leased_until > datetime.now(UTC)
        with reader(delivered.database, up.url, tmp_path) as process:
            wait_until(lambda: delivered.job().state == "done")
            process.send_signal(signal.SIGINT)  # while it is idle
            assert process.wait(60) == 0
    assert len(up.asked) == 2
    assert delivered.job().attempts == 2
    assert delivered.database.read(lambda conn: len(conn.execute(select(jobs)).all())) == 1
