"""Traces where the processes of `sodan serve` connect to. By default they connect nowhere (see test_readme.py)."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.outbound.desk import report
from tests.served import Served, free_port

STRACE = shutil.which("strace")


def internet_calls(trace: Path) -> list[str]:
    """Return the system calls in which a traced process connected or sent to an internet address."""
    text = trace.read_text(errors="replace")
    assert "+++ exited with 0 +++" in text, "nothing was traced, so the test cannot fail"
    return [line for line in text.splitlines() if "sa_family=AF_INET" in line]


def tracer(trace: Path) -> list[str]:
    """Return the strace command to run `sodan serve` under; empty if strace is not installed."""
    if STRACE is None and not os.environ.get("CI"):
        return []
    # -D: strace is a grandchild, so that the test stops `sodan serve` itself
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    return [str(STRACE), "-D", "-f", "--seccomp-bpf", "-e", calls, "-o", str(trace)]


@pytest.mark.soak
@pytest.mark.skipif(not tracer(Path()), reason="needs strace; CI installs Debian's")
def test_the_trace_contains_the_connection_to_a_smart_host(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    given = {"smarthost": f"smtp://127.0.0.2:{free_port()}", "from": "IT desk <it@corp.example>", "acknowledge": "on"}
    served = Served(tmp_path, under=tracer(trace), intake="intake@corp.example", **given)
    try:
        served.send_mail(report(date=datetime.now(UTC)), "intake@corp.example")
        served.wait_for(lambda: "127.0.0.2" in trace.read_text(errors="replace"))
    finally:
        served.stop()
    assert any("127.0.0.2" in call for call in internet_calls(trace))
