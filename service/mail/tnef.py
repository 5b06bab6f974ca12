"""Reads TNEF, the ``winmail.dat`` of Outlook ([MS-OXTNEF]): body, subject and files.

A TNEF stream is a list of attributes: first of the message, then of each attachment. The attributes of an attachment
begin with ``attAttachRenddata``. Checksums are not verified, so that a file with a wrong checksum is not lost.
"""

import struct
from dataclasses import dataclass, field

from service.mail import charset
from service.mail.mapi import File, Item, Properties, read_properties

START = b"\x78\x9f\x3e\x22"
MAX_FILES = 500
MAX_DEPTH = 5

_SUBJECT, _BODY, _MESSAGE_PROPERTIES, _CODEPAGE = 0x00018004, 0x0002800C, 0x00069003, 0x00069007
_ATTACHMENT_START, _ATTACHMENT_TITLE = 0x00069002, 0x00018010
_ATTACHMENT_DATA, _ATTACHMENT_PROPERTIES = 0x0006800F, 0x00069005


def read(data: bytes, nesting: int = 0) -> Item | None:
    """Return the content of a TNEF stream, as much as is readable; None if the data has another format."""
    start = data.find(START, 0, 1_024)
    if start < 0:
        return None
    item = Item()
    page = "cp1252"
    at = start + 6
    attachments: list[_Attachment] = []
    plain_body = b""
    properties = Properties()
    while at + 9 <= len(data):
        level, ident, length = struct.unpack_from("<BII", data, at)
        if level not in (1, 2):
            item.defects.add("tnef-damaged")
            break
        value = data[at + 9 : at + 9 + length]
        if len(value) < length:
            item.defects.add("tnef-damaged")
        at += 9 + length + 2
        if ident == _CODEPAGE and len(value) >= 4:
            page = f"cp{struct.unpack_from('<I', value)[0]}"
        elif ident == _SUBJECT:
            item.subject = _string(value, page)
        elif ident == _BODY:
            plain_body = value
        elif ident == _MESSAGE_PROPERTIES:
            properties = read_properties(value, page)
        elif ident == _ATTACHMENT_START:
            if len(attachments) >= MAX_FILES:
                item.defects.add("files-many")
                break
            attachments.append(_Attachment())
        elif attachments and ident == _ATTACHMENT_TITLE:
            attachments[-1].title = value
        elif attachments and ident == _ATTACHMENT_DATA:
            attachments[-1].data = value
        elif attachments and ident == _ATTACHMENT_PROPERTIES:
            attachments[-1].properties = read_properties(value, page)
    item.subject = properties.text("subject") or item.subject
    item.read_body(properties, page, _string(plain_body, page))
    for index, attachment in enumerate(attachments, 1):
        _add_file(item, attachment, index, page, nesting)
    return item


@dataclass(slots=True)
class _Attachment:
    title: bytes = b""
    data: bytes = b""
    properties: Properties = field(default_factory=Properties)


def _string(value: bytes, page: str) -> str:
    return charset.decode(value.rstrip(b"\x00"), page)[0].strip()


def _add_file(item: Item, attachment: _Attachment, index: int, page: str, nesting: int) -> None:
    properties = attachment.properties
    name = properties.text("filename_long", "filename") or _string(attachment.title, page)
    payload = attachment.data
    embedded = properties.get("data")
    if isinstance(embedded, bytes) and (not payload or START in embedded[:32]):
        inner = read(embedded, nesting + 1) if nesting < MAX_DEPTH else None
        if inner is not None:
            _add_embedded_mail(item, inner, name or f"message-{index}")
            return
        payload = payload or embedded
    kind = properties.text("mime") or "application/octet-stream"
    inline = bool(properties.text("content_id")) and kind.startswith("image/")
    item.files.append(File(name or f"file-{index}.bin", payload, kind, inline))


def _add_embedded_mail(item: Item, inner: Item, name: str) -> None:
    """Add the text of an attached mail as a file, and the files of that mail."""
    text = inner.text or inner.html
    item.files.append(File(f"{name}.txt", f"Subject: {inner.subject}\n\n{text}".encode(), "text/plain"))
    item.files.extend(inner.files[: MAX_FILES - len(item.files)])
    item.defects |= inner.defects
