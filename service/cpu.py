"""Limits the CPU time of a block of code in the main thread."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


class OutOfTime(BaseException):
    """The limit was reached. Not an ``Exception``, so that a handler for all errors of a mail lets it pass."""


@contextlib.contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise ``OutOfTime`` in the block once the process has used ``seconds`` of CPU time in it (SIGPROF).

    There is no limit with 0 or outside the main thread, which alone can be interrupted. C code is interrupted when it
    returns to the interpreter or checks for signals, as ``re`` does.
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
        signal.signal(signal.SIGPROF, signal.SIG_IGN)  # the default action would end the process


def _raise(_number: int, _frame: object) -> None:
    raise OutOfTime
