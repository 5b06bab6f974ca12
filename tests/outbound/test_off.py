"""Where the processes of `sodan serve` connect to, as a tracer sees it; by default nowhere (see test_readme.py)."""

import os
import re
import shutil
import smtplib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.outbound.desk import report
from tests.served import Served, free_port

STRACE = shutil.which("strace")
CALLS = "connect,sendto,sendmsg,sendmmsg"
_ADDRESS = re.compile(
    r'sin6?_addr\)?[=,] ?(?:inet_addr\(|inet_pton\(AF_INET6, |AF_INET6, )?"([^"]+)"|"([0-9a-f:]+)", &sin6'
)


def addresses(trace: Path) -> set[str]:
    """Every internet address that a traced process connected or sent to."""
    text = trace.read_text(errors="replace")
    assert "+++ exited with 0 +++" in text, "nothing was traced: it cannot fail"
    lines = [line for line in text.splitlines() if "sa_family=AF_INET" in line]
    return {next(filter(None, match.groups())) for line in lines for match in _ADDRESS.finditer(line)}


def tracer(trace: Path) -> list[str]:
    """The command under which `sodan serve` writes down where it connects to; none without strace."""
    if STRACE is None and not os.environ.get("CI"):
        return []
    # -D: the tracer is a grandchild, so that `sodan serve` itself is stopped in the end
    return [str(STRACE), "-D", "-f", "--seccomp-bpf", "-e", f"trace={CALLS}", "-o", str(trace)]


@pytest.mark.soak
@pytest.mark.skipif(not tracer(Path()), reason="needs strace; CI installs Debian's")
def test_with_a_smart_host_set_the_same_look_sees_the_mail_leave(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    given = {"smarthost": f"smtp://127.0.0.2:{free_port()}", "from": "IT desk <it@corp.example>", "acknowledge": "on"}
    served = Served(tmp_path, under=tracer(trace), intake="intake@corp.example", **given)
    try:
        with smtplib.SMTP("127.0.0.1", served.smtp, timeout=60) as client:
            mail = report(1, date=datetime.now(UTC))
            client.sendmail("aiko@corp.example", ["intake@corp.example"], mail.replace("\n", "\r\n"))
        served.wait_for(lambda: "127.0.0.2" in trace.read_text(errors="replace"))
    finally:
        served.stop()
    assert "127.0.0.2" in addresses(trace)
