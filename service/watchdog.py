"""Detects processes that hang: their event loops report about every second to the supervisor through a pipe.

The SMTP server and the API report. A worker that hangs ends by itself when its lease does.
"""

from __future__ import annotations

import contextlib
import os
import sys

from service.settings import environment

VARIABLE = "HEARTBEAT_FD"
"""The environment variable with the file descriptor to which a child process reports."""
LATE_SECONDS = 5.0
"""If the supervisor itself checks this late, the machine is overloaded, and no process counts as hanging."""


def announce(text: str) -> None:
    """Print the address of a server, unless there is a supervisor, which prints the addresses of all servers."""
    if not environment(VARIABLE):
        print(f"sodan: {text}", file=sys.stderr, flush=True)


def report() -> None:
    """Report to the supervisor, if there is one, that the event loop runs. Call it about every second."""
    if descriptor := environment(VARIABLE):
        with contextlib.suppress(OSError):  # the pipe is full or closed: the supervisor hangs or ended
            os.write(int(descriptor), b".")


class Watch:
    """Decides whether a process hangs by its reports to ``descriptor``; it never does before the first report."""

    def __init__(self, patience: float) -> None:
        """``patience``: seconds without a report after which a process counts as hanging; 0: never."""
        self._patience = patience
        self._reports, self.descriptor = os.pipe()
        os.set_blocking(self._reports, False)
        os.set_blocking(self.descriptor, False)

    def start(self, now: float) -> None:
        """Discard all reports, because another process starts at the time ``now`` (seconds of any clock)."""
        self._has_new_reports()
        self._checked_at, self._reported_at = now, 0.0
        self.reported = False

    def hangs(self, now: float) -> bool:
        """Return whether the process hangs. Call it several times a second."""
        check_is_late, self._checked_at = now - self._checked_at > LATE_SECONDS, now
        if self._has_new_reports():
            self.reported = True
            self._reported_at = now
        elif check_is_late:
            self._reported_at = now
        return self.reported and 0 < self._patience < now - self._reported_at

    def _has_new_reports(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            return bool(os.read(self._reports, 65_536))
        return False
