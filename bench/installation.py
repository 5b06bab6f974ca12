"""A whole sodan as an operator runs it, for a bench: `sodan serve` on free ports, and the memory of its processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

INTAKE = "help@intake.example"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Installation:
    """Its ports, and its processes by name."""

    def __init__(self, process: subprocess.Popen[bytes], smtp: int, http: int) -> None:
        self._process = process
        self.smtp = smtp
        self.url = f"http://127.0.0.1:{http}"

    def processes(self) -> dict[str, int]:
        """Process ids by what each is: supervisor, smtp, worker, a second one, api."""
        root = self._process.pid
        found = {"supervisor": root}
        for pid in Path(f"/proc/{root}/task/{root}/children").read_text().split():
            name = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").rpartition(b"\0")[2].decode()
            found[f"{name} 2" if name in found else name] = int(pid)
        return found

    def memory(self) -> dict[str, float]:
        """Resident megabytes of each process."""
        page = os.sysconf("SC_PAGE_SIZE")
        return {
            name: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page / 1e6
            for name, pid in self.processes().items()
        }


@contextlib.contextmanager
def installation(url: str, patience: float = 60.0, workers: int = 1, team: str = "") -> Iterator[Installation]:
    """`sodan serve` on this database, ready for mail and questions."""
    smtp, http = free_port(), free_port()
    given = {name: value for name, value in os.environ.items() if not name.startswith("SODAN_")}
    environment = {
        **given,
        "SODAN_DATABASE_URL": url,
        "SODAN_SMTP_LISTEN": f"127.0.0.1:{smtp}",
        "SODAN_HTTP_LISTEN": f"127.0.0.1:{http}",
        "SODAN_INTAKE": INTAKE,
        "SODAN_ORGANISATION": "corp.example",
        "SODAN_TEAM": team,
        "SODAN_HTTP_RATE": "1000000",
        "SODAN_WORKERS": str(workers),
        "SODAN_LOG_LEVEL": "error",
    }
    with tempfile.TemporaryDirectory(prefix="sodan-bench-") as folder, Path(folder, "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(process, smtp, http, Path(folder, "log"), patience)
            yield Installation(process, smtp, http)
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()


def _wait(process: subprocess.Popen[bytes], smtp: int, http: int, log: Path, patience: float) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError, httpx.HTTPError):
            socket.create_connection(("127.0.0.1", smtp), timeout=1).close()
            if httpx.get(f"http://127.0.0.1:{http}/readyz", timeout=5).status_code == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"sodan serve did not start:\n{log.read_text(errors='replace')}")
