"""`make audit` succeeds only if the register of vulnerabilities answered."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KNOWN = json.dumps({"dependencies": [{"name": "idna", "version": "3.20", "vulns": [{"id": "CVE-2099-1"}]}]})
NONE_KNOWN = json.dumps({"dependencies": [{"name": "idna", "version": "3.20", "vulns": []}]})
NO_ANSWERS = (
    "", "connection refused", "{}", '{"dependencies": []}', "[]", "null", "1", '{"dependencies": 1}', NONE_KNOWN[:-3],
    json.dumps({"dependencies": [{"name": "idna", "skip_reason": "not found"}]}),
)  # fmt: skip


def audit(offline: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command, environment = [sys.executable, "deploy/audit.py"], {**os.environ, "AUDIT_OFFLINE": offline, **environment}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)


def audit_with_answer(folder: Path, answer: str, offline: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a ``pip_audit`` that prints this answer."""
    (folder / "pip_audit.py").write_text(f"print({answer!r}, end='')")
    return audit(offline, PYTHONPATH=str(folder))


@pytest.mark.parametrize("answer", NO_ANSWERS)
@pytest.mark.parametrize(("offline", "status"), [("", 2), ("yes", 0)])
def test_without_an_answer_the_audit_fails_unless_it_is_offline(
    tmp_path: Path, answer: str, offline: str, status: int
) -> None:
    done = audit_with_answer(tmp_path, answer, offline)
    assert (done.returncode, "nothing was checked" in done.stderr) == (status, True)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("offline", ["", "yes"])
def test_the_audit_fails_for_a_known_vulnerability(tmp_path: Path, offline: str) -> None:
    done = audit_with_answer(tmp_path, KNOWN, offline)
    assert (done.returncode, "CVE-2099-1" in done.stdout) == (1, True)
    assert audit_with_answer(tmp_path, NONE_KNOWN, offline).returncode == 0


def test_the_real_tool_without_a_network_gets_no_answer() -> None:
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
    assert audit("", NO_PROXY="", no_proxy="", **nowhere).returncode == 2
