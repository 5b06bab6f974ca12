"""Reads TNEF, the ``winmail.dat`` of Outlook ([MS-OXTNEF]): body, subject and files.

A TNEF stream is a list of attributes: first of the message, then of each attachment. The attributes of an attachment
begin with ``attAttachRenddata``. Checksums are not verified, so that a file with a wrong checksum is not lost.
"""

import struct
from dataclasses import dataclass, field

from service.mail import charset
from service.mail.contents import Contents
from service.mail.mapi import Properties, add_body, add_file, read_properties

START = b"\x78\x9f\x3e\x22"
MAX_FILES = 500
MAX_DEPTH = 5

_SUBJECT, _BODY, _MESSAGE_PROPERTIES, _CODEPAGE = 0x00018004, 0x0002800C, 0x00069003, 0x00069007
_ATTACHMENT_START, _ATTACHMENT_TITLE = 0x00069002, 0x00018010
_ATTACHMENT_DATA, _ATTACHMENT_PROPERTIES = 0x0006800F, 0x00069005


def read(data: bytes, path: str, nesting: int = 0) -> Contents | None:
    """Return what is readable of a TNEF stream in the MIME part ``path``; None if the data has another format."""
    start = data.find(START, 0, 1_024)
    if start < 0:
        return None
    contents = Contents()
    page = "cp1252"
    at = start + 6
    attachments: list[_Attachment] = []
    plain_body = b""
    properties = Properties()
    while at + 9 <= len(data):
        level, ident, length = struct.unpack_from("<BII", data, at)
        if level not in (1, 2):
            contents.defects.add("tnef-damaged")
            break
        value = data[at + 9 : at + 9 + length]
        if len(value) < length:
            contents.defects.add("tnef-damaged")
        at += 9 + length + 2
        if ident == _CODEPAGE and len(value) >= 4:
            page = f"cp{struct.unpack_from('<I', value)[0]}"
        elif ident == _SUBJECT:
            contents.subject = _string(value, page)
        elif ident == _BODY:
            plain_body = value
        elif ident == _MESSAGE_PROPERTIES:
            properties = read_properties(value, page)
        elif ident == _ATTACHMENT_START:
            if len(attachments) >= MAX_FILES:
                contents.defects.add("files-many")
                break
            attachments.append(_Attachment())
        elif attachments and ident == _ATTACHMENT_TITLE:
            attachments[-1].title = value
        elif attachments and ident == _ATTACHMENT_DATA:
            attachments[-1].data = value
        elif attachments and ident == _ATTACHMENT_PROPERTIES:
            attachments[-1].properties = read_properties(value, page)
    contents.subject = properties.text("subject") or contents.subject
    add_body(contents, properties, page, _string(plain_body, page))
    for attachment in attachments:
        _add(contents, attachment, path, page, nesting)
    return contents


@dataclass(slots=True)
class _Attachment:
    title: bytes = b""
    data: bytes = b""
    properties: Properties = field(default_factory=Properties)


def _string(value: bytes, page: str) -> str:
    return charset.decode(value.rstrip(b"\x00"), page)[0].strip()


def _add(contents: Contents, attachment: _Attachment, path: str, page: str, nesting: int) -> None:
    properties = attachment.properties
    name = properties.text("filename_long", "filename") or _string(attachment.title, page)
    payload = attachment.data
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
