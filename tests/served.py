"""Runs commands of sodan as processes, with settings in the environment, free ports and a log file."""

import contextlib
import os
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx

Process = TypeVar("Process", subprocess.Popen[bytes], subprocess.Popen[str])
MAIL = "From: Aiko <aiko@corp.example>\nSubject: VPN\nMessage-ID: <{}@corp.example>\n\nIt does not connect.\n"


def wait_until(true: Callable[[], object], seconds: float = 120) -> None:
    """Wait until ``true`` returns a true value. Raises AssertionError after ``seconds``."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "the condition did not become true"
        time.sleep(0.02)


def free_ports(count: int) -> list[int]:
    """Return different free ports. All are bound at the same time, so that no port is returned twice."""
    with contextlib.ExitStack() as bound:
        sockets = [bound.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [int(free.getsockname()[1]) for free in sockets]


def free_port() -> int:
    return free_ports(1)[0]


def environment(**given: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SODAN_")}
    return kept | {f"SODAN_{name.upper()}": value for name, value in given.items()}


def sodan(*command: str, cwd: Path, **given: str) -> subprocess.CompletedProcess[str]:
    line, env = [sys.executable, "-m", "service", *command], environment(**given)
    return subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, timeout=250)


@contextlib.contextmanager
def ending(process: Process) -> Iterator[Process]:
    """End the process by SIGTERM. Raises TimeoutExpired if that takes a minute; SIGKILL ends it then."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def started(*command: str, cwd: Path, out: Any = subprocess.DEVNULL, **given: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of sodan until the end of the block. ``out``: its standard output and error."""
    line, env = [sys.executable, "-m", "service", *command], environment(**given)
    with ending(subprocess.Popen(line, cwd=cwd, env=env, stdout=out, stderr=out)) as process:
        yield process


class Served:
    """A running `sodan serve`; ``under``: a command that runs it, such as a tracer."""

    def __init__(self, folder: Path, *, under: Sequence[str] = (), **given: str) -> None:
        smtp, self.http = free_ports(2)
        self.smtp = int(given.pop("smtp", "") or smtp)
        self.log = folder / "serve.log"
        listen = {"smtp_listen": f"127.0.0.1:{self.smtp}", "http_listen": f"127.0.0.1:{self.http}"}
        env = environment(**listen, **{"intake": "help@corp.example"} | given)
        command = [*under, sys.executable, "-m", "service", "serve"]
        with self.log.open("wb") as log:  # its files must be private even with this umask
            self.process = subprocess.Popen(command, cwd=folder, env=env, stderr=log, stdout=log, umask=0)
        self.wait_for(lambda: "next, in another terminal" in self.log.read_text())

    def wait_for(self, condition: Any) -> None:
        """Wait until the condition is true; network errors count as false."""

        def is_true() -> object:
            assert self.process.poll() is None, self.log.read_text()
            with contextlib.suppress(OSError, httpx.HTTPError, smtplib.SMTPException):
                return condition()
            return False

        wait_until(is_true)

    def send(self, number: int) -> bool:
        return self.send_mail(MAIL.format(number))

    def send_mail(self, mail: str, to: str = "help@corp.example", sender: str = "aiko@corp.example") -> bool:
        with smtplib.SMTP("127.0.0.1", self.smtp, timeout=60) as client:
            client.sendmail(sender, [to], mail.replace("\n", "\r\n").encode())
        return True

    def get(self, path: str, **query: str) -> httpx.Response:
        # loading certificates takes longer than the response
        return httpx.get(f"http://127.0.0.1:{self.http}{path}", params=query, timeout=60, verify=False)

    def seen(self, number: int) -> bool:
        return len(self.get("/api/messages", message_id=f"<{number}@corp.example>").json()["items"]) == 1

    def stop(self) -> None:
        """Stop the service, and check that its ports are free."""
        self.process.terminate()
        assert self.process.wait(60) == 0
        for port in (self.smtp, self.http):
            with socket.socket() as tried:
                assert tried.connect_ex(("127.0.0.1", port)) != 0, port

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def children(self) -> dict[str, int]:
        """Return name → id of its processes, with one of several workers."""
        return dict(self.processes())

    def processes(self) -> list[tuple[str, int]]:
        """Return (name, id) of each of its processes."""
        found = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        ).stdout
        return [(line.split()[-1], int(line.split()[0])) for line in found.splitlines() if " service " in line]
