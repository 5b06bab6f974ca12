"""Decodes ISO-2022-JP as Windows programs send it (CP50221); the standard library has no such codec."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

ESCAPE = re.compile(rb"(\x1b\$[@B]|\x1b\$\([DBOPQ]|\x1b\([BJIH])")


def decode(raw: bytes) -> str:
    """Decode ISO-2022-JP as Windows mailers write it (CP50221).

    It includes NEC and IBM characters, and half-width kana by ``ESC ( I`` or as 8-bit bytes. Two-byte characters are
    converted to Shift_JIS and decoded as cp932, which contains them.
    """
    out: list[str] = []
    mode = b"\x1b(B"
    last = 0
    for match in ESCAPE.finditer(raw):
        if match.start() > last:
            part = raw[last : match.start()]
            out.append(_pair(part, mode) if len(part) <= 2 else _run(part, mode))
        mode, last = match.group(), match.end()
    out.append(_run(raw[last:], mode))
    return "".join(out)


@lru_cache(maxsize=16_384)
def _pair(part: bytes, mode: bytes) -> str:
    """Decode a run of one character; cached, because a malicious mail may have millions of them."""
    return _run(part, mode)


def _run(part: bytes, mode: bytes) -> str:
    """Decode the bytes between two escape sequences."""
    if mode == b"\x1b(I":
        return bytes(b | 0x80 if 0x20 < b < 0x60 else b for b in part).decode("cp932", "replace")
    if mode == b"\x1b$(D":
        return _jis0212(part)
    if mode.startswith(b"\x1b$"):
        return _double(part) if b"\n" not in part else _pairs(part)
    return part.decode("ascii") if part.isascii() else part.decode("cp932", "replace")


def _jis0212(part: bytes) -> str:
    try:
        return (b"\x1b$(D" + part + b"\x1b(B").decode("iso2022_jp_1")
    except (UnicodeError, ValueError):
        return "\ufffd" * (len(part) // 2)


def _pairs(part: bytes) -> str:
    """Decode JIS X 0208 pairs; after a line end (a missing escape) the text is ASCII again, as readers assume."""
    text: list[str] = []
    ascii_now = False
    for index, line in enumerate(re.split(rb"(\r?\n)", part)):
        if index % 2:
            text.append("\n")
            ascii_now = True
        elif ascii_now and (len(line) % 2 or not _looks_double(line)):
            text.append(line.decode("ascii", "replace"))
        else:
            text.append(_double(line))
    return "".join(text)


def _looks_double(line: bytes) -> bool:
    return bool(line) and all(0x21 <= b <= 0x7E for b in line) and any(a in (0x24, 0x25) for a, _ in pairwise(line))


def _double(line: bytes) -> str:
    """Decode JIS X 0208 pairs (also NEC and IBM characters) by converting them to Shift_JIS."""
    shifted = bytearray()
    for j1, j2 in zip(line[::2], line[1::2], strict=False):
        if 0x21 <= j1 <= 0x7E and 0x21 <= j2 <= 0x7E:
            odd = j1 & 1
            shifted.append((j1 + 1) // 2 + (0x70 if j1 < 0x5F else 0xB0))
            shifted.append(j2 + (0x7E if not odd else 0x1F if j2 < 0x60 else 0x20))
        else:
            shifted.append(0x20 if j1 <= 0x20 else 0x3F)
    return shifted.decode("cp932", "replace")
