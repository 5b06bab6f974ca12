"""Parses bytes into a ``Mail``. Never raises; oddities become defects.

split into parts → header → kind of each part → whole body as text → new text, quotes, forwards → machine or person
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from service.mail import automatic, bounce, headers, mime, outlook_files, structure
from service.mail.body import read_body
from service.mail.contents import Contents, Found, Inner
from service.mail.language import language_of
from service.mail.message import Attachment, Bounce, Earlier, Mail

MAX_ATTACHED = 50
"""Maximum number of attached mails that are parsed; further ones stay files."""
MAX_ATTACHED_DEPTH = 6
MAX_COMPLAINT = 20_000
"""Maximum number of characters shown of the mail that an abuse report is about."""


def parse(raw: bytes) -> Mail:
    """Parse one mail; never raises.

    In the result, ``defects`` lists codes of oddities, and ``error`` is set only for an empty mail. A mail that cannot
    be parsed has the defect ``unreadable``.
    """
    if not raw.strip():
        return Mail(error="empty mail", defects=("empty",))
    defects: set[str] = set()
    try:
        return _message(_open(raw, defects), defects, 0)
    except Exception as trouble:  # last resort: no mail may be lost because it is malformed
        return Mail(
            text=raw[:100_000].decode("utf-8", "replace").replace("\x00", ""),
            defects=tuple(sorted(defects | {"unreadable", f"unreadable-{type(trouble).__name__.lower()}"})),
        )


def attachment(raw: bytes, part: str) -> bytes:
    """Return the bytes of the attachment with that ``Attachment.part``; raises ``KeyError`` if there is none."""
    queue = [_open(raw, set())]
    for _ in range(MAX_ATTACHED * 4):
        if not queue:
            break
        inner = queue.pop(0)
        found = inner.contents or structure.contents(inner.root)
        for file in found.files:
            if file.path == part:
                return file.payload
        queue.extend(found.messages)
    raise KeyError(part)


def _open(raw: bytes, defects: set[str]) -> Inner:
    """Open the bytes as a message: Internet mail, or one of Outlook's formats."""
    return outlook_files.read(raw) or Inner(mime.read(raw, defects))


def _message(inner: Inner, defects: set[str], depth: int) -> Mail:
    root = inner.root
    found = inner.contents or structure.contents(root)
    head = headers.read(root, defects)
    defects |= found.defects
    text = found.text()
    if found.events:
        text = f"{found.events[0].line}\n\n{text}".rstrip("\n")
    report = bounce.read(root, head, found, text)
    subject = head.subject or found.subject
    if len(subject) > headers.MAX_SUBJECT:
        defects.add("header-cut")
        subject = subject[: headers.MAX_SUBJECT].rstrip()
    body = read_body(text, found.html(), subject=subject, date=head.date)
    defects.update(body.defects)
    intro, forwarded = body.intro, body.forwarded
    attached, quoted_there = _attached(found, defects, depth)
    if attached and not forwarded:
        intro = body.reply_text
    # a mail forwarded without a comment may be automatic, but the forwarding mail is not
    new_text = body.reply_text if forwarded or attached else body.reply_text or text
    kind = automatic.kind(head, found, new_text, report)
    return replace(
        head,
        subject=subject,
        text="\n\n".join(filter(None, (found.title(), text, _complaint(found)))),
        reply_text=body.reply_text,
        quoted_text=body.quoted_text,
        intro=intro,
        signature=body.signature,
        forwarded=(*forwarded, *attached),
        history=(*_written(body.history, report), *quoted_there),
        language=language_of(body.reply_text or text),
        attachments=tuple(_describe(file) for file in found.files),
        automatic=kind,
        auto_submitted=automatic.submitted(head, kind),
        bounce=report,
        defects=tuple(sorted(defects)),
    )


def _written(history: Sequence[Earlier], report: Bounce | None) -> Sequence[Earlier]:
    """Return the earlier mails that people wrote.

    In a bounce, "<x@y>: host z said:" is followed by the reply of a server, not by an earlier mail.
    """
    if report is None:
        return history
    return [earlier for earlier in history if earlier.date or earlier.subject or earlier.message_id]


def _complaint(found: Contents) -> str:
    """Return the text of the mail that an abuse report (RFC 5965) is about, as a quote; otherwise empty."""
    if not found.returned or not any(kind == "message/feedback-report" for kind, _ in found.reports):
        return ""
    text = structure.contents(found.returned[0]).text()[:MAX_COMPLAINT]
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n")) if text.strip() else ""


def _describe(file: Found) -> Attachment:
    return Attachment(
        filename=file.filename,
        content_type=file.content_type,
        size=len(file.payload),
        sha256=hashlib.sha256(file.payload).hexdigest(),
        part=file.path,
        inline=file.inline,
    )


def _attached(found: Contents, defects: set[str], depth: int) -> tuple[list[Earlier], list[Earlier]]:
    """Return the attached mails, each followed by the mails forwarded inside it; and the mails quoted in them."""
    out: list[Earlier] = []
    quoted: list[Earlier] = []
    for inner in found.messages[:MAX_ATTACHED]:
        if depth >= MAX_ATTACHED_DEPTH:
            defects.add("mime-deep")
            break
        mail = _message(inner, set(), depth + 1)
        out.append(
            Earlier(
                origin="attached",
                from_=mail.from_,
                to=mail.to,
                cc=mail.cc,
                subject=mail.subject,
                date=mail.date,
                text=mail.reply_text or mail.text,
                message_id=mail.message_id,
                in_reply_to=mail.in_reply_to,
                references=mail.references,
                attachments=mail.attachments,
                raw_part=inner.root.path,
            )
        )
        out.extend(mail.forwarded)
        quoted.extend(mail.history)
    return out, quoted
