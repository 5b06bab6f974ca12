"""Turns Unix signals into calls on a separate thread.

A Python signal handler runs in the main thread between any two bytecode instructions. If it takes a lock that the main
thread holds at that moment, the process hangs; ``threading.Event.set`` takes such a lock. Here the interpreter writes
the signal number to a socket (``signal.set_wakeup_fd``), and an ordinary thread reads it.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Mapping

_kept: list[socket.socket] = []
"""Both sockets, kept open as long as the process runs."""


def on_signals(calls: Mapping[signal.Signals, Callable[[], object]]) -> None:
    """Call the function of each received signal, in order. Call this once, from the main thread.

    The functions run on a daemon thread and may take locks.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    _kept.extend((ours, theirs))
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    for number in calls:
        signal.signal(number, _nothing)
    threading.Thread(target=_listen, args=(ours, dict(calls)), name="signals", daemon=True).start()


def _nothing(_number: int, _frame: object) -> None:
    """Do nothing: the number is in the socket already, and a handler keeps the signal from ending the process."""


def _listen(ours: socket.socket, calls: Mapping[int, Callable[[], object]]) -> None:
    while numbers := ours.recv(64):
        for number in numbers:
            if number in calls:
                calls[number]()
