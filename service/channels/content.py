"""The content of a mail as it comes over the wire after DATA (RFC 5321 §4.1.1.4, §4.5.2). Pure.

The end is CRLF "." CRLF and nothing else. A dot between other line ends (LF "." LF, CR "." CR and their mixtures) is
how a second mail is smuggled past a server that is less strict than we are (CVE-2023-51764, CVE-2024-27305): such
content is refused whole. Other bare CR or LF are kept as they came.
"""

from __future__ import annotations

_END = b"\r\n.\r\n"
_SMUGGLED = (b"\n.\n", b"\n.\r", b"\r.\r", b"\r.\n")


class Incoming:
    """Collects one content, chunk by chunk, however the network divides it.

    What exceeds ``limit`` bytes is thrown away at once; the end is still found.
    """

    __slots__ = ("_buffer", "_limit", "_searched", "size", "too_big")

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray(b"\r\n")  # the line end of DATA itself: a dot may stand on the first line
        self._searched = 0
        self._limit = limit
        self.size = 0
        """Bytes so far, without the final dot line; a guess until the end was seen."""
        self.too_big = False

    def feed(self, chunk: bytes) -> bytes | None:
        """Take a chunk. None: more is needed. Else the end was in it; what is returned comes after it."""
        buffer = self._buffer
        buffer += chunk
        at = buffer.find(_END, self._searched)
        if at >= 0:
            rest = bytes(buffer[at + 5 :])
            del buffer[at + 2 :]
            self.size += len(buffer) - 2
            self.too_big = self.too_big or self.size > self._limit
            return rest
        if self.too_big or len(buffer) - 2 - len(_END) > self._limit:
            self.too_big = True
            self.size += len(buffer) - 6
            del buffer[:-4]
            self.size += 2  # the two bytes that stand for the line end of DATA are never counted
            self._searched = 0
            return None
        self._searched = max(0, len(buffer) - 4)
        return None

    def smuggles(self) -> bool:
        """Whether a dot stands alone between line ends that are not CRLF on both sides."""
        return any(form in self._buffer for form in _SMUGGLED)

    def content(self) -> bytes:
        """The mail, with the dots taken off that the sender put before lines that begin with one."""
        buffer = self._buffer
        if b"\r\n." in buffer:
            buffer = buffer.replace(b"\r\n.", b"\r\n")
        return bytes(memoryview(buffer)[2:])
