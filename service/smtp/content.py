"""Receives a message after DATA (RFC 5321 §4.1.1.4, §4.5.2). Large messages go to a file.

Only CRLF "." CRLF ends a message. A server that also accepts LF "." LF allows SMTP smuggling (CVE-2023-51764 to 51766).
``SODAN_SMTP_BARE_NEWLINES`` says what happens to a lone CR or LF. Lines may be of any length, because many senders
exceed 1000 bytes.
"""

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

SPILL = 131_072
"""Maximum bytes of a message in memory. A larger one is in a file without a name, which ends with the process."""
_END = b"\r\n.\r\n"
_TAIL_BYTES = len(_END) - 1


def too_large(limit: int) -> str:
    """Return the reply to a message of more than ``limit`` bytes (RFC 1870 §6)."""
    return f"552 5.3.4 too large, at most {limit} bytes are accepted"


class Content:
    """The data of one message as received, collected from chunks of any size.

    If a message is larger than ``limit`` bytes, the data is discarded, but the end of the message is still found.
    ``folder``: folder for the files of large messages. Methods raise OSError if such a file cannot be used.
    """

    def __init__(self, limit: int, folder: Path | None = None) -> None:
        self._limit = limit
        self._folder = folder
        self._file: IO[bytes] = BytesIO()
        self._stored = 0
        self._tail = b"\r\n"  # the line end of the DATA command, because the first line may be a dot
        self._dots = 0
        self._ends = [0, 0, 0]
        self.received = 0  # bytes received so far
        self.complete = False  # whether the final dot was received
        self.is_discarded = False  # whether the message is discarded, including data that is not received yet
        self.is_too_large = False
        """Whether the size without the final dot and the dots of dot-stuffing (RFC 1870 §5) exceeds the limit."""

    def feed(self, chunk: bytes | bytearray) -> bytes | None:
        """Add a chunk. Return the bytes after the end of the message; None if the end is not reached."""
        self.received += len(chunk)
        window = self._tail + chunk
        at = window.find(_END)
        if at < 0:
            stored_end = max(0, len(window) - _TAIL_BYTES)
            self._store(window, stored_end, dots_end=stored_end + 2)
            self._tail = window[stored_end:]
            # the shortest line with a dot of dot-stuffing has four bytes (".." CR LF)
            self.is_too_large = self.is_too_large or self._stored > self._limit + self._limit // 3 + 16
        else:
            self.complete = True
            self._store(window, at + 2, dots_end=at + 2)
            self.is_too_large = self.is_too_large or self._stored - 2 - self._dots > self._limit
        if self.is_too_large:
            self.discard()
        return window[at + len(_END) :] if self.complete else None

    def _store(self, window: bytes, stored_end: int, dots_end: int) -> None:
        """Store and count ``window[:stored_end]``. Dots of dot-stuffing are counted in ``window[:dots_end]``."""
        self._dots += window.count(b"\r\n.", 0, dots_end)
        self._ends[0] += window.count(b"\r\n", 0, stored_end + 1)
        self._ends[1] += window.count(b"\r", 0, stored_end)
        self._ends[2] += window.count(b"\n", 0, stored_end)
        self._stored += stored_end
        if self.is_discarded:
            return
        if self._stored > SPILL and isinstance(self._file, BytesIO):
            memory, self._file = self._file, TemporaryFile(dir=self._folder)  # noqa: SIM115 - open for many chunks
            self._file.write(memory.getbuffer())
        self._file.write(memoryview(window)[:stored_end])

    @property
    def has_bare_newline(self) -> bool:
        """Whether the message contains a lone CR or LF."""
        pairs, returns, feeds = self._ends
        return not pairs == returns == feeds

    def discard(self) -> None:
        """Free the memory and the file; data still to come is not stored. May be called twice."""
        self.is_discarded = True
        with suppress(OSError):  # the disk is full, but the data is not needed
            self._file.close()

    @property
    def size(self) -> int:
        """Bytes received, including the dots of dot-stuffing."""
        return self._stored - 2

    def head(self, size: int) -> bytes:
        """Return the first ``size`` bytes as received."""
        self._file.seek(2)
        return self._file.read(size)

    def read(self) -> bytes:
        """Return the message without dot-stuffing, and with CRLF in place of each lone CR or LF."""
        self._file.seek(0)
        raw = self._file.read()
        if b"\r\n." in raw:
            raw = raw.replace(b"\r\n.", b"\r\n")
        if self.has_bare_newline:
            raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
        return raw[2:]
