"""Outlook's own formats as mails: a ``.msg`` file or a bare TNEF stream, with the header of an Internet mail."""

from __future__ import annotations

import re
from email.utils import format_datetime

from service.mail import mime, msgfile, naming, plain, tnef
from service.mail.contents import Contents, Found, Inner, Segment
from service.mail.tnef import File


def read(data: bytes, path: str = "0") -> Inner | None:
    """Read a ``.msg`` or TNEF stream as a message; None if it is neither or too damaged."""
    if data.startswith(msgfile.SIGNATURE):
        return _msg(data, path)
    if data.startswith(tnef.START):
        return _tnef(data, path)
    return None


def _msg(data: bytes, path: str) -> Inner | None:
    message = msgfile.read(data)
    if message is None:
        return None
    header = message.headers or _header(message)
    contents = Contents(subject=message.subject)
    contents.segments.append(Segment(plain.lines(message.text), message.html))
    _files(contents, message.files, path)
    return Inner(_root(header, path), contents)


def _tnef(data: bytes, path: str) -> Inner | None:
    unpacked = tnef.read(data)
    if unpacked is None:
        return None
    contents = Contents(subject=unpacked.subject, defects=unpacked.defects)
    contents.segments.append(Segment(plain.lines(unpacked.text), unpacked.html))
    _files(contents, unpacked.files, path)
    return Inner(_root("", path), contents)


def _files(contents: Contents, files: list[File], path: str) -> None:
    for index, file in enumerate(files, 1):
        name = naming.safe(file.filename)
        contents.files.append(Found(name, file.content_type, file.payload, f"{path}/t{index}", file.inline))


def _root(header: str, path: str) -> mime.Part:
    """Return a part with only the header; its fields about the MIME structure do not apply to the file."""
    raw = header.replace("\x00", "").encode("utf-8", "replace").strip() + b"\n\n"
    root = mime.read(raw, set(), path)
    root.fields = [(name, value) for name, value in root.fields if not name.startswith("content-")]
    root.children, root.parameters, root.kind = [], {}, "text/plain"
    return root


def _header(message: msgfile.Message) -> str:
    sender = f'"{_line(message.sender_name)}" <{_line(message.sender_address)}>'
    lines = [
        f"From: {sender if message.sender_address else _line(message.sender_name)}",
        f"To: {_line(message.to).replace(';', ',')}",
        f"Cc: {_line(message.cc).replace(';', ',')}",
        f"Subject: {_line(message.subject)}",
    ]
    if message.date is not None:
        lines.append(f"Date: {format_datetime(message.date)}")
    if message.message_id:
        lines.append(f"Message-ID: {_line(message.message_id)}")
    return "\n".join(lines)


def _line(value: str) -> str:
    return re.sub(r'[\r\n"]+', " ", value).strip()
