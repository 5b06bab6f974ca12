"""The output of ``sodan parse`` (docs/reading.md)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from service.mail.message import Address, Attachment, Bounce, Earlier, Mail


def report(mail: Mail, file: str, thread: str | None = None) -> dict[str, Any]:
    """Return the JSON object for a mail. ``thread``: the id of its thread (see ``threads``)."""
    return {
        "file": file,
        "message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to[0] if mail.in_reply_to else None,
        **_selected(mail, "references from_ to cc subject date text reply_text attachments forwarded history"),
        **_selected(mail, "intro language automatic auto_submitted"),
        "bounce": mail.bounce is not None,
        "bounce_report": _json(mail.bounce),
        "defects": list(mail.defects),
        "thread": thread,
        "error": mail.error,
    }


def _selected(value: object, names: str) -> dict[str, Any]:
    return {name.rstrip("_"): _json(getattr(value, name)) for name in names.split()}


def _json(value: Any) -> Any:
    match value:
        case Address():
            return str(value)
        case datetime():
            return value.isoformat()
        case tuple():
            return [_json(item) for item in value]
        case Attachment():
            return _selected(value, "filename content_type size sha256 inline part")
        case Earlier():
            return _selected(value, "origin from_ to cc subject date zone_assumed text message_id")
        case Bounce():
            return _selected(value, "recipients status message_id")
    return value


def threads(mails: Sequence[Mail]) -> list[str]:
    """Return the id of each mail's thread.

    In-Reply-To and References join mails. Two mails that name the same third mail are also in one thread.
    """
    roots: dict[str, str] = {}

    def find(node: str) -> str:
        while roots.setdefault(node, node) != node:
            roots[node] = node = roots[roots[node]]
        return node

    ids: list[str] = []
    for index, mail in enumerate(mails):
        own_id = mail.message_id or f"<{index}@no-message-id>"
        ids.append(own_id)
        for other in (*mail.references, *mail.in_reply_to):
            roots[find(other)] = find(own_id)
    return [find(own_id) for own_id in ids]
