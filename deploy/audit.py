"""`make audit`: known vulnerabilities of the locked libraries; says so and goes on where no register is reachable."""

from __future__ import annotations

import json
import subprocess
import sys

SECONDS = 120


def main() -> int:
    command = ["pip-audit", "--disable-pip", "--require-hashes", "-r", "requirements.lock", "--format", "json"]
    try:
        done = subprocess.run(  # noqa: S603 - constants
            [sys.executable, "-m", "pip_audit", *command[1:], "--timeout", "10", "--progress-spinner", "off"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        found = [one for one in json.loads(done.stdout)["dependencies"] if one.get("vulns")]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        print("audit: no register of vulnerabilities is reachable from here; nothing was checked", file=sys.stderr)
        return 0
    for one in found:
        print(f"{one['name']} {one['version']}: {', '.join(vuln['id'] for vuln in one['vulns'])}")
    print(f"audit: {len(found)} libraries with known vulnerabilities", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
