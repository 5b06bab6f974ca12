"""Decodes ISO-2022-JP as Windows programs write it (CP50221), for which the standard library has no codec."""

import re
from functools import lru_cache

ESCAPE = re.compile(rb"(\x1b\$[@B]|\x1b\$\([DBOPQ]|\x1b\([BJIH])")


def decode(raw: bytes) -> str:
    """Decode ISO-2022-JP, including NEC and IBM characters, and half-width kana (``ESC ( I`` or 8-bit bytes)."""
    out: list[str] = []
    escape = b"\x1b(B"
    run_start = 0
    for match in ESCAPE.finditer(raw):
        if match.start() > run_start:
            part = raw[run_start : match.start()]
            out.append(_decode_short_run(part, escape) if len(part) <= 2 else _decode_run(part, escape))
        escape, run_start = match.group(), match.end()
    out.append(_decode_run(raw[run_start:], escape))
    return "".join(out)


@lru_cache(maxsize=16_384)
def _decode_short_run(run: bytes, escape: bytes) -> str:
    """Decode a run of at most two bytes. Results are cached, because a malicious mail may contain millions of runs."""
    return _decode_run(run, escape)


def _decode_run(run: bytes, escape: bytes) -> str:
    """Decode the bytes after the escape sequence ``escape``."""
    if escape == b"\x1b(I":
        return bytes(b | 0x80 if 0x20 < b < 0x60 else b for b in run).decode("cp932", "replace")
    if escape.startswith(b"\x1b$"):
        return "\n".join(map(_decode_pairs, re.split(rb"\r?\n", run)))
    return run.decode("ascii") if run.isascii() else run.decode("cp932", "replace")


def _decode_pairs(line: bytes) -> str:
    """Decode JIS X 0208 by conversion to Shift_JIS, whose codec cp932 has the NEC and IBM characters."""
    shifted = bytearray()
    for j1, j2 in zip(line[::2], line[1::2], strict=False):
        if 0x21 <= j1 <= 0x7E and 0x21 <= j2 <= 0x7E:
            odd = j1 & 1
            shifted.append((j1 + 1) // 2 + (0x70 if j1 < 0x5F else 0xB0))
            shifted.append(j2 + (0x7E if not odd else 0x1F if j2 < 0x60 else 0x20))
        else:
            shifted.append(0x20 if j1 <= 0x20 else 0x3F)
    return shifted.decode("cp932", "replace")
