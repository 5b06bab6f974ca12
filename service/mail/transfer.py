"""Decodes Content-Transfer-Encoding (RFC 2045 §6), and uuencoded files in texts."""

import binascii
import re

from service.mail.encoded import base64

_NAMES = (b"base64", b"b", b"base-64", b"quoted-printable", b"quoted_printable", b"q", b"quotedprintable")


def decode(body: bytes, encoding: bytes | None) -> tuple[bytes, str | None]:
    """Return (decoded body, defect ``transfer-unknown`` or ``transfer-broken`` or None)."""
    name = encoding.partition(b";")[0].strip(b" \t\"'").lower() if encoding else b""
    if name in (b"", b"7bit", b"8bit", b"binary", b"7-bit", b"8-bit", b"none"):
        return body, None
    if name in (b"x-uuencode", b"uuencode", b"x-uue", b"uue"):
        _, files = split_uuencoded(body)
        return (files[0][1], None) if files else (body, "transfer-broken")
    defect = None if name in _NAMES else "transfer-unknown"
    if name == b"b" or b"base64" in name.replace(b"-", b""):
        return base64(body), defect
    if name == b"q" or b"quoted" in name:
        return binascii.a2b_qp(body), defect
    return body, defect


_UU_BEGIN = re.compile(rb"^begin[ \t]+([0-7]{3,4})[ \t]+([^\r\n]{1,300})\r?$", re.MULTILINE)
_UU_LINE = re.compile(rb"[\x20-\x60]+")
MAX_FILES = 100


def split_uuencoded(body: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Return (``body`` without its uuencoded files, (name, data) of each file) (POSIX uuencode)."""
    texts: list[bytes] = []
    files: list[tuple[bytes, bytes]] = []
    text_start = position = 0
    while len(files) < MAX_FILES and (match := _UU_BEGIN.search(body, position)) is not None:
        position = match.end()
        data, end = _uu_lines(body, match.end() + 1)
        if data is not None:
            texts.append(body[text_start : match.start()])
            files.append((match[2].strip(), data))
            text_start = position = end
    return b"".join([*texts, body[text_start:]]), files


def _uu_lines(body: bytes, at: int) -> tuple[bytes | None, int]:
    out: list[bytes] = []
    while at < len(body):
        newline = body.find(b"\n", at, at + 1_000)
        stop = newline if newline >= 0 else min(len(body), at + 1_000)
        line = body[at:stop].rstrip(b"\r")
        at = stop + 1
        if line.rstrip() == b"end":
            return b"".join(out), min(at, len(body))
        if not line.strip() or line in (b"`", b" "):
            continue
        if not _UU_LINE.fullmatch(line.rstrip()):
            break
        length = (((line[0] - 32) & 63) * 4 + 5) // 3  # as its first byte says; some encoders add wrong padding
        try:
            out.append(binascii.a2b_uu(line[:length]))
        except (binascii.Error, ValueError):
            break
    return (b"".join(out), min(at, len(body))) if len(out) > 1 else (None, at)
