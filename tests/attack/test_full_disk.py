"""No room for the log: no process ends, mail is taken in, and the log goes on when there is room again."""

import os
import smtplib
import subprocess
from pathlib import Path

import httpx
import pytest

from service.process import PatientStream
from service.store import spool_view
from service.store.database import Database
from tests.flow.test_faults import connect, send
from tests.served import MAIL, free_port, started, wait_until

INTAKE = {"intake": "help@corp.example"}


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code > 0
    except httpx.HTTPError:
        return False


def test_with_its_log_on_a_full_disk_an_acceptor_takes_mail(sqlite: Database, tmp_path: Path) -> None:
    port = free_port()
    given = {"database_url": f"sqlite:///{sqlite.url.database}", "smtp_listen": f"127.0.0.1:{port}"} | INTAKE
    with open("/dev/full", "wb") as full, started("smtp", cwd=tmp_path, out=full, **given) as process:
        with connect(port) as client:
            assert [send(client, number)[0] for number in range(5)] == [250] * 5
        assert process.poll() is None
    assert process.returncode == 0
    assert sqlite.read(spool_view.ledger).accepted == 5


@pytest.mark.long
def test_with_the_log_on_a_full_disk_every_process_lives_and_mail_is_taken_in(tmp_path: Path) -> None:
    smtp, http = free_port(), free_port()
    given = {"smtp_listen": f"127.0.0.1:{smtp}", "http_listen": f"127.0.0.1:{http}"} | INTAKE
    with open("/dev/full", "wb") as full, started("serve", cwd=tmp_path, out=full, **given) as process:
        url = f"http://127.0.0.1:{http}"
        wait_until(lambda: answers(f"{url}/readyz"), 240)
        first = children(process.pid)
        assert len(first) == 3, "smtp, worker and api run"
        for number in range(20):
            with smtplib.SMTP("127.0.0.1", smtp, timeout=60) as client:
                client.sendmail("aiko@corp.example", ["help@corp.example"], MAIL % number)

        def taken_in() -> int:
            found = httpx.get(f"{url}/api/cases", params={"limit": 100}, timeout=30).json()["items"]
            return sum(one["messages"] for one in found)

        wait_until(lambda: taken_in() == 20, 240)
        assert children(process.pid) == first, "no process was started anew"
        assert process.poll() is None
    assert process.returncode == 0


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
