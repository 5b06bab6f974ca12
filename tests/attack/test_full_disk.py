"""No room for the log: no process ends, mail is taken in, and the log goes on when there is room again."""

import os
import subprocess
from pathlib import Path

import pytest

from service.process import PatientStream
from service.store import spool_view
from service.store.database import Database
from tests.flow.test_faults import connect, send
from tests.served import free_port, started, wait_until


@pytest.mark.long
@pytest.mark.parametrize(("command", "parts"), [("smtp", 0), pytest.param("serve", 3, marks=pytest.mark.soak)])
def test_with_its_log_on_a_full_disk_no_process_ends_and_mail_is_taken(
    sqlite: Database, tmp_path: Path, command: str, parts: int
) -> None:
    port = free_port()
    given = {"database_url": f"sqlite:///{sqlite.url.database}", "smtp_listen": f"127.0.0.1:{port}"}
    given |= {"intake": "help@corp.example", "http_listen": f"127.0.0.1:{free_port()}"}
    with open("/dev/full", "wb") as full, started(command, cwd=tmp_path, out=full, **given) as process:
        with connect(port) as client:
            wait_until(lambda: len(children(process.pid)) == parts, 240)
            first = children(process.pid)
            assert [send(client, number)[0] for number in range(5)] == [250] * 5
        wait_until(lambda: not parts or sqlite.read(spool_view.ledger).taken_in == 5, 240)
        assert children(process.pid) == first, "no process was started anew"
        assert process.poll() is None
    assert process.returncode == 0
    assert sqlite.read(spool_view.ledger).accepted == 5


def children(pid: int) -> set[str]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return set(found.stdout.split())


def test_what_could_not_be_written_is_counted_in_the_next_line_that_can(tmp_path: Path) -> None:
    log = tmp_path / "log"
    descriptor = os.open("/dev/full", os.O_WRONLY)
    stream = PatientStream(descriptor)
    for _ in range(3):
        print("lost", file=stream)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), descriptor)
    print("kept", file=stream)
    os.close(descriptor)
    assert stream.dropped == 0
    assert log.read_text() == "6 earlier pieces of this log could not be written\nkept\n"


@pytest.mark.parametrize("text", ["日本語", "\udcff", "\x00", "a" * 1_000_000])
def test_any_text_can_be_written_and_a_closed_log_raises_nothing(tmp_path: Path, text: str) -> None:
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    stream = PatientStream(descriptor)
    assert stream.write(text) == len(text)
    os.close(descriptor)
    assert stream.write(text) == len(text)
    assert stream.dropped == 1
