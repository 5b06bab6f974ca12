"""A signal that comes at the worst moment still stops the process: no handler takes a lock that may be held."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.served import environment

PATIENCE = 240  # seconds after which a process counts as hung; it takes one or two

AT_THE_WORST_MOMENT = """
import os, signal, sys, threading
from service import supervisor
from service.app import run_worker
from service.settings import load
from service.worker import Worker

settings = load()
for moment in sys.argv[1:]:
    child = os.fork()
    if not child:
        signal.alarm(200)  # ends it where it hangs
        break
    status = os.waitpid(child, 0)[1]
    if status:
        sys.exit(f"{moment}: {status}")
else:
    sys.exit()
number, nth = signal.Signals[moment.partition("-")[0]], int(moment.partition("-")[2])
seen = 0

def trace(frame, event, _argument):
    global seen
    if threading.current_thread() is not threading.main_thread():
        return None
    code = frame.f_code
    if code.co_filename != threading.__file__ or code.co_qualname.partition(".")[0] not in ("Event", "Condition"):
        return None
    if event == "line" and waiting(frame):
        seen += 1
        if seen == nth:
            os.kill(os.getpid(), number)
            if number == signal.SIGHUP:
                os.kill(os.getpid(), signal.SIGTERM)
    return trace

def waiting(frame):
    while frame is not None:
        if frame.f_code.co_name in ("_keep_running", "run") and "service" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False

def traced(run):
    def running(*given):
        sys.settrace(trace)  # not from the start: a migration under a trace takes minutes
        return run(*given)
    return running

"""
SUPERVISOR = """
supervisor._keep_running = traced(supervisor._keep_running)
sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
sys.exit(supervisor.run_supervisor(settings, [("sleeper", sleeper)]))
"""
WORKER = """
Worker.run = traced(Worker.run)
sys.exit(run_worker(settings))
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("program", "moments"),
    [
        (SUPERVISOR, "SIGTERM-1 SIGTERM-3 SIGTERM-5 SIGINT-3 SIGHUP-5"),
        (WORKER, "SIGTERM-3 SIGHUP-3"),
        pytest.param(SUPERVISOR, "SIGTERM-2 SIGTERM-4 SIGTERM-7 SIGINT-5 SIGHUP-3", marks=pytest.mark.soak),
        pytest.param(WORKER, "SIGTERM-2 SIGINT-3", marks=pytest.mark.soak),
    ],
    ids=["supervisor", "worker", "supervisor, further", "worker, further"],
)
def test_a_process_stops_wherever_in_its_wait_the_signal_comes(
    tmp_path: Path, sqlite_template: Path, program: str, moments: str
) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "sodan.db").write_bytes(sqlite_template.read_bytes())
    given = environment(smtp_listen="127.0.0.1:0", http_listen="127.0.0.1:0", watchdog="0", stop_seconds="5")
    command = [sys.executable, "-c", AT_THE_WORST_MOMENT + program, *moments.split()]
    env = given | {"PYTHONPATH": os.getcwd()}
    ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == 0, ended.stderr


def test_no_signal_handler_of_ours_takes_a_lock() -> None:
    """Handlers may set a plain attribute only; everything else goes by ``on_signals`` or the event loop."""
    allowed = {
        "service/__main__.py": 2,  # the defaults
        "service/process.py": 3,  # for CPU time it raises only
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
    """As KeyboardInterrupt it would be, where it comes in a callback of the import system."""
    given = environment(smtp_listen="127.0.0.1:0", http_listen="127.0.0.1:0")
    command = [sys.executable, "-m", "service", "serve"]
    for number in range(0, 12, 3):
        process = subprocess.Popen(command, cwd=tmp_path, env=given, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(0.1 + number / 25)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) in (0, 1, -signal.SIGINT)
