"""Receives the message data after DATA (RFC 5321 §4.1.1.4, §4.5.2); large messages go to a file.

Only CRLF "." CRLF ends a message, whatever other line ends surround a dot: a server that accepts LF "." LF and the like
allows SMTP smuggling (CVE-2023-51764, CVE-2023-51765, CVE-2023-51766). A lone CR or LF elsewhere becomes CRLF, or such
a message is refused or kept (``SODAN_SMTP_BARE_NEWLINES``).

Lines may be of any length: RFC 5321 §4.5.3.1 advises against unnecessary limits, and senders exceed 1000 bytes.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from service.smtp.limits import BareNewlines

SPILL = 131_072
"""Bytes of a message kept in memory; a larger one goes to an unnamed file, which disappears with the process."""
_END = b"\r\n.\r\n"
_CARRIED = len(_END) - 1
_SMUGGLED = (b"\n.\n", b"\n.\r", b"\r.\r", b"\r.\n")


class Content:
    """The data of one message, collected from chunks of any size, and stored as it was received.

    A message above ``limit`` bytes is discarded, but its end is still found. Raises OSError if its file fails.
    """

    def __init__(self, limit: int, folder: Path | None = None) -> None:
        self._limit = limit
        self._folder = folder
        self._file: IO[bytes] = BytesIO()
        self._stored = 0
        self._tail = b"\r\n"  # the line end of the DATA command: a dot may be on the first line
        self._dots = 0
        self._ends = [0, 0, 0]
        self.received = 0
        """Bytes received so far."""
        self.complete = False
        """Whether the final dot was received."""
        self.dropped = False
        """Whether this message is discarded, including data still to come; the reply says why."""
        self.too_big = False
        """Size without the final dot line and dot-stuffing (RFC 1870 §5) exceeds the limit; final once complete."""
        self.smuggles = False
        """Whether it contains a dot between line ends that are not CRLF."""

    # ── receiving ──

    def feed(self, chunk: bytes | bytearray) -> bytes | None:
        """Process a chunk. Return None if more is needed, else the bytes after the end of the message."""
        self.received += len(chunk)
        window = self._tail + chunk
        at = window.find(_END)
        if at < 0:
            cut = max(0, len(window) - _CARRIED)
            self._store(window, cut, cut + 2)
            self._tail = window[cut:]
            # the shortest line with dot-stuffing is "..": up to a quarter of the bytes may not count
            self.too_big = self.too_big or self._stored > self._limit + self._limit // 3 + 16
        else:
            self.complete = True
            self._store(window, at + 2, at + 2)
            self.too_big = self.too_big or self._stored - 2 - self._dots > self._limit
        if self.too_big:
            self.drop()
        return window[at + len(_END) :] if self.complete else None

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
        if self._stored > SPILL and isinstance(self._file, BytesIO):
            memory, self._file = self._file, TemporaryFile(dir=self._folder)  # noqa: SIM115 - open for many chunks
            self._file.write(memory.getbuffer())
        self._file.write(memoryview(window)[:cut])

    def breaks_lines_badly(self, bare_newlines: BareNewlines) -> bool:
        """Whether it must be refused because of a lone CR or LF."""
        pairs, returns, feeds = self._ends
        bare = not pairs == returns == feeds
        return (bare_newlines == "refuse" and bare) or (bare_newlines == "keep" and self.smuggles)

    def drop(self) -> None:
        """Free memory and file; discard what is still received. May be called twice."""
        self.dropped = True
        try:
            self._file.close()
        except OSError:
            pass  # what a full disk did not take is not needed

    # ── a complete message ──

    @property
    def size(self) -> int:
        """Bytes as received: without the CRLF of the DATA command, including the dots of dot-stuffing."""
        return self._stored - 2

    def head(self, size: int) -> bytes:
        """Return the first ``size`` bytes as received."""
        self._file.seek(2)
        return self._file.read(size)

    def read(self, bare_newlines: BareNewlines = "normalise") -> bytes:
        """Return the message without dot-stuffing; a lone CR or LF becomes CRLF with ``normalise``."""
        self._file.seek(0)
        raw = self._file.read()
        if b"\r\n." in raw:
            raw = raw.replace(b"\r\n.", b"\r\n")
        pairs = raw.count(b"\r\n")
        if bare_newlines == "normalise" and not pairs == raw.count(b"\r") == raw.count(b"\n"):
            raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
        return raw[2:]
