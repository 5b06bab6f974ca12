"""``sodan serve``: runs services as child processes, and restarts them if they end or hang.

If a child ends soon after each start, the delay until the next start grows. If a child ends, its leases are released
immediately. SIGTERM and SIGINT stop the children; a child that does not end in time is killed. No mail is lost, because
accepted mail is in the spool. SIGHUP is sent to the children, which then reload certificate, packs and site file.
"""

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
from service.lease_holders import release_dead_leases
from service.process import HEARTBEAT, Watch, stop_event
from service.settings import Settings
from service.store.database import Database
from service.store.migrate import migrate

_log = structlog.get_logger("sodan.serve")

MISSED_REPORTS = 3  # a process without a report for this many times SODAN_WATCHDOG seconds is killed
MIN_PAUSE = 0.25
MAX_PAUSE = 10.0
STABLE_SECONDS = 10.0  # if a child ran for longer than this, it is restarted after the shortest delay
USAGE_ERROR_SECONDS = 30.0
"""The supervisor ends if a child has the exit status ``USAGE_ERROR`` within this time of the start."""
USAGE_ERROR = 2  # exit status of a child with an invalid setting: a restart would not help (see cli/main.py)

_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """A child process that is kept running. ``restart_delay``: in seconds; ``restart_at``: monotonic time."""

    name: str
    command: Sequence[str]
    watch: Watch
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restart_at: float = 0.0
    restart_delay: float = MIN_PAUSE

    def start(self) -> None:
        self.started = time.monotonic()
        self.watch.start(self.started)
        # in a new session, so that Ctrl-C reaches only the supervisor, which then stops the children
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            start_new_session=True,
            env=os.environ | {HEARTBEAT: str(self.watch.descriptor)},
            pass_fds=(self.watch.descriptor,),
            preexec_fn=_prepare_child,
        )

    def poll_exit_status(self) -> int | None:
        """If the process has ended since the last call, schedule its restart and return the exit status. Else None."""
        status = None if self.process is None else self.process.poll()
        if status is None:
            return None
        self.process = None
        if time.monotonic() - self.started > STABLE_SECONDS:
            self.restart_delay = MIN_PAUSE
        self.restart_at = time.monotonic() + self.restart_delay
        self.restart_delay = min(self.restart_delay * 2, MAX_PAUSE)
        return status

    def keep_running(self) -> None:
        """Kill the process if it hangs; start it again if its restart is due."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.restart_at:
                self.start()
        elif self.watch.hangs(now):
            _log.error("a process hangs and is killed", process=self.name, pid=self.process.pid)
            self.process.kill()
            self.watch.start(now)


def _commands(settings: Settings) -> list[tuple[str, list[str]]]:
    command = [sys.executable, "-m", "service"]
    workers = [(f"worker {n + 1}", [*command, "worker"]) for n in range(settings.workers)]
    senders = [("sender", [*command, "sender"])] if settings.smarthost or settings.notify else []
    fetchers = [("mailbox", [*command, "mailbox", "run"])] if settings.mailboxes else []
    readers = [("reader", [*command, "reader"])] if settings.model_url else []
    return [("smtp", [*command, "smtp"]), *workers, ("api", [*command, "api"]), *senders, *fetchers, *readers]


def run_supervisor(settings: Settings) -> int:
    """Migrate the database, then run the parts of sodan as children until a signal. Raises Refused, Unavailable."""
    settings.require_smtp()
    running: list[Child] = []
    stop = stop_event(SIGHUP=partial(_send_signal, running, signal.SIGHUP))
    database = Database(settings.database_url)
    try:
        migrate(database)
        release_dead_leases(database)
    except Unavailable as error:
        raise Unavailable(f"SODAN_DATABASE_URL: {error}") from error
    finally:
        database.close()  # no file stays open, because the disk may be replaced while the supervisor runs
    patience = settings.watchdog * MISSED_REPORTS
    running += [Child(name, command, Watch(patience)) for name, command in _commands(settings)]
    try:
        for child in running:
            child.start()
        return _keep_running(running, database, stop, settings)
    finally:
        stop.set()
        _stop(running, settings.stop_seconds)


def _keep_running(children: Sequence[Child], database: Database, stop: threading.Event, settings: Settings) -> int:
    began = time.monotonic()
    is_announced = False
    while not stop.wait(0.1):
        for child in children:
            status = child.poll_exit_status()
            if status is not None:
                if status == USAGE_ERROR and time.monotonic() - began < USAGE_ERROR_SECONDS:
                    return status  # the child has printed the error
                _log.error("a process ended and is restarted", process=child.name, status=status)
                threading.Thread(target=_release, args=(database,), daemon=True).start()
            child.keep_running()
        if not is_announced and {"smtp", "api"} <= {child.name for child in children if child.watch.reported}:
            is_announced = True
            _announce(settings)
    return 0


def _release(database: Database) -> None:
    """Release the leases of processes that ended. Called in a thread, so that a slow database delays no restart."""
    release_dead_leases(database)
    database.close()


def _stop(children: Sequence[Child], seconds: float) -> None:
    running = [child.process for child in children if child.process is not None]
    _send_signal(children, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _send_signal(children: Sequence[Child], number: signal.Signals) -> None:
    for child in children:
        if child.process is not None:
            child.process.send_signal(number)


def _announce(settings: Settings) -> None:
    http, lmtp = settings.http_listen, f", LMTP on {settings.lmtp_listen}" if settings.lmtp_listen else ""
    url = f"http://{'localhost' if http.loopback else http.host}:{http.port}"
    print(
        f"sodan: SMTP on {settings.smtp_listen}{lmtp}, for {', '.join(settings.intake)}\n"
        f"sodan: HTTP on {http}: the page is {url}/, the API description {url}/docs\n"
        "sodan: next, in another terminal: `make demo` sends sample mails and prints their cases",
        file=sys.stderr,
        flush=True,
    )


def _prepare_child() -> None:
    """Ignore SIGHUP until the child handles it. On Linux, end the child if the supervisor dies, to free its ports."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
