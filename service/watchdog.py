"""Heartbeats: the SMTP server and the API report that their event loops run, else the supervisor kills them.

Reports go through a pipe, so that they need no port and no request. A worker that hangs is ended by its lease instead.
"""

from __future__ import annotations

import contextlib
import os

from service.settings import environment

VARIABLE = "HEARTBEAT_FD"
"""The environment variable with the file descriptor of a child's end of the pipe."""
LATE_SECONDS = 5.0
"""If the supervisor itself is this late, the machine hangs, and no process is to blame."""


def report() -> None:
    """Tell the supervisor, if there is one, that the event loop of this process runs; call it about every second."""
    if descriptor := environment(VARIABLE):
        with contextlib.suppress(OSError):  # the pipe is full or closed: the supervisor hangs or ended
            os.write(int(descriptor), b".")


class Watch:
    """Judges a process by its reports to ``descriptor``; one that has not reported since its start is not judged."""

    def __init__(self, patience: float) -> None:
        """``patience``: seconds without a report after which a process hangs; 0: it never does."""
        self._patience = patience
        self._reports, self.descriptor = os.pipe()
        os.set_blocking(self._reports, False)
        os.set_blocking(self.descriptor, False)

    def start(self, now: float) -> None:
        """Forget all reports, since another process starts; times are in seconds of any clock."""
        self._heard()
        self._looked, self._reported = now, 0.0
        self.reported = False

    def hangs(self, now: float) -> bool:
        """Whether the process hangs; call it often."""
        late, self._looked = now - self._looked > LATE_SECONDS, now
        if self._heard():
            self.reported = True
            self._reported = now
        elif late:
            self._reported = now
        return self.reported and 0 < self._patience < now - self._reported

    def _heard(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            return bool(os.read(self._reports, 65_536))
        return False
