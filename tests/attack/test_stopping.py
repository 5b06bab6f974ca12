"""A signal stops a process at any moment: no signal handler takes a lock, which the process may hold."""

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.served import environment, wait_until


def test_no_signal_handler_of_ours_takes_a_lock() -> None:
    """A handler may only set a plain attribute. All other work is for ``stop_event`` or the event loop."""
    allowed = {
        "service/__main__.py": 2,  # the defaults
        "service/process.py": 3,  # the one for CPU time raises an exception
        "service/app.py": 1,
        "service/mailbox/run.py": 1,  # SIG_IGN
        "service/supervisor.py": 1,  # SIG_IGN in the child, before exec
    }
    found = Counter(
        str(file)
        for file in Path("service").rglob("*.py")
        for _ in re.findall(r"signal\.signal\(|^ *signal\(", file.read_text(encoding="utf-8"), re.M)
    )
    assert found == allowed


@pytest.mark.long
def test_no_interrupt_is_lost_while_the_process_starts(tmp_path: Path) -> None:
    """A KeyboardInterrupt is lost if it is raised in a callback of the import system.

    Before the first line of sodan, Python itself may lose one: the test waits until sodan imports its own modules.
    """
    given = environment(smtp_listen="127.0.0.1:0", http_listen="127.0.0.1:0")
    command = [sys.executable, "-X", "importtime", "-m", "service", "serve"]
    imported = tmp_path / "imported"
    for number in range(0, 12, 3):
        with imported.open("wb") as errors:
            process = subprocess.Popen(command, cwd=tmp_path, env=given, stderr=errors, start_new_session=True)
        wait_until(lambda: re.search(r"\bservice\.cli\n", imported.read_text(encoding="utf-8")))
        time.sleep(number / 25)
        process.send_signal(signal.SIGINT)
        assert process.wait(240) in (0, 1, -signal.SIGINT)
