"""Reads mails in Outlook's formats: a ``.msg`` file, or a TNEF stream that is not inside an Internet mail."""

from service.mail import mime, msgfile, plain, tnef
from service.mail.contents import Contents, DecodedFile, Inner, Segment, safe_name
from service.mail.mapi import Item


def read(data: bytes, path: str = "0") -> Inner | None:
    """Return the message in a ``.msg`` file or TNEF stream; None if the data is neither or too damaged."""
    item = msgfile.read(data) or (tnef.read(data) if data.startswith(tnef.START) else None)
    if item is None:
        return None
    segment = Segment(plain.lines(item.text), item.html)
    contents = Contents([segment], files(item, path), subject=item.subject, defects=item.defects)
    return Inner(_root(item.header, path), contents)


def files(item: Item, path: str) -> list[DecodedFile]:
    """Return the files of a mail that is in the MIME part ``path``."""
    return [
        DecodedFile(safe_name(file.filename), file.content_type, file.payload, f"{path}/t{index}", file.inline)
        for index, file in enumerate(item.files, 1)
    ]


def _root(header: str, path: str) -> mime.Part:
    """Return a part with only the header. Content- fields are left out, because they do not describe this file."""
    raw = header.replace("\x00", "").encode("utf-8", "replace").strip() + b"\n\n"
    root = mime.read(raw, set(), path)
    root.fields = [(name, value) for name, value in root.fields if not name.startswith("content-")]
    root.children, root.parameters, root.kind = [], {}, "text/plain"
    return root
