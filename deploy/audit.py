"""`make audit`: known vulnerabilities of the locked libraries.

Exit status 0: none known. 1: some are known. 2: the advisory database did not respond, so nothing was checked. On a
machine without Internet access, set AUDIT_OFFLINE=yes: then the status is 0 instead of 2.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

SECONDS = 120
COMMAND = ("pip_audit", "--disable-pip", "--require-hashes", "-r", "requirements.lock", "--format", "json")


def main() -> int:
    checked = ask_register()
    if checked is None:
        print("audit: the advisory database did not respond, so nothing was checked", file=sys.stderr)
        if os.environ.get("AUDIT_OFFLINE") == "yes":
            return 0
        print("audit: on a machine without Internet access, run: make audit AUDIT_OFFLINE=yes", file=sys.stderr)
        return 2
    vulnerable = [one for one in checked if one["vulns"]]
    for one in vulnerable:
        print(f"{one['name']} {one['version']}: {', '.join(vuln['id'] for vuln in one['vulns'])}")
    print(f"audit: {len(checked)} libraries checked, {len(vulnerable)} with known vulnerabilities", file=sys.stderr)
    return 1 if vulnerable else 0


def ask_register() -> list[dict[str, Any]] | None:
    """The libraries the register knows something about; None where it did not answer for all of them."""
    command = [sys.executable, "-m", *COMMAND, "--timeout", "10", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)  # noqa: S603 - constants
        checked = json.loads(done.stdout)["dependencies"]
        complete = bool(checked) and all(isinstance(one["vulns"], list) for one in checked)
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return None
    return checked if complete else None


if __name__ == "__main__":
    sys.exit(main())
