"""Outlook's own formats as mails: a ``.msg`` file or a bare TNEF stream, with the header of an Internet mail."""

from __future__ import annotations

from service.mail import mime, msgfile, naming, plain, tnef
from service.mail.contents import Contents, Found, Inner, Segment
from service.mail.mapi import Item


def read(data: bytes, path: str = "0") -> Inner | None:
    """Read a ``.msg`` or TNEF stream as a message; None if it is neither or too damaged."""
    if data.startswith(msgfile.SIGNATURE):
        item = msgfile.read(data)
    else:
        item = tnef.read(data) if data.startswith(tnef.START) else None
    if item is None:
        return None
    segment = Segment(plain.lines(item.text), item.html)
    contents = Contents([segment], files(item, path), subject=item.subject, defects=item.defects)
    return Inner(_root(item.header, path), contents)


def files(item: Item, path: str) -> list[Found]:
    """Return the files of an item in the part ``path``."""
    return [
        Found(naming.safe(file.filename), file.content_type, file.payload, f"{path}/t{index}", file.inline)
        for index, file in enumerate(item.files, 1)
    ]


def _root(header: str, path: str) -> mime.Part:
    """Return a part with only the header; its fields about the MIME structure do not apply to the file."""
    raw = header.replace("\x00", "").encode("utf-8", "replace").strip() + b"\n\n"
    root = mime.read(raw, set(), path)
    root.fields = [(name, value) for name, value in root.fields if not name.startswith("content-")]
    root.children, root.parameters, root.kind = [], {}, "text/plain"
    return root
