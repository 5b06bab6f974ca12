"""Counts the servers that a mail passed, by its Received lines (RFC 5321 §6.3)."""

import re

_RECEIVED = re.compile(rb"^received[ \t]*:", re.I | re.M)
HEADER_BYTES = 262_144  # maximum bytes of a header that are examined; no real header is longer


def hops(content: bytes) -> int:
    """Return the number of Received lines in the header of a raw mail."""
    end = content.find(b"\r\n\r\n", 0, HEADER_BYTES)
    return sum(1 for _ in _RECEIVED.finditer(content, 0, end if end >= 0 else HEADER_BYTES))
