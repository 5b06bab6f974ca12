"""``sodan serve``: runs the services as child processes and restarts them.

A child that dies soon after its start is restarted after a growing delay (up to ``MAX_PAUSE``), any other after a short
one. Leases of a dead worker are released immediately. SIGTERM and SIGINT stop the children; a child that does not end
in time is killed, which loses no mail, since accepted mail is in the spool. SIGHUP is passed on: the SMTP server
reloads its certificate, workers and API their packs and the site file. An SMTP server or API that hangs is killed
(``watchdog``).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from service.errors import Unavailable
from service.holders import release_the_dead
from service.settings import Settings
from service.signals import on_signals
from service.store.database import Database
from service.store.migrate import migrate
from service.watchdog import VARIABLE, Watch

_log = structlog.get_logger("sodan.serve")

MISSES = 3
"""A process is killed after this many times SODAN_WATCHDOG without a report."""
MIN_PAUSE = 0.25
MAX_PAUSE = 10.0
LIVED_SECONDS = 10.0
"""A child that ran for longer than this is restarted with the shortest delay."""
WRONG_SECONDS = 30.0
"""Seconds after the start in which exit status ``WRONG_USE`` of a child ends the supervisor."""
WRONG_USE = 2
"""Exit status of a child with an invalid setting: a restart will not help (see cli/main.py)."""

_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """A child process to keep running."""

    name: str
    command: Sequence[str]
    watch: Watch
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    pause: float = MIN_PAUSE

    def start(self) -> None:
        self.started = time.monotonic()
        self.watch.start(self.started)
        # its own session, so that Ctrl-C reaches only the supervisor, which stops the children in order
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            start_new_session=True,
            env=os.environ | {VARIABLE: str(self.watch.descriptor)},
            pass_fds=(self.watch.descriptor,),
            preexec_fn=_as_a_child,
        )

    def ended(self) -> int | None:
        """Return the exit status if the process has ended since the last call, and schedule its restart; else None."""
        status = None if self.process is None else self.process.poll()
        if status is None:
            return None
        self.process = None
        if time.monotonic() - self.started > LIVED_SECONDS:
            self.pause = MIN_PAUSE
        self.due = time.monotonic() + self.pause
        self.pause = min(self.pause * 2, MAX_PAUSE)
        return status

    def keep_running(self) -> None:
        """Kill the process if it hangs; start it again if it ended and the restart is due."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                self.start()
        elif self.watch.hangs(now):
            _log.error("a process hangs and is killed", process=self.name, pid=self.process.pid)
            self.process.kill()
            self.watch.start(now)


def commands(settings: Settings) -> list[tuple[str, list[str]]]:
    """Return name and command line of every child."""
    sodan = [sys.executable, "-m", "service"]
    workers = [(f"worker {n + 1}", [*sodan, "worker"]) for n in range(settings.workers)]
    senders = [("sender", [*sodan, "sender"])] if settings.smarthost or settings.notify else []
    fetchers = [("mailbox", [*sodan, "mailbox", "run"])] if settings.mailboxes else []
    readers = [("reader", [*sodan, "reader"])] if settings.model_url else []
    return [("smtp", [*sodan, "smtp"]), *workers, ("api", [*sodan, "api"]), *senders, *fetchers, *readers]


def run_supervisor(settings: Settings, children: Sequence[tuple[str, list[str]]] | None = None) -> int:
    """Migrate, start all children, keep them running until SIGTERM or SIGINT; returns an exit status.

    ``children`` replaces the usual ones. Raises Refused or Unavailable before any child is started.
    """
    settings.require_smtp()
    stop = threading.Event()
    family: list[Child] = []
    # SIGHUP: the SMTP server reloads its certificate, the others packs and site file
    hang_up = partial(_tell, family, signal.SIGHUP)
    on_signals({signal.SIGTERM: stop.set, signal.SIGINT: stop.set, signal.SIGHUP: hang_up})
    database = Database(settings.database_url)
    try:
        migrate(database)
        release_the_dead(database)
    except Unavailable as error:
        raise Unavailable(f"SODAN_DATABASE_URL: {error}") from error
    finally:
        database.close()  # keep no file open, since the disk may be replaced while the supervisor runs
    patience = settings.watchdog * MISSES
    family += [Child(name, command, Watch(patience)) for name, command in children or commands(settings)]
    try:
        for child in family:
            child.start()
        return _watch(family, database, stop, settings)
    finally:
        stop.set()
        _stop(family, settings.stop_seconds)


def _watch(family: Sequence[Child], database: Database, stop: threading.Event, settings: Settings) -> int:
    began = time.monotonic()
    announced = False
    while not stop.wait(0.1):
        for child in family:
            status = child.ended()
            if status is not None:
                if status == WRONG_USE and time.monotonic() - began < WRONG_SECONDS:
                    return status  # the child has reported the error, and a restart would not fix it
                _log.error("a process ended and is restarted", process=child.name, status=status)
                if child.name == "mailbox" or child.name.startswith("worker"):
                    threading.Thread(target=_release, args=(database,), daemon=True).start()
            child.keep_running()
        if not announced and {"smtp", "api"} <= {child.name for child in family if child.watch.reported}:
            announced = True
            _announce(settings)
    return 0


def _release(database: Database) -> None:
    """Release leases of dead workers. Runs in its own thread, so that a hanging database delays no restart."""
    with contextlib.suppress(Unavailable):
        release_the_dead(database)
    database.close()


def _stop(family: Sequence[Child], seconds: float) -> None:
    running = [child.process for child in family if child.process is not None]
    _tell(family, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tell(family: Sequence[Child], what: signal.Signals) -> None:
    """Send a signal to all children."""
    for child in family:
        if child.process is not None:
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(what)


def _announce(settings: Settings) -> None:
    """Print the addresses of both listeners, which accept connections now, and what to try next."""
    http = settings.http_listen
    url = f"http://{'localhost' if http.loopback else http.host}:{http.port}"
    print(
        f"sodan: SMTP on {settings.smtp_listen}, for {', '.join(settings.intake)}\n"
        f"sodan: HTTP on {http}: the page is {url}/, the API description {url}/docs\n"
        "sodan: next, in another terminal: `make demo` sends sample mails and prints their cases",
        file=sys.stderr,
        flush=True,
    )


def _as_a_child() -> None:
    """Prepare a child process: ignore SIGHUP until it handles it; on Linux, SIGTERM if the supervisor dies.

    Otherwise an orphan would keep the ports.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
