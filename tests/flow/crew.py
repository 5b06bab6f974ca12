"""Workers for tests, with real rules or with rules that fail on certain words of a mail."""

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
from service.lease_holders import process_name, release_dead_leases
from service.store import spool_view
from service.store.database import Database
from service.worker import Worker


@cache
def context() -> AppContext:
    given = {"intake": "help@intake.example", "organisation": "corp.example", "team": "it@corp.example"}
    return AppContext.of(settings.load(_env_file=None, **given))


def limited(seconds: float) -> AppContext:
    """Return the context with a limit of CPU seconds for each mail."""
    return replace(context(), settings=context().settings.model_copy(update={"mail_seconds": seconds}))


class Deadly:
    """Rules that end the process, raise, or never return, if a mail contains the words for it."""

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


def worker(
    database: Database, *, deadly: bool = False, now: datetime | None = None, lease: float = 60, **given: Any
) -> Worker:
    """``deadly``: with the rules ``Deadly``; ``now``: a fixed time; ``given``: as for ``Worker``."""
    home = context()
    if deadly:
        home = replace(home, rules=Deadly(home.rules))  # type: ignore[arg-type]
    usual: dict[str, Any] = {"by": process_name(), "clock": lambda: now or datetime.now(UTC)}
    return Worker(database, home, batch=64, lease=timedelta(seconds=lease), **(usual | given))


def work_off(worker: Worker) -> None:
    while worker.step():
        pass


def work(url: str, lease: float) -> None:
    """Process mail until none is waiting."""
    database = Database(url)
    release_dead_leases(database)
    stop = threading.Event()

    def watch() -> None:
        while database.read(spool_view.ledger).waiting:
            time.sleep(0.05)
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    worker(database, deadly=True, lease=lease).run(stop)


# python -m tests.flow.crew URL LEASE: runs deadly workers, one after the other; prints how many of them died
if __name__ == "__main__":
    context()
    for died in range(12):
        child = os.fork()
        if child == 0:
            work(sys.argv[1], float(sys.argv[2]))
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            print(died)
            sys.exit()
    sys.exit("mails are still waiting")
