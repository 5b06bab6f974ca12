"""The object that ``sodan parse`` prints for a mail (docs/reading.md). Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from service.mail.message import Address, Attachment, Bounce, Earlier, Mail


def report(mail: Mail, file: str, thread: str | None = None) -> dict[str, Any]:
    """Return ``mail`` as JSON-ready values; ``thread`` is its id from ``threads`` over all given files."""
    return {
        "file": file,
        "message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to[0] if mail.in_reply_to else None,
        **_shown(mail, "references from_ to cc subject date text reply_text attachments forwarded history"),
        **_shown(mail, "intro language automatic auto_submitted"),
        "bounce": mail.bounce is not None,
        "bounce_report": _json(mail.bounce),
        "defects": list(mail.defects),
        "thread": thread,
        "error": mail.error,
    }


def _shown(value: object, names: str) -> dict[str, Any]:
    return {name.rstrip("_"): _json(getattr(value, name)) for name in names.split()}


def _json(value: Any) -> Any:
    """Return the value of a field as JSON-ready values."""
    match value:
        case Address():
            return str(value)
        case datetime():
            return value.isoformat()
        case tuple():
            return [_json(one) for one in value]
        case Attachment():
            return _shown(value, "filename content_type size sha256 inline part")
        case Earlier():
            return _shown(value, "origin from_ to cc subject date zone_assumed text message_id")
        case Bounce():
            return _shown(value, "recipients status message_id")
    return value


def threads(mails: Sequence[Mail]) -> list[str]:
    """Return a thread id for each mail; mails linked by Message-ID, In-Reply-To or References have the same id.

    Mails that name the same id are linked even if no given mail has it. A thread's id is the Message-ID of its first
    mail; it depends on the order of the mails, but the grouping does not.
    """
    roots: dict[str, str] = {}

    def find(node: str) -> str:
        trail = []
        while roots.setdefault(node, node) != node:
            trail.append(node)
            node = roots[node]
        for passed in trail:
            roots[passed] = node
        return node

    own: list[str] = []
    for index, mail in enumerate(mails):
        mine = mail.message_id or f"<{index}@no-message-id>"
        own.append(mine)
        for other in (*mail.references, *mail.in_reply_to):
            a, b = find(mine), find(other)
            if a != b:
                roots[b] = a
    return [find(mine) for mine in own]
