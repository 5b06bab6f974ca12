"""If the log cannot be written because the disk is full, the service goes on, and the log too when there is room."""

import os
from pathlib import Path

import pytest

from service.process import ErrorTolerantStream
from service.store import spool_view
from service.store.database import Database
from tests.flow.test_faults import connect, send
from tests.served import free_port, started


@pytest.mark.long
def test_mail_is_accepted_while_the_log_is_on_a_full_disk(sqlite: Database, tmp_path: Path) -> None:
    port = free_port()
    given = {"database_url": f"sqlite:///{sqlite.url.database}", "smtp_listen": f"127.0.0.1:{port}"}
    with (
        open("/dev/full", "wb") as full,
        started("smtp", cwd=tmp_path, out=full, intake="help@corp.example", **given) as process,
    ):
        with connect(port) as client:
            assert [send(client, number)[0] for number in range(5)] == [250] * 5
        assert process.poll() is None
    assert process.returncode == 0
    assert sqlite.read(spool_view.ledger).accepted == 5


def test_lines_that_could_not_be_written_are_counted_in_the_next_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    descriptor = os.open("/dev/full", os.O_WRONLY)
    stream = ErrorTolerantStream(descriptor)
    for _ in range(3):
        print("lost", file=stream)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), descriptor)
    print("kept", file=stream)
    os.close(descriptor)
    assert stream.dropped == 0
    assert log.read_text() == "6 earlier pieces of this log could not be written\nkept\n"


@pytest.mark.parametrize("text", ["日本語", "\udcff", "\x00", "a" * 1_000_000])
def test_any_text_can_be_written_also_to_a_closed_log(tmp_path: Path, text: str) -> None:
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    stream = ErrorTolerantStream(descriptor)
    assert stream.write(text) == len(text)
    os.close(descriptor)
    assert stream.write(text) == len(text)
    assert stream.dropped == 1
