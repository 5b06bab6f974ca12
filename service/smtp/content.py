"""Receives the message data after DATA (RFC 5321 §4.1.1.4, §4.5.2); large messages go to a file.

Only CRLF "." CRLF ends a message, whatever other line ends surround a dot: a server that accepts LF "." LF and the like
allows SMTP smuggling (CVE-2023-51764, CVE-2023-51765, CVE-2023-51766). A lone CR or LF elsewhere becomes CRLF, or such
a message is refused or kept (``SODAN_SMTP_BARE_NEWLINES``).

Lines may be of any length: RFC 5321 §4.5.3.1 advises against unnecessary limits, and senders exceed 1000 bytes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

from service.smtp.limits import BareNewlines

SPILL = 131_072
"""Bytes of a message kept in memory; a larger one goes to an unnamed file, which disappears with the process."""
_END = b"\r\n.\r\n"
_CARRIED = len(_END) - 1
_SMUGGLED = (b"\n.\n", b"\n.\r", b"\r.\r", b"\r.\n")


class Content:
    """A complete message, in memory or in a file, stored as it was received."""

    __slots__ = ("_data", "_file", "_stored", "size")

    def __init__(self, data: bytearray, file: IO[bytes] | None, stored: int) -> None:
        self._data, self._file, self._stored = data, file, stored
        self.size = stored - 2
        """Bytes as received: without the CRLF of the DATA command, including the dots of dot-stuffing."""

    def head(self, size: int) -> bytes:
        """Return the first ``size`` bytes as received."""
        if self._file is None:
            return bytes(memoryview(self._data)[2 : 2 + size])
        self._file.seek(2)
        return self._file.read(min(size, self.size))

    def read(self, bare_newlines: BareNewlines = "normalise") -> bytes:
        """Return the message without dot-stuffing; a lone CR or LF becomes CRLF with ``normalise``."""
        if self._file is None:
            raw = bytes(self._data)
        else:
            self._file.seek(0)
            raw = self._file.read(self._stored)
        if b"\r\n." in raw:
            raw = raw.replace(b"\r\n.", b"\r\n")
        pairs = raw.count(b"\r\n")
        if bare_newlines == "normalise" and not pairs == raw.count(b"\r") == raw.count(b"\n"):
            raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
        return raw[2:]

    def close(self) -> None:
        """Free the memory or the file."""
        self._data.clear()
        if self._file is not None:
            self._file.close()


class Incoming:
    """Collects the data of one message from chunks of any size.

    A message above ``limit`` bytes is discarded, but its end is still found. Raises OSError if its file cannot be
    written.
    """

    __slots__ = (
        "_data", "_dots", "_ends", "_file", "_folder", "_limit", "_stored", "_tail",
        "complete", "dropped", "read", "smuggles", "too_big",
    )  # fmt: skip

    def __init__(self, limit: int, folder: Path | None = None) -> None:
        self._limit = limit
        self._folder = folder
        self._data = bytearray()
        self._file: IO[bytes] | None = None
        self._stored = 0
        self._tail = b"\r\n"  # the line end of the DATA command: a dot may be on the first line
        self._dots = 0
        self._ends = [0, 0, 0]
        self.read = 0
        """Bytes received so far."""
        self.complete = False
        """Whether the final dot was received."""
        self.dropped = False
        """Whether this message is discarded, including data still to come; the reply says why."""
        self.too_big = False
        """Size without the final dot line and dot-stuffing (RFC 1870 §5) exceeds the limit; final once complete."""
        self.smuggles = False
        """Whether it contains a dot between line ends that are not CRLF."""

    def feed(self, chunk: bytes | bytearray) -> bytes | None:
        """Process a chunk. Return None if more is needed, else the bytes after the end of the message."""
        self.read += len(chunk)
        window = self._tail + chunk
        at = window.find(_END)
        if at < 0:
            cut = max(0, len(window) - _CARRIED)
            self._store(window, cut, cut + 2)
            self._tail = window[cut:]
            # the shortest line with dot-stuffing is "..": up to a quarter of the bytes may not count
            if self._stored > self._limit + self._limit // 3 + 16:
                self.too_big = True
                self.drop()
            return None
        self.complete = True
        self._store(window, at + 2, at + 2)
        if self._stored - 2 - self._dots > self._limit:
            self.too_big = True
            self.drop()
        return window[at + len(_END) :]

    def _store(self, window: bytes, cut: int, seen: int) -> None:
        """Store ``window[:cut]``; patterns of three bytes that begin in it end before ``seen``."""
        self._dots += window.count(b"\r\n.", 0, seen)
        self._ends[0] += window.count(b"\r\n", 0, cut + 1)
        self._ends[1] += window.count(b"\r", 0, cut)
        self._ends[2] += window.count(b"\n", 0, cut)
        self.smuggles = self.smuggles or any(window.find(form, 0, seen) >= 0 for form in _SMUGGLED)
        self._stored += cut
        if self.dropped:
            return
        if self._file is None and len(self._data) + cut > SPILL:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - open for many chunks
            _write(self._file, self._data)
            self._data = bytearray()
        if self._file is None:
            self._data += window[:cut]
        else:
            _write(self._file, memoryview(window)[:cut])

    @property
    def bare(self) -> bool:
        """Whether it contains a lone CR or LF."""
        pairs, returns, feeds = self._ends
        return not pairs == returns == feeds

    def breaks_lines_badly(self, bare_newlines: BareNewlines) -> bool:
        """Whether it must be refused because of a lone CR or LF."""
        return (bare_newlines == "refuse" and self.bare) or (bare_newlines == "keep" and self.smuggles)

    def drop(self) -> None:
        """Free memory and file; discard what is still received."""
        self.dropped = True
        self._data = bytearray()
        if self._file is not None:
            self._file.close()
            self._file = None

    def content(self) -> Content:
        """Return the message; call once, when complete and not dropped."""
        content = Content(self._data, self._file, self._stored)
        self._data, self._file = bytearray(), None
        return content


def _write(file: IO[bytes], data: bytes | bytearray | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
