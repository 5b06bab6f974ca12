"""Outlook's MAPI properties of a mail, and the parser of property lists ([MS-OXTNEF])."""

import struct
from contextlib import suppress

from service.mail import charset, plain, rtf
from service.mail.contents import Contents, DecodedFile, Segment, safe_name

MAX_PROPERTIES = 10_000

NAMES = {
    0x0037: "subject", 0x007D: "transport_headers", 0x0C1A: "sender_name", 0x0C1F: "sender_address",
    0x5D01: "sender_smtp", 0x5D02: "sender_smtp_represented", 0x0E03: "cc", 0x0E04: "to", 0x1000: "body",
    0x1009: "rtf", 0x1013: "html", 0x1035: "message_id", 0x3FDE: "codepage", 0x3701: "data", 0x3704: "filename",
    0x3707: "filename_long", 0x370E: "mime", 0x3712: "content_id",
}  # fmt: skip
"""Property id ([MS-OXPROPS]) → our name, for the properties that are read."""

Value = str | bytes | int
_FIXED = {0x02: 4, 0x03: 4, 0x04: 4, 0x0A: 4, 0x0B: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x14: 8, 0x40: 8, 0x48: 16}
"""Property type → bytes of its values, for types of fixed size ([MS-OXCDATA] 2.11.1)."""


class Properties(dict[str, Value]):
    """Property values by their name in ``NAMES``."""

    def text(self, *names: str) -> str:
        """Return the first of the named properties that is a text and not blank, or ""."""
        values = (self.get(name) for name in names)
        texts = (value.strip("\x00").strip() for value in values if isinstance(value, str))
        return next(filter(None, texts), "")


def add_body(contents: Contents, properties: Properties, page: str | None, text: str = "") -> None:
    """Add the body of a mail. ``page``, ``text``: the code page and the text if the properties state none."""
    text = properties.text("body") or text
    value, number, compressed = properties.get("html"), properties.get("codepage"), properties.get("rtf")
    if isinstance(number, int):
        page = "utf-8" if number == 65001 else f"cp{number}"
    html = charset.decode(value.rstrip(b"\x00"), page)[0] if isinstance(value, bytes) else str(value or "")
    if isinstance(compressed, bytes) and not html and not text.strip():
        unpacked = rtf.decompress(compressed)
        if unpacked is None:
            contents.defects.add("rtf-broken")
        else:
            text, html = rtf.read(unpacked)
    contents.segments.append(Segment(plain.normalised(text), html))


def add_file(contents: Contents, path: str, name: str, payload: bytes, kind: str = "", *, inline: bool = False) -> None:
    """Add a file of a mail that is in the MIME part ``path``."""
    number = len(contents.files) + 1
    name, kind = safe_name(name or f"file-{number}.bin"), kind or "application/octet-stream"
    contents.files.append(DecodedFile(name, kind, payload, f"{path}/t{number}", inline))


def read_properties(data: bytes, page: str) -> Properties:
    """Parse a property list up to the first malformed property. ``page``: the code page of its texts."""
    properties = Properties()
    with suppress(struct.error, IndexError, ValueError):
        _read(data, page, properties)
    return properties


def _read(data: bytes, page: str, properties: Properties) -> None:
    (count,) = struct.unpack_from("<I", data, 0)
    at = 4
    for _ in range(min(count, MAX_PROPERTIES)):
        kind, ident = struct.unpack_from("<HH", data, at)
        at += 4
        if ident >= 0x8000:
            named, length = struct.unpack_from("<II", data, at + 16)
            at += 24 + (_padded(length) if named else 0)
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
            if index == 0 and ident in NAMES and (value or NAMES[ident] not in properties):
                properties[NAMES[ident]] = value


def _padded(length: int) -> int:
    return (length + 3) & ~3


def _value(data: bytes, at: int, kind: int, page: str) -> tuple[Value, int]:
    if size := _FIXED.get(kind):
        if at + size > len(data):
            raise ValueError("property cut off")
        return int.from_bytes(data[at : at + size], "little"), at + size
    (length,) = struct.unpack_from("<I", data, at)
    at += 4
    return decode_value(kind, data[at : at + length], page), at + _padded(length)


def decode_value(kind: int, raw: bytes, page: str) -> str | bytes:
    """Return a value of variable size. ``kind``: the property type. Raises ValueError if it is unknown."""
    if kind == 0x001F:
        return raw.decode("utf-16-le", "replace").rstrip("\x00")
    if kind == 0x001E:
        return charset.decode(raw.rstrip(b"\x00"), page)[0]
    if kind == 0x0102:
        return raw
    if kind == 0x000D:
        return raw[16:]  # an object begins with its 16-byte interface id
    raise ValueError("unknown property type")
