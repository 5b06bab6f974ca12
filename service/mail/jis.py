"""Decodes ISO-2022-JP as Windows programs write it (CP50221). The standard library has no such codec."""

import re
from functools import lru_cache
from itertools import pairwise

ESCAPE = re.compile(rb"(\x1b\$[@B]|\x1b\$\([DBOPQ]|\x1b\([BJIH])")


def decode(raw: bytes) -> str:
    """Decode ISO-2022-JP, with NEC and IBM characters, and with half-width kana."""
    first, *others = ESCAPE.split(raw)
    runs = [(first, b"\x1b(B"), *zip(others[1::2], others[::2], strict=True)]
    return "".join(_decode_short_run(*run) if len(run[0]) <= 2 else _decode_run(*run) for run in runs)


@lru_cache(maxsize=16_384)
def _decode_short_run(run: bytes, escape: bytes) -> str:
    """Decode a run of at most two bytes. Results are cached, because a malicious mail may contain millions of runs."""
    return _decode_run(run, escape)


def _decode_run(run: bytes, escape: bytes) -> str:
    """Decode the bytes after the escape sequence ``escape``."""
    if escape == b"\x1b(I":
        return bytes(b | 0x80 if 0x20 < b < 0x60 else b for b in run).decode("cp932", "replace")
    if escape == b"\x1b$(D":
        return (b"\x1b$(D" + run + b"\x1b(B").decode("iso2022_jp_1", "replace")
    if escape.startswith(b"\x1b$"):
        return _decode_pairs(run) if b"\n" not in run else _decode_lines(run)
    return run.decode("ascii") if run.isascii() else run.decode("cp932", "replace")


def _decode_lines(run: bytes) -> str:
    """Decode JIS X 0208 with line ends. Lines below the first may be ASCII, because mailers omit the escape."""
    lines = re.split(rb"\r?\n", run)
    texts = [_decode_pairs(lines[0])]
    for line in lines[1:]:
        is_ascii = len(line) % 2 or not _looks_like_pairs(line)
        texts.append(line.decode("ascii", "replace") if is_ascii else _decode_pairs(line))
    return "\n".join(texts)


def _looks_like_pairs(line: bytes) -> bool:
    return bool(line) and all(0x21 <= b <= 0x7E for b in line) and any(a in (0x24, 0x25) for a, _ in pairwise(line))


def _decode_pairs(line: bytes) -> str:
    """Decode JIS X 0208 through Shift_JIS, since cp932 has the NEC and IBM characters."""
    shifted = bytearray()
    for j1, j2 in zip(line[::2], line[1::2], strict=False):
        if 0x21 <= j1 <= 0x7E and 0x21 <= j2 <= 0x7E:
            odd = j1 & 1
            shifted.append((j1 + 1) // 2 + (0x70 if j1 < 0x5F else 0xB0))
            shifted.append(j2 + (0x7E if not odd else 0x1F if j2 < 0x60 else 0x20))
        else:
            shifted.append(0x20 if j1 <= 0x20 else 0x3F)
    return shifted.decode("cp932", "replace")
