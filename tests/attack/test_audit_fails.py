"""`make audit` is green only where the register was asked and answered."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOUND = json.dumps({"dependencies": [{"name": "idna", "version": "3.20", "vulns": []}]})
ILL = json.dumps({"dependencies": [{"name": "idna", "version": "3.20", "vulns": [{"id": "CVE-2099-1"}]}]})
NO_ANSWERS = (
    "", "connection refused", "{}", '{"dependencies": []}', "[]", "null", "1", '{"dependencies": 1}', SOUND[:-3],
    json.dumps({"dependencies": [{"name": "idna", "skip_reason": "not found"}]}),
)  # fmt: skip
# without what `make test check AUDIT_OFFLINE=yes` hands down
AROUND = {name: value for name, value in os.environ.items() if name != "AUDIT_OFFLINE"}


def audit(folder: Path, says: str, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script with a ``pip_audit`` in front that says this: what the register's answer would make of it."""
    (folder / "pip_audit.py").write_text(
        f"import sys\nsys.stdout.write({says!r})\nsys.stderr.write('no route')\nsys.exit({status})\n"
    )
    return run({**AROUND, "PYTHONPATH": str(folder), **environment})


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "deploy/audit.py"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize("says", NO_ANSWERS)
@pytest.mark.parametrize(("status", "offline", "expected"), [(0, "", 2), (1, "", 2), (0, "yes", 0)])
def test_no_answer_is_no_green_unless_offline_is_said(
    tmp_path: Path, says: str, status: int, offline: str, expected: int
) -> None:
    done = audit(tmp_path, says, status, AUDIT_OFFLINE=offline)
    assert done.returncode == expected
    assert "nothing was checked" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("offline", ["", "yes"])
def test_what_is_vulnerable_fails_and_what_is_not_passes(tmp_path: Path, offline: str) -> None:
    ill = audit(tmp_path, ILL, 1, AUDIT_OFFLINE=offline)
    assert (ill.returncode, "CVE-2099-1" in ill.stdout) == (1, True)
    assert audit(tmp_path, SOUND, AUDIT_OFFLINE=offline).returncode == 0


def test_without_a_network_the_real_register_is_not_green(tmp_path: Path) -> None:
    """The real tool, its traffic sent to a port where nobody is."""
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
    environment = {name: value for name, value in AROUND.items() if name.lower() != "no_proxy"} | nowhere
    assert run(environment).returncode == 2
