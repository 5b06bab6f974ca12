"""TNEF, the ``winmail.dat`` of Outlook ([MS-OXTNEF]): body, subject and files, with limits.

A TNEF stream is a list of attributes: first those of the message, then those of each attachment, which begin with
``attAttachRenddata``. Checksums are not verified, so that a wrong one does not lose a file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from service.mail import charset
from service.mail.mapi import File, Item, Properties, read_properties

SIGNATURE = 0x223E9F78
START = SIGNATURE.to_bytes(4, "little")
MAX_FILES = 500
MAX_DEPTH = 5

_SUBJECT, _BODY, _MAPI, _CODEPAGE = 0x00018004, 0x0002800C, 0x00069003, 0x00069007
_RENDER, _TITLE, _DATA, _ATTACHMENT = 0x00069002, 0x00018010, 0x0006800F, 0x00069005


def read(data: bytes, depth: int = 0) -> Item | None:
    """Unpack a TNEF stream; None if it is not one. Never raises on damaged data: returns what was readable."""
    start = data.find(struct.pack("<I", SIGNATURE), 0, 1_024)
    if start < 0:
        return None
    out = Item()
    page = "cp1252"
    at = start + 6
    files: list[_Open] = []
    plain = b""
    message = Properties()
    while at + 9 <= len(data):
        level, ident, length = struct.unpack_from("<BII", data, at)
        if level not in (1, 2):
            out.defects.add("tnef-damaged")
            break
        value = data[at + 9 : at + 9 + length]
        if len(value) < length:
            out.defects.add("tnef-damaged")
        at += 9 + length + 2
        if ident == _CODEPAGE and len(value) >= 4:
            page = f"cp{struct.unpack_from('<I', value)[0]}"
        elif ident == _SUBJECT:
            out.subject = _string(value, page)
        elif ident == _BODY:
            plain = value
        elif ident == _MAPI:
            message = read_properties(value, page)
        elif ident == _RENDER:
            if len(files) >= MAX_FILES:
                out.defects.add("files-many")
                break
            files.append(_Open())
        elif files and ident == _TITLE:
            files[-1].title = value
        elif files and ident == _DATA:
            files[-1].data = value
        elif files and ident == _ATTACHMENT:
            files[-1].properties = read_properties(value, page)
    out.subject = message.text("subject") or out.subject
    out.read_body(message, page, _string(plain, page))
    for index, opened in enumerate(files, 1):
        _file(out, opened, index, page, depth)
    return out


@dataclass(slots=True)
class _Open:
    title: bytes = b""
    data: bytes = b""
    properties: Properties = field(default_factory=Properties)


def _string(value: bytes, page: str) -> str:
    return charset.decode(value.rstrip(b"\x00"), page)[0].strip()


def _file(out: Item, opened: _Open, index: int, page: str, depth: int) -> None:
    properties = opened.properties
    name = properties.text("filename_long", "filename") or _string(opened.title, page)
    payload = opened.data
    embedded = properties.get("data")
    if isinstance(embedded, bytes) and (not payload or struct.pack("<I", SIGNATURE) in embedded[:32]):
        inner = read(embedded, depth + 1) if depth < MAX_DEPTH else None
        if inner is not None:
            _embedded(out, inner, name or f"message-{index}")
            return
        payload = payload or embedded
    kind = properties.text("mime") or "application/octet-stream"
    inline = bool(properties.text("content_id")) and kind.startswith("image/")
    out.files.append(File(name or f"file-{index}.bin", payload, kind, inline))


def _embedded(out: Item, inner: Item, name: str) -> None:
    """Add a mail found inside: its text as a file, and its own files."""
    text = inner.text or inner.html
    out.files.append(File(f"{name}.txt", f"Subject: {inner.subject}\n\n{text}".encode(), "text/plain"))
    out.files.extend(inner.files[: MAX_FILES - len(out.files)])
    out.defects |= inner.defects
