"""MAPI property lists inside TNEF ([MS-OXTNEF] 2.1.3.4, [MS-OXCDATA] 2.11.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from service.mail import charset

MAX_PROPERTIES = 10_000

NAMES = {
    0x0037: "subject",
    0x001A: "class",
    0x007D: "transport_headers",
    0x0C1A: "sender_name",
    0x0C1F: "sender_address",
    0x5D01: "sender_smtp",
    0x5D02: "sender_smtp_represented",
    0x0E02: "bcc",
    0x0E03: "cc",
    0x0E04: "to",
    0x0039: "submit_time",
    0x1000: "body",
    0x1009: "rtf",
    0x1013: "html",
    0x1035: "message_id",
    0x1042: "in_reply_to",
    0x1039: "references",
    0x3FDE: "codepage",
    0x3701: "data",
    0x3704: "filename",
    0x3707: "filename_long",
    0x370E: "mime",
    0x3712: "content_id",
}
"""Property ids ([MS-OXPROPS]) that are needed to read a mail."""

Value = str | bytes | int | None
_FIXED = {
    0x0002: 4,
    0x0003: 4,
    0x0004: 4,
    0x000A: 4,
    0x000B: 4,
    0x0005: 8,
    0x0006: 8,
    0x0007: 8,
    0x0014: 8,
    0x0040: 8,
    0x0048: 16,
}


@dataclass(slots=True)
class Properties:
    """Properties by their name in ``NAMES``; all others are ignored."""

    values: dict[str, Value] = field(default_factory=dict)

    def get(self, name: str) -> Value:
        return self.values.get(name)

    def text(self, name: str) -> str:
        value = self.values.get(name)
        return value.strip("\x00").strip() if isinstance(value, str) else ""

    @property
    def page(self) -> str | None:
        """Code page of the HTML, if stated."""
        number = self.values.get("codepage")
        return ("utf-8" if number == 65001 else f"cp{number}") if isinstance(number, int) else None


def read_properties(data: bytes, page: str) -> Properties:
    """Parse a property list; stops without error at the first malformed property."""
    found = Properties()
    try:
        _read(data, page, found)
    except (struct.error, IndexError, ValueError):
        pass
    return found


def _read(data: bytes, page: str, found: Properties) -> None:
    (count,) = struct.unpack_from("<I", data, 0)
    at = 4
    for _ in range(min(count, MAX_PROPERTIES)):
        kind, ident = struct.unpack_from("<HH", data, at)
        at += 4
        if ident >= 0x8000:
            at = _skip_name(data, at)
        multi = kind & 0x1000
        base = kind & 0x0FFF
        values = 1
        if multi or base in (0x001E, 0x001F, 0x0102, 0x000D):
            (values,) = struct.unpack_from("<I", data, at)
            at += 4
        if values > MAX_PROPERTIES:
            return
        for index in range(values):
            value, at = _value(data, at, base, page)
            if index == 0 and ident in NAMES and (value or NAMES[ident] not in found.values):
                found.values[NAMES[ident]] = value


def _skip_name(data: bytes, at: int) -> int:
    (how,) = struct.unpack_from("<I", data, at + 16)
    if how == 0:
        return at + 24
    (length,) = struct.unpack_from("<I", data, at + 20)
    return at + 24 + _padded(length)


def _padded(length: int) -> int:
    return (length + 3) & ~3


def _value(data: bytes, at: int, kind: int, page: str) -> tuple[Value, int]:
    if kind in _FIXED:
        size = _FIXED[kind]
        if at + size > len(data):
            raise ValueError("property cut off")
        number = int.from_bytes(data[at : at + size], "little") if size <= 8 else None
        return number, at + size
    (length,) = struct.unpack_from("<I", data, at)
    at += 4
    if at > len(data):
        raise ValueError("property cut off")
    raw = data[at : at + length]
    at += _padded(length)
    if kind == 0x001F:
        return raw.decode("utf-16-le", "replace").rstrip("\x00"), at
    if kind == 0x001E:
        return charset.decode(raw.rstrip(b"\x00"), page)[0], at
    if kind == 0x0102:
        return raw, at
    if kind == 0x000D:
        # an object begins with its 16-byte interface id
        return raw[16:], at
    raise ValueError("unknown property type")
