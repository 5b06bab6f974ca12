"""Reads Outlook's ``.msg`` files ([MS-OXMSG])."""

import io
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import olefile

from service.mail import mime
from service.mail.contents import Contents, InnerMessage
from service.mail.mapi import NAMES, Properties, add_body, add_file, decode_value

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_BYTES = 100_000_000
MAX_STREAM = 20_000_000
MAX_ENTRIES = 5_000
MAX_FILES = 200
_SUBMITTED, _DELIVERED = b"\x40\x00\x39\x00", b"\x40\x00\x06\x0e"  # type and id of a property
_STREAM = re.compile(r"__substg1\.0_([0-9A-F]{4})(001E|001F|0102)(?:-[0-9A-F]{8})?$")


def read(data: bytes, path: str) -> InnerMessage | None:
    """Return the mail in a ``.msg`` file in the MIME part ``path``; None if it is unreadable."""
    if not data.startswith(SIGNATURE) or len(data) > MAX_BYTES:
        return None
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as container:  # type: ignore[no-untyped-call]
            return _message(container, path)
    except Exception:  # olefile raises many kinds of errors on damaged files
        return None


def _message(container: olefile.OleFileIO, path: str) -> InnerMessage | None:
    streams: list[list[str]] = container.listdir()  # type: ignore[no-untyped-call]
    if len(streams) > MAX_ENTRIES:
        return None
    properties = _properties(container, [stream for stream in streams if len(stream) == 1])
    if not properties:
        return None
    contents = Contents(subject=properties.text("subject"))
    add_body(contents, properties, None)
    by_file: dict[str, list[list[str]]] = {}
    for stream in streams:
        if len(stream) == 2 and stream[0].startswith("__attach_version1.0"):
            by_file.setdefault(stream[0], []).append(stream)
    for name in sorted(by_file)[:MAX_FILES]:
        file = _properties(container, by_file[name])
        payload = file.get("data")
        if isinstance(payload, bytes):
            filename, inline = file.text("filename_long", "filename"), bool(file.text("content_id"))
            add_file(contents, path, filename, payload, file.text("mime"), inline=inline)
    header = properties.text("transport_headers") or _header(properties, _submitted(container))
    return InnerMessage(_root(header, path), contents)


def _root(header: str, path: str) -> mime.Part:
    """Return a part with only the header. Content- fields are left out, because they do not describe this file."""
    raw = header.replace("\x00", "").encode("utf-8", "replace").strip() + b"\n\n"
    fields = mime.read(raw, set(), path).fields
    return mime.Part(b"", [(name, value) for name, value in fields if not name.startswith("content-")], 0, 0, path)


def _properties(container: olefile.OleFileIO, paths: list[list[str]]) -> Properties:
    properties = Properties()
    for path in paths:
        match = _STREAM.match(path[-1])
        name = NAMES.get(int(match[1], 16)) if match else None
        if match and name and container.get_size(path) <= MAX_STREAM:  # type: ignore[no-untyped-call]
            raw: bytes = container.openstream(path).read()  # type: ignore[no-untyped-call]
            properties[name] = decode_value(int(match[2], 16), raw, "cp1252")
    return properties


def _submitted(container: olefile.OleFileIO) -> datetime | None:
    """Return when the mail was submitted or delivered; None if unknown.

    The stream begins with 32 bytes of other data. Each property has 16 bytes.
    """
    if not container.exists("__properties_version1.0"):  # type: ignore[no-untyped-call]
        return None
    raw: bytes = container.openstream("__properties_version1.0").read(MAX_STREAM)  # type: ignore[no-untyped-call]
    values = {raw[at : at + 4]: int.from_bytes(raw[at + 8 : at + 16], "little") for at in range(32, len(raw) - 15, 16)}
    ticks = values.get(_SUBMITTED) or values.get(_DELIVERED)
    try:
        return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10) if ticks else None
    except OverflowError:
        return None


def _header(properties: Properties, date: datetime | None) -> str:
    """Return a header made from the properties, for a mail that was not sent over the Internet."""
    addresses = (properties.text(name) for name in ("sender_smtp", "sender_smtp_represented", "sender_address"))
    address = next((candidate for candidate in addresses if "@" in candidate), "")
    names = ("sender_name", "to", "cc", "subject", "message_id")
    sender, to, cc, subject, id = (_line(properties.text(name)) for name in names)
    lines = [
        f'From: "{sender}" <{_line(address)}>' if address else f"From: {sender}",
        f"To: {to.replace(';', ',')}",
        f"Cc: {cc.replace(';', ',')}",
        f"Subject: {subject}",
        f"Date: {format_datetime(date)}" if date is not None else "",
        f"Message-ID: {id}" if id else "",
    ]
    return "\n".join(filter(None, lines))


def _line(value: str) -> str:
    return re.sub(r'[\r\n"]+', " ", value).strip()
