"""Reads TNEF, the ``winmail.dat`` of Outlook ([MS-OXTNEF]): body, subject and files.

A TNEF stream is a list of attributes: first of the message, then of each attachment. The attributes of an attachment
begin with ``attAttachRenddata``. Checksums are not verified, so that a file with a wrong checksum is not lost.
"""

import struct
from collections import defaultdict

from service.mail import charset
from service.mail.contents import Contents
from service.mail.mapi import add_body, add_file, read_properties

START = b"\x78\x9f\x3e\x22"
MAX_FILES = 500
MAX_DEPTH = 5

_SUBJECT, _BODY, _MESSAGE_PROPERTIES, _CODEPAGE = 0x00018004, 0x0002800C, 0x00069003, 0x00069007
_ATTACHMENT_START, _ATTACHMENT_TITLE = 0x00069002, 0x00018010
_ATTACHMENT_DATA, _ATTACHMENT_PROPERTIES = 0x0006800F, 0x00069005


def read(data: bytes, path: str, nesting: int = 0) -> Contents | None:
    """Return what is readable of a TNEF stream in the MIME part ``path``; None for other data."""
    start = data.find(START, 0, 1_024)
    if start < 0:
        return None
    contents = Contents()
    message, *attachments = _attributes(data, start + 6, contents.defects)
    page = f"cp{int.from_bytes(message[_CODEPAGE][:4], 'little')}" if _CODEPAGE in message else "cp1252"
    properties = read_properties(message[_MESSAGE_PROPERTIES], page)
    contents.subject = properties.text("subject") or _string(message[_SUBJECT], page)
    add_body(contents, properties, page, _string(message[_BODY], page))
    for attachment in attachments:
        _add(contents, attachment, path, page, nesting)
    return contents


def _attributes(data: bytes, at: int, defects: set[str]) -> list[defaultdict[int, bytes]]:
    """Return the attributes (id → value) of the message, then those of each attachment."""
    found = [defaultdict[int, bytes](bytes)]
    while at + 9 <= len(data):
        level, ident, length = struct.unpack_from("<BII", data, at)
        if level not in (1, 2):
            defects.add("tnef-damaged")
            break
        value = data[at + 9 : at + 9 + length]
        if len(value) < length:
            defects.add("tnef-damaged")
        at += 9 + length + 2
        if ident == _ATTACHMENT_START:
            if len(found) > MAX_FILES:
                defects.add("files-many")
                break
            found.append(defaultdict(bytes))
        found[0 if level == 1 else -1][ident] = value
    return found


def _string(value: bytes, page: str) -> str:
    return charset.decode(value.rstrip(b"\x00"), page)[0].strip()


def _add(contents: Contents, attachment: defaultdict[int, bytes], path: str, page: str, nesting: int) -> None:
    properties = read_properties(attachment[_ATTACHMENT_PROPERTIES], page)
    name = properties.text("filename_long", "filename") or _string(attachment[_ATTACHMENT_TITLE], page)
    payload = attachment[_ATTACHMENT_DATA]
    embedded = properties.get("data")
    if isinstance(embedded, bytes) and (not payload or START in embedded[:32]):
        inner = read(embedded, path, nesting + 1) if nesting < MAX_DEPTH else None
        if inner is not None:
            _add_embedded_mail(contents, inner, path, name or "message")
            return
        payload = payload or embedded
    kind = properties.text("mime")
    inline = bool(properties.text("content_id")) and kind.startswith("image/")
    add_file(contents, path, name, payload, kind, inline=inline)


def _add_embedded_mail(contents: Contents, inner: Contents, path: str, name: str) -> None:
    """Add the text of an attached mail as a file, and the files of that mail."""
    text = f"Subject: {inner.subject}\n\n{inner.text()}".encode()
    add_file(contents, path, f"{name}.txt", text, "text/plain")
    for file in inner.files[: MAX_FILES - len(contents.files)]:
        add_file(contents, path, file.filename, file.payload, file.content_type, inline=file.inline)
    contents.defects |= inner.defects
