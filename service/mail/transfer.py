"""Decodes Content-Transfer-Encoding (RFC 2045 §6), and files that texts contain without MIME (uuencode, yEnc)."""

import binascii
import re

from service.mail.encoded import base64


def decode(body: bytes, encoding: bytes | None) -> tuple[bytes, str | None]:
    """Return (decoded body, defect ``transfer-unknown`` or ``transfer-broken`` or None)."""
    name = encoding.partition(b";")[0].strip(b" \t\"'").lower() if encoding else b""
    if name in (b"", b"7bit", b"8bit", b"binary", b"7-bit", b"8-bit", b"none"):
        return body, None
    if name in (b"base64", b"b", b"base-64"):
        return base64(body), None
    if name in (b"quoted-printable", b"quoted_printable", b"q", b"quotedprintable"):
        return binascii.a2b_qp(body), None
    if name in (b"x-uuencode", b"uuencode", b"x-uue", b"uue", b"x-yencode", b"yenc", b"x-yenc"):
        files = (yencoded if b"yenc" in name else uuencoded)(body)
        return (files[0][2], None) if files else (body, "transfer-broken")
    if b"base64" in name:
        return base64(body), "transfer-unknown"
    if b"quoted" in name:
        return binascii.a2b_qp(body), "transfer-unknown"
    return body, "transfer-unknown"


_UU_BEGIN = re.compile(rb"^begin(?:-base64)?[ \t]+([0-7]{3,4})[ \t]+([^\r\n]{1,300})\r?$", re.MULTILINE)
_UU_LINE = re.compile(rb"[\x20-\x60]+")
MAX_FILES = 100


def uuencoded(body: bytes) -> list[tuple[int, int, bytes, bytes]]:
    """Return (start, end, data, name) of each uuencoded file in ``body`` (POSIX uuencode), in order."""
    files: list[tuple[int, int, bytes, bytes]] = []
    position = 0
    while len(files) < MAX_FILES:
        match = _UU_BEGIN.search(body, position)
        if match is None:
            return files
        position = match.end()
        data, end = (_base64_lines if match.group().startswith(b"begin-base64") else _uu_lines)(body, match.end() + 1)
        if data is not None:
            files.append((match.start(), end, data, match[2].strip()))
            position = end
    return files


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
        try:
            out.append(binascii.a2b_uu(line))
        except (binascii.Error, ValueError):
            # some encoders pad incorrectly: use only the length byte
            length = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                out.append(binascii.a2b_uu(line[:length]))
            except (binascii.Error, ValueError):
                break
    return (b"".join(out), min(at, len(body))) if len(out) > 1 else (None, at)


def _base64_lines(body: bytes, at: int) -> tuple[bytes | None, int]:
    end = body.find(b"\n====", at)
    if end < 0:
        return None, at
    return base64(body[at:end]), min(len(body), end + 6)


_YENC = re.compile(rb"^=ybegin ([^\r\n]{0,200}?)name=([^\r\n]{1,400}+)\r?\n(?:=ypart [^\r\n]*\r?\n)?", re.MULTILINE)
_UNYENC = bytes((i - 42) & 255 for i in range(256))
_YESCAPE = re.compile(rb"=(.)", re.DOTALL)


def yencoded(body: bytes) -> list[tuple[int, int, bytes, bytes]]:
    """Return (start, end, data, name) of each yEnc file (version 1.3) in ``body``, as ``uuencoded`` does."""
    files: list[tuple[int, int, bytes, bytes]] = []
    position = 0
    while len(files) < MAX_FILES:
        match = _YENC.search(body, position)
        if match is None:
            return files
        end = body.find(b"\n=yend", match.end() - 1)
        if end < 0:
            return files
        data = body[match.end() : end].replace(b"\r", b"").replace(b"\n", b"")
        data = _YESCAPE.sub(lambda m: bytes([(m[1][0] - 64) & 255]), data)
        newline = body.find(b"\n", end + 1)
        position = newline + 1 if newline >= 0 else len(body)
        files.append((match.start(), position, data.translate(_UNYENC), match[2].strip()))
    return files
