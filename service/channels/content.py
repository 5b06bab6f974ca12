"""The content of a mail as it comes over the wire after DATA (RFC 5321 §4.1.1.4, §4.5.2). Pure.

The end is CRLF "." CRLF and nothing else. A dot between other line ends (LF "." LF, CR "." CR and their mixtures) is
how a second mail is smuggled past a server that is less strict than the next (CVE-2023-51764, CVE-2024-27305): such
content is refused whole. CR or LF alone anywhere else is refused too (RFC 5321 §2.3.8), unless asked to keep it.

Lines may be of any length: RFC 5321 §4.5.3.1 asks for no limit where none is needed, and senders exceed 1000 bytes.
"""

from __future__ import annotations

from io import IncrementalNewlineDecoder

from service.channels.limits import BareNewlines

_END = b"\r\n.\r\n"
_SMUGGLED = (b"\n.\n", b"\n.\r", b"\r.\r", b"\r.\n")


class Incoming:
    """Collects one content, chunk by chunk, however the network divides it.

    What exceeds ``limit`` bytes is thrown away; the end is still found.
    """

    __slots__ = ("_buffer", "_limit", "_searched", "complete", "read", "too_big")

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray(b"\r\n")  # the line end of DATA itself: a dot may stand on the first line
        self._searched = 0
        self._limit = limit
        self.read = 0
        """Bytes so far, as they came."""
        self.complete = False
        """The final dot was seen."""
        self.too_big = False
        """Counted without the final dot line and the dots added on the way (RFC 1870 §5); certain once it ended."""

    def feed(self, chunk: bytes | bytearray) -> bytes | None:
        """Take a chunk. None: more is needed. Else the end was in it; what is returned comes after it."""
        self.read += len(chunk)
        buffer = self._buffer
        buffer += chunk
        at = buffer.find(_END, self._searched)
        if at < 0:
            # the shortest line with an added dot is "..": a quarter of the bytes may not count
            if self.too_big or len(buffer) > self._limit + self._limit // 3 + 16:
                self.too_big = True
                del buffer[:-4]
            self._searched = max(0, len(buffer) - 4)
            return None
        self.complete = True
        rest = bytes(memoryview(buffer)[at + 5 :])
        del buffer[at + 2 :]
        size = len(buffer) - 2
        if self.too_big or (size > self._limit and size - buffer.count(b"\r\n.") > self._limit):
            self.too_big = True
            buffer.clear()
        return rest

    def breaks_lines_badly(self, bare_newlines: BareNewlines) -> bool:
        """Whether CR or LF stand alone where they must not."""
        decoder = IncrementalNewlineDecoder(None, False)
        decoder.decode(str(self._buffer, "latin-1"), True)
        if decoder.newlines == "\r\n":
            return False
        return bare_newlines == "refuse" or any(form in self._buffer for form in _SMUGGLED)

    def content(self) -> bytes:
        """The mail, byte for byte, with the dots taken off that the sender put before lines that begin with one."""
        buffer = self._buffer
        if b"\r\n." in buffer:
            buffer = buffer.replace(b"\r\n.", b"\r\n")
        return bytes(memoryview(buffer)[2:])
