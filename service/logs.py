"""The log of a service: one line per mail and per request, to standard error.

A full disk under the log must not end a process. Writes that fail are counted, and the count is written with the next
one that succeeds.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys


class PatientStream(io.TextIOBase):
    """Unbuffered text stream to a file descriptor that never raises; failed writes are dropped and counted."""

    encoding = "utf-8"

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.dropped = 0
        """Failed writes since the last successful one."""

    def write(self, text: str) -> int:
        said = f"{self.dropped} earlier pieces of this log could not be written\n" if self.dropped else ""
        left = memoryview((said + text).encode("utf-8", "backslashreplace"))
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            self.dropped += 1
        else:
            self.dropped = 0
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor


def survive_a_full_disk() -> None:
    """Replace ``sys.stderr`` by a ``PatientStream``, also for libraries and tracebacks."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    sys.stderr = PatientStream(2)
