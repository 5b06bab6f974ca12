"""`sodan serve`: everything in one, kept running, stopped in order; what is wrong is one line and status 2."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import Served, free_port, sodan, wait_until


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    running = Served(tmp_path)
    yield running
    running.process.kill()
    running.process.wait()


@pytest.mark.slow
def test_a_mail_is_visible_and_every_part_comes_back_when_killed(served: Served) -> None:
    served.send(1)
    served.wait_for(lambda: served.seen(1))
    assert set(served.children()) == {"smtp", "worker", "api"}
    for number, part in enumerate(("worker", "smtp", "api"), start=2):
        os.kill(served.children()[part], signal.SIGKILL)
        served.wait_for(lambda number=number: served.send(number))
        served.wait_for(lambda number=number: served.seen(number))
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(30) == 0
    for port in (served.smtp, served.http):
        with pytest.raises(OSError):  # noqa: PT011 - refused or reset
            socket.create_connection(("127.0.0.1", port), timeout=2).close()


@pytest.mark.slow
def test_no_child_outlives_a_supervisor_that_was_killed(served: Served) -> None:
    children = served.children()
    served.process.kill()
    served.process.wait()
    for pid in children.values():
        wait_until(lambda pid=pid: has_ended(pid))  # type: ignore[misc]


def has_ended(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or "Z" in status.read_text().rpartition(")")[2][:3]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"smtp_listen": "25"}, r"SODAN_SMTP_LISTEN: expected host:port"),
        (
            {"database_url": "postgresql://nobody@127.0.0.1:1/none"},
            r"SODAN_DATABASE_URL: the database does not respond",
        ),
        ({"database_url": "sqlite:////proc/none/sodan.db"}, r"SODAN_DATABASE_URL: the database cannot be reached"),
    ],
)
def test_a_wrong_setting_is_one_line_and_status_2(tmp_path: Path, given: dict[str, str], words: str) -> None:
    ended = sodan("serve", cwd=tmp_path, **given)
    assert ended.returncode == 2
    assert re.fullmatch(rf"sodan: {words}.*\n", ended.stderr), ended.stderr


def test_an_address_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = sodan("serve", cwd=tmp_path, smtp_listen=f"127.0.0.1:{port}", http_listen=f"127.0.0.1:{free_port()}")
    assert ended.returncode == 2
    assert f"SODAN_SMTP_LISTEN: cannot listen on 127.0.0.1:{port}" in ended.stderr


def test_a_broken_pack_names_file_and_line(tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    packs.mkdir()
    (packs / "broken.yaml").write_text("pack: broken\nversion: 1\nsignals:\n  - id: [\n")
    ended = sodan("worker", cwd=tmp_path, packs=str(packs))
    assert ended.returncode == 2
    assert "broken.yaml" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.long  # in short: a signal to `sodan smtp` renews it, and a running service passes SIGHUP on
def test_sighup_renews_the_certificate_of_the_acceptor(tmp_path: Path) -> None:
    certificates = Path(__file__).parents[1] / "smtp" / "certificates"
    file = tmp_path / "certificate.pem"
    file.write_bytes((certificates / "first.pem").read_bytes())
    served = Served(tmp_path, smtp_tls_certificate=str(file), database_url=f"sqlite:///{tmp_path}/sodan.db")
    try:
        served.send(1)
        file.write_bytes((certificates / "second.pem").read_bytes())
        served.process.send_signal(signal.SIGHUP)
        served.wait_for(lambda: "certificate renewed" in served.log.read_text())
        served.send(2)
    finally:
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(30) == 0
