"""A running ``sodan serve`` with somebody who starts it again when it ends, as systemd would."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

RESTART_SECONDS = 0.5
CLOCK = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
"""libfaketime, preloaded: the wall clock of the service, not of the machine. The monotonic clock stays."""

ROLES = ("smtp", "worker", "api", "serve")


class Installation:
    """Its processes by role, its doors, its wall clock."""

    def __init__(self, url: str, folder: Path) -> None:
        self.smtp, self.http = _free_port(), _free_port()
        self.url = url
        self.restarts = 0
        self._folder = folder
        self._log = (folder / "serve.log").open("ab")
        self._clock = folder / "clock"
        self.has_clock = Path(CLOCK).exists()
        self.jump(0)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SODAN_")}
        self._env = kept | {
            "SODAN_DATABASE_URL": url,
            "SODAN_SMTP_LISTEN": f"127.0.0.1:{self.smtp}",
            "SODAN_HTTP_LISTEN": f"127.0.0.1:{self.http}",
            "SODAN_INTAKE": "help@intake.example",
            "SODAN_WORKERS": "2",
            "SODAN_LEASE_SECONDS": "20",
            "SODAN_STOP_SECONDS": "5",
            "SODAN_HTTP_RATE": "1000000",
            "SODAN_LOG_LEVEL": "warning",
            "PYTHONPATH": os.environ.get("PYTHONPATH") or str(Path(__file__).resolve().parents[2]),
        }
        if self.has_clock:
            self._env |= {
                "LD_PRELOAD": CLOCK,
                "FAKETIME_TIMESTAMP_FILE": str(self._clock),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        self._stopping = threading.Event()
        self.process = self._start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "service", "serve"],
            cwd=self._folder,
            env=self._env,
            stdout=self._log,
            stderr=self._log,
        )

    def _keep(self) -> None:
        while not self._stopping.wait(0.1):
            if self.process.poll() is not None:
                if self._stopping.wait(RESTART_SECONDS):
                    return
                self.restarts += 1
                self.process = self._start()

    def jump(self, seconds: float) -> None:
        """From now on the service's wall clock goes wrong by so much."""
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(f"{seconds:+.0f}\n")
        fresh.replace(self._clock)

    def pids(self, role: str) -> list[int]:
        """The living processes of a role."""
        if role == "serve":
            return [self.process.pid] if self.process.poll() is None else []
        return [pid for pid, words in self._children() if words[-1:] == [role]]

    def everyone(self) -> list[int]:
        return [*self.pids("serve"), *(pid for pid, _ in self._children())]

    def _children(self) -> Iterator[tuple[int, list[str]]]:
        for task in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError):
                fields = (task / "stat").read_text().rpartition(")")[2].split()
                if fields[1] == str(self.process.pid) and fields[0] != "Z":
                    yield int(task.name), (task / "cmdline").read_text().rstrip("\0").split("\0")

    def readiness(self, seconds: float = 5) -> int:
        """The status of ``/readyz``; 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/readyz", timeout=seconds) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, ValueError):
            return 0

    def wait_ready(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.readiness() == 200:
                return True
            time.sleep(0.1)
        return False

    def stop(self) -> int:
        """In order; returns the exit status."""
        self._stopping.set()
        self._keeper.join()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self._log.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
