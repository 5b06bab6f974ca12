"""The content of a mail as it comes over the wire after DATA (RFC 5321 §4.1.1.4, §4.5.2), kept out of memory.

The end is CRLF "." CRLF and nothing else, whatever other line ends stand around a dot: a server that ends a mail at
LF "." LF and the like lets a second mail be smuggled in (CVE-2023-51764, CVE-2023-51765, CVE-2023-51766). CR or LF
alone elsewhere become CRLF, or such content is refused, or kept (``SODAN_SMTP_BARE_NEWLINES``).

Lines may be of any length: RFC 5321 §4.5.3.1 asks for no limit where none is needed, and senders exceed 1000 bytes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

from service.smtp.limits import BareNewlines

SPILL = 131_072
"""Bytes of one content kept in memory; more go to a file without a name, which is gone with its process."""
_END = b"\r\n.\r\n"
_CARRIED = len(_END) - 1
_SMUGGLED = (b"\n.\n", b"\n.\r", b"\r.\r", b"\r.\n")


class Content:
    """A complete mail, in memory or in a file; as it came until ``read``."""

    __slots__ = ("_data", "_file", "_stored", "size")

    def __init__(self, data: bytearray, file: IO[bytes] | None, stored: int) -> None:
        self._data, self._file, self._stored = data, file, stored
        self.size = stored - 2
        """Bytes as they came: without the CRLF of DATA itself, with dots that were added."""

    def head(self, size: int) -> bytes:
        """The first bytes, as they came."""
        if self._file is None:
            return bytes(memoryview(self._data)[2 : 2 + size])
        self._file.seek(2)
        return self._file.read(min(size, self.size))

    def read(self, bare_newlines: BareNewlines = "normalise") -> bytes:
        """The mail: added dots taken off, and CR or LF alone made CRLF unless they are to be kept."""
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
        """Give the memory or the file back."""
        self._data.clear()
        if self._file is not None:
            self._file.close()


class Incoming:
    """Collects one content, chunk by chunk, however the network divides it.

    What exceeds ``limit`` bytes is thrown away; the end is still found. Raises OSError where its file cannot be
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
        self._tail = b"\r\n"  # the line end of DATA itself: a dot may stand on the first line
        self._dots = 0
        self._ends = [0, 0, 0]
        self.read = 0
        """Bytes so far, as they came."""
        self.complete = False
        """The final dot was seen."""
        self.dropped = False
        """Thrown away so far as it came, and what comes is thrown away, too; the reply says why."""
        self.too_big = False
        """Counted without the final dot line and the dots added on the way (RFC 1870 §5); certain once it ended."""
        self.smuggles = False
        """Holds a dot between line ends that are no CRLF."""

    def feed(self, chunk: bytes | bytearray) -> bytes | None:
        """Take a chunk. None: more is needed. Else the end was in it; what is returned comes after it."""
        self.read += len(chunk)
        window = self._tail + chunk
        at = window.find(_END)
        if at < 0:
            cut = max(0, len(window) - _CARRIED)
            self._store(window, cut, cut + 2)
            self._tail = window[cut:]
            # the shortest line with an added dot is "..": a quarter of the bytes may not count
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
        """Keep ``window[:cut]``; patterns of three bytes that begin in it end before ``seen``."""
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
        """Whether CR or LF stand alone in it."""
        pairs, returns, feeds = self._ends
        return not pairs == returns == feeds

    def breaks_lines_badly(self, bare_newlines: BareNewlines) -> bool:
        """Whether CR or LF stand alone where they must not."""
        return (bare_newlines == "refuse" and self.bare) or (bare_newlines == "keep" and self.smuggles)

    def drop(self) -> None:
        """Give memory and file back; what still comes is thrown away."""
        self.dropped = True
        self._data = bytearray()
        if self._file is not None:
            self._file.close()
            self._file = None

    def content(self) -> Content:
        """The whole; to be asked once, when complete and not dropped."""
        content = Content(self._data, self._file, self._stored)
        self._data, self._file = bytearray(), None
        return content


def _write(file: IO[bytes], data: bytes | bytearray | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
