"""The log of a service: one line a mail and one a request, to standard error, whatever becomes of that file.

A full disk under the log must not end a process. Lines that cannot be written are counted, and the count is written
with the next line that can.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys


class PatientStream(io.TextIOBase):
    """Text to a file descriptor, unbuffered. Never raises; what cannot be written is dropped and counted."""

    encoding = "utf-8"

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.dropped = 0
        """Writes that failed since the last that did not."""

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
    """Let everything that is said on standard error, also by libraries and tracebacks, go through ``PatientStream``."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    sys.stderr = PatientStream(2)
