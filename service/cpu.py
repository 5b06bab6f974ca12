"""Limits the CPU time of a block of code in the main thread."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


class OutOfTime(BaseException):
    """The CPU limit was reached. It is not an ``Exception``, so that ``except Exception`` does not catch it."""


@contextlib.contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise ``OutOfTime`` in the ``with`` block after ``seconds`` of CPU time of the process; 0: no limit.

    Outside the main thread there is no limit, because the signal (SIGPROF) does not reach it. C code is interrupted
    once it returns or checks for signals, as ``re`` does.
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
