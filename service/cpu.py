"""A limit on the CPU time of a piece of work in the main thread."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


class OutOfTime(BaseException):
    """The limit was reached. No ``Exception``: code that survives every fault of a mail must not survive this."""


@contextlib.contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise ``OutOfTime`` in the block once this process has used so much CPU time in it (SIGPROF).

    Only the main thread can be interrupted; elsewhere, and with 0, there is no limit. What runs in C is interrupted
    when it returns to the interpreter, or looks for signals, as ``re`` does.
    """
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGPROF, _raise)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)  # by default it would end the process


def _raise(_number: int, _frame: object) -> None:
    raise OutOfTime
