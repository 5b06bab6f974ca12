"""`sodan serve` restarts its processes and stops them in order. A wrong setting is one line and status 2."""

import os
import re
import signal
import socket
from pathlib import Path

import pytest

from tests.served import Served, free_port, sodan, wait_until


@pytest.mark.long
def test_a_process_that_dies_or_hangs_is_restarted_and_all_end_with_the_supervisor(tmp_path: Path) -> None:
    served = Served(tmp_path, watchdog="2")
    try:
        served.send(1)
        served.wait_for(lambda: served.seen(1))
        first = served.children()
        assert set(first) == {"smtp", "worker", "api"}
        os.kill(first["worker"], signal.SIGKILL)
        served.wait_for(lambda: served.send(2))
        served.wait_for(lambda: served.seen(2))
        worker = served.children()["worker"]
        for part in ("smtp", "api"):
            os.kill(first[part], signal.SIGSTOP)
        for part in ("smtp", "api"):
            served.wait_for(lambda part=part: served.children().get(part, first[part]) != first[part])
        served.wait_for(lambda: served.send(3))
        served.wait_for(lambda: served.seen(3))
        assert served.log.read_text().count("a process hangs and is killed") >= 2
        children = served.children()
        assert children["worker"] == worker != first["worker"]
    finally:
        served.kill()
    for pid in children.values():
        wait_until(lambda pid=pid: has_ended(pid))  # type: ignore[misc]


def has_ended(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or "Z" in status.read_text().rpartition(")")[2][:3]


BROKEN = "pack: broken\nversion: 1\nsignals:\n  - id: [\n"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"smtp_listen": "25"}, r"SODAN_SMTP_LISTEN: expected host:port"),
        ({"database_url": "postgresql://a@127.0.0.1:1/b"}, r"SODAN_DATABASE_URL: the database does not respond"),
        ({"database_url": "sqlite:////proc/none/sodan.db"}, r"SODAN_DATABASE_URL: the database cannot be reached"),
        ({"packs": "."}, r".*broken\.yaml"),
        ({"smtp_listen": "127.0.0.1:{taken}", "http_listen": "127.0.0.1:{free}"},
         r"SODAN_SMTP_LISTEN: cannot listen on 127\.0\.0\.1:\d+: another process uses this address"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_line_and_status_2(tmp_path: Path, given: dict[str, str], error: str) -> None:
    (tmp_path / "broken.yaml").write_text(BROKEN)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"taken": taken.getsockname()[1], "free": free_port()}
        command = "worker" if "packs" in given else "serve"
        ended = sodan(command, cwd=tmp_path, **{name: value.format(**ports) for name, value in given.items()})
    assert ended.returncode == 2
    assert re.fullmatch(rf"sodan: {error}.*\n", ended.stderr), ended.stderr
