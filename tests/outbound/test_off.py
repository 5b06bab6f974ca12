"""Off by default: no process of `sodan serve` connects to anything, or sends anything, but to this machine."""

from __future__ import annotations

import os
import re
import shutil
import smtplib
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.outbound.desk import report
from tests.served import Served, free_port

STRACE = shutil.which("strace")
CALLS = "connect,sendto,sendmsg,sendmmsg"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(STRACE is None and not os.environ.get("CI"), reason="needs strace; CI installs Debian's"),
]
_ADDRESS = re.compile(
    r'sin6?_addr\)?[=,] ?(?:inet_addr\(|inet_pton\(AF_INET6, |AF_INET6, )?"([^"]+)"|"([0-9a-f:]+)", &sin6'
)


def addresses(trace: Path) -> set[str]:
    """Every internet address that a traced process connected or sent to."""
    text = trace.read_text(errors="replace")
    assert "+++ exited with 0 +++" in text, "nothing was traced: it cannot fail"
    lines = [line for line in text.splitlines() if "sa_family=AF_INET" in line]
    return {next(filter(None, match.groups())) for line in lines for match in _ADDRESS.finditer(line)}


def traced(tmp_path: Path, **given: str) -> set[str]:
    """Where `sodan serve` spoke to while it started, took two mails in, and answered HTTP."""
    trace = tmp_path / "trace"
    # -D: the tracer is a grandchild, so that `sodan serve` itself is stopped in the end
    under = [str(STRACE), "-D", "-f", "--seccomp-bpf", "-e", f"trace={CALLS}", "-o", str(trace)]
    served = Served(tmp_path, under=under, intake="intake@corp.example", **given)
    url = f"http://127.0.0.1:{served.http}"
    try:
        with smtplib.SMTP("127.0.0.1", served.smtp, timeout=60) as client:
            for number, body in enumerate(("Nothing prints.", "All of Osaka is down and 300 people cannot work.")):
                mail = report(number, subject=f"Matter {number}", body=body, date=datetime.now(UTC))
                client.sendmail("aiko@corp.example", ["intake@corp.example"], mail.replace("\n", "\r\n"))
        served.wait_for(lambda: len(httpx.get(f"{url}/api/cases", timeout=60).json()["items"]) == 2)
        assert httpx.get(f"{url}/cases/SD-1", timeout=60).status_code == 200
        if given:
            served.wait_for(lambda: "127.0.0.2" in trace.read_text(errors="replace"))
    finally:
        served.stop()
    return addresses(trace)


def test_with_everything_off_no_byte_leaves_the_house(tmp_path: Path) -> None:
    assert traced(tmp_path) == set()


@pytest.mark.long
def test_with_a_smart_host_set_the_same_look_sees_the_mail_leave(tmp_path: Path) -> None:
    given = {
        "smarthost": f"smtp://127.0.0.2:{free_port()}",
        "from": "IT desk <it@corp.example>",
        "acknowledge": "on",
    }
    assert "127.0.0.2" in traced(tmp_path, **given)
