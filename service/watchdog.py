"""Kills the SMTP server or API if it runs but no longer answers, so that the supervisor restarts it.

A worker that hangs is ended by its lease; SMTP server and API are checked here, by connecting as a client would. Only a
process that has answered since its start is judged. It is killed after ``MISSES`` failed checks in a row. The count
starts again if the supervisor itself was delayed, since then the machine hangs.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from service.settings import Listen

_log = structlog.get_logger("sodan.watchdog")

MISSES = 3
PATIENCE_SECONDS = 15.0
"""Longest time to wait for an answer, if the check interval allows it."""
HELD_UP = 3
"""If the time between two checks is this many times the usual, the supervisor itself was delayed."""
PATIENCE_SHARE = 0.75
"""Share of the check interval to wait for an answer; the rest is tolerance for a late check."""

Process = subprocess.Popen[bytes]


@dataclass
class Door:
    """A port where a process answers. ``process`` returns the one that runs now, if any."""

    name: str
    listen: Listen
    greeting: bytes
    """Bytes to send first; empty: the server sends first."""
    process: Callable[[], Process | None]
    known: Process | None = field(default=None)
    answered: bool = False
    misses: int = 0
    looked: float = field(default=float("inf"))
    """Time of the last check, by the clock of ``look``."""

    def answers(self, patience: float) -> bool:
        """Whether anything is received in time; a refusal counts too, since it shows that the process does not hang."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.listen.host, self.listen.host)  # noqa: S104 - asking
        end = time.monotonic() + patience
        with contextlib.suppress(OSError), socket.create_connection((host, self.listen.port), timeout=patience) as door:
            if self.greeting:
                door.sendall(self.greeting)
            door.settimeout(max(0.1, end - time.monotonic()))
            if door.recv(64):
                with contextlib.suppress(OSError):
                    door.sendall(b"" if self.greeting else b"QUIT\r\n")
                return True
        return False


def doors(smtp: Listen, http: Listen, process: Callable[[str], Process | None]) -> list[Door]:
    """Return the ports of `sodan serve` to check; a port 0 (any free port) cannot be checked."""
    ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    both = (Door("smtp", smtp, b"", lambda: process("smtp")), Door("api", http, ask, lambda: process("api")))
    return [door for door in both if door.listen.port]


def watch(door: Door, interval: float, stop: threading.Event) -> None:
    """Check one port every ``interval`` seconds until ``stop`` is set."""
    while not stop.wait(interval):
        look(door, interval, stop)


def look(door: Door, interval: float, stop: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
    """Check once, and kill the process after ``MISSES`` failures."""
    process = door.process()
    if process is not door.known:
        door.known, door.answered, door.misses = process, False, 0
    if process is None:
        return
    patience = min(PATIENCE_SECONDS, interval * PATIENCE_SHARE)
    began = clock()
    idle, door.looked = began - door.looked, began
    if door.answers(patience):
        if not door.answered:
            _log.info("a door answers", process=door.name)
        door.answered, door.misses = True, 0
        return
    if clock() - began > patience + interval or idle > HELD_UP * (interval + patience):
        door.misses = 0
        _log.warning("the supervisor was held up: nobody is blamed", process=door.name)
        return
    door.misses += door.answered
    if door.misses:
        _log.warning("a door does not answer", process=door.name, misses=door.misses)
    if door.misses >= MISSES and not stop.is_set() and door.process() is process:
        _log.error("a process hangs and is killed", process=door.name, pid=process.pid)
        process.kill()
        door.answered, door.misses = False, 0
