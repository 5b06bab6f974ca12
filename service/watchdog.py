"""The supervisor's dog: a process that lives and no longer answers at its door is killed, to be started again.

A worker that hangs is ended by its lease; acceptor and API have nobody else. The dog goes to each door as a client
would. It believes only a door that has answered since its process started, bites after ``MISSES`` looks in a row that
found no answer, and begins to count anew where it was itself held up: then it is this machine that hangs.
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
"""How long a door may take to answer, where there is so much time between two looks."""
HELD_UP = 3
"""So many times as long as usual between two looks: the supervisor was stopped."""
PATIENCE_SHARE = 0.75
"""Of the time between two looks; the rest is for the dog to be late in."""

Process = subprocess.Popen[bytes]


@dataclass
class Door:
    """Where a process answers. ``process`` is the one that runs now, if any."""

    name: str
    listen: Listen
    greeting: bytes
    """What to say first; empty: the other side does."""
    process: Callable[[], Process | None]
    known: Process | None = field(default=None)
    answered: bool = False
    misses: int = 0
    looked: float = field(default=float("inf"))
    """When, by the clock of ``look``, it was looked at last."""

    def answers(self, patience: float) -> bool:
        """Whether anything comes back in time, be it a refusal: who refuses does not hang."""
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
    """Both doors of `sodan serve`; one on any free port (0) cannot be found."""
    ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    both = (Door("smtp", smtp, b"", lambda: process("smtp")), Door("api", http, ask, lambda: process("api")))
    return [door for door in both if door.listen.port]


def watch(door: Door, interval: float, stop: threading.Event) -> None:
    """Look at one door every ``interval`` seconds until ``stop``."""
    while not stop.wait(interval):
        look(door, interval, stop)


def look(door: Door, interval: float, stop: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
    """One look, which may be the last for the process behind the door."""
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
