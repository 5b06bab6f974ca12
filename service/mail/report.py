"""The object that ``sodan parse`` prints for a mail (docs/reading.md). Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.mail.message import Address, Attachment, Bounce, Earlier, Mail


def report(mail: Mail, file: str, thread: str | None = None) -> dict[str, Any]:
    """Return ``mail`` as JSON-ready values; ``thread`` is its id from ``threads`` over all given files."""
    return {
        "file": file,
        "message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to[0] if mail.in_reply_to else None,
        "references": list(mail.references),
        "from": _one(mail.from_),
        "to": [str(a) for a in mail.to],
        "cc": [str(a) for a in mail.cc],
        "subject": mail.subject,
        "date": mail.date.isoformat() if mail.date else None,
        "text": mail.text,
        "reply_text": mail.reply_text,
        "attachments": [_attachment(a) for a in mail.attachments],
        "forwarded": [_earlier(e) for e in mail.forwarded],
        "history": [_earlier(e) for e in mail.history],
        "intro": mail.intro,
        "language": mail.language,
        "automatic": mail.automatic,
        "auto_submitted": mail.auto_submitted,
        "bounce": mail.bounce is not None,
        "bounce_report": _bounce(mail.bounce),
        "defects": list(mail.defects),
        "thread": thread,
        "error": mail.error,
    }


def _one(address: Address | None) -> str | None:
    return str(address) if address else None


def _bounce(bounce: Bounce | None) -> dict[str, Any] | None:
    if bounce is None:
        return None
    return {"recipients": list(bounce.recipients), "status": bounce.status, "message_id": bounce.message_id}


def _attachment(file: Attachment) -> dict[str, Any]:
    return {
        "filename": file.filename,
        "content_type": file.content_type,
        "size": file.size,
        "sha256": file.sha256,
        "inline": file.inline,
        "part": file.part,
    }


def _earlier(mail: Earlier) -> dict[str, Any]:
    return {
        "origin": mail.origin,
        "from": _one(mail.from_),
        "to": [str(a) for a in mail.to],
        "cc": [str(a) for a in mail.cc],
        "subject": mail.subject,
        "date": mail.date.isoformat() if mail.date else None,
        "zone_assumed": mail.zone_assumed,
        "text": mail.text,
        "message_id": mail.message_id,
    }


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
