"""Workers for tests: real ones, and one whose rules die of a word, as a fault in native code would."""

import os
import signal
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from mailrules.judgement import Reading
from mailrules.thread import RuleInput
from service import settings
from service.intake import AppContext
from service.leases import process_name, release_dead_leases
from service.store import spool_view
from service.store.database import Database
from service.worker import Worker


@cache
def context() -> AppContext:
    chosen = settings.load(
        _env_file=None, intake="help@intake.example", organisation="corp.example", team="it@corp.example"
    )
    return AppContext.of(chosen)


def limited(seconds: float) -> AppContext:
    """The context with a limit of CPU seconds for each mail."""
    return replace(context(), settings=context().settings.model_copy(update={"mail_seconds": seconds}))


class Deadly:
    """Rules that end the process, raise or never return, by the words of a mail; else they are the real ones."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._real, attribute)

    def read(self, turn: RuleInput) -> Reading:
        if "deadly poison" in turn.text:
            os.kill(os.getpid(), signal.SIGKILL)
        if "endless loop" in turn.text:
            time.sleep(3600)
        if "raises in reading" in turn.text:
            raise ValueError("a fault of the rules")
        reading: Reading = self._real.read(turn)
        return reading

    def judge(self, thread: Any, readings: Any = None) -> Any:
        if any("raises in judging" in turn.text for turn in thread):
            raise RuntimeError("a fault of the judge")
        return self._real.judge(thread, readings)


def worker(database: Database, *, deadly: bool = False, now: datetime | None = None, lease: float = 60) -> Worker:
    home = context()
    if deadly:
        home = replace(home, rules=Deadly(home.rules))  # type: ignore[arg-type]
    clock = (lambda: now) if now else (lambda: datetime.now(UTC))
    return Worker(database, home, by=process_name(), batch=64, lease=timedelta(seconds=lease), clock=clock)


def work_off(worker: Worker) -> None:
    while worker.step():
        pass


def work(url: str, lease: float) -> None:
    """Take in until nothing waits."""
    database = Database(url)
    release_dead_leases(database)
    stop = threading.Event()

    def watch() -> None:
        while database.read(spool_view.ledger).waiting:
            time.sleep(0.05)
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    worker(database, deadly=True, lease=lease).run(stop)


if __name__ == "__main__":  # python -m tests.flow.crew URL LEASE: deadly workers one after the other; how many died
    context()
    for died in range(12):
        child = os.fork()
        if child == 0:
            work(sys.argv[1], float(sys.argv[2]))
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            print(died)
            sys.exit()
    sys.exit("something still waits")
