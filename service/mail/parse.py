"""Parses the raw bytes of a mail into a ``Mail``; irregularities become defects.

MIME parts → header → kinds of the parts → body as text → new text, quoted and forwarded mails → automatic or not
"""

from dataclasses import replace
from hashlib import sha256

from service.mail import automatic, bounce, headers, mime, msgfile, structure, tnef
from service.mail.body import split_body
from service.mail.contents import Contents, DecodedFile, InnerMessage
from service.mail.language import language_of
from service.mail.message import Attachment, Earlier, Mail

MAX_ATTACHED = 50  # maximum number of attached mails that are parsed; others are only files
MAX_NESTING = 6
MAX_COMPLAINT = 20_000  # maximum number of characters of the mail that an abuse report returns


def parse(raw: bytes) -> Mail:
    """Parse one mail; never raises. A mail that cannot be parsed has the defect ``unreadable``."""
    if not raw.strip():
        return Mail(error="empty mail", defects=("empty",))
    defects: set[str] = set()
    try:
        return _message(_open(raw, defects), defects, 0)
    except Exception as error:  # last resort: no mail may be lost because it is malformed
        return Mail(
            text=raw[:100_000].decode("utf-8", "replace").replace("\x00", ""),
            defects=tuple(sorted(defects | {"unreadable", f"unreadable-{type(error).__name__.lower()}"})),
        )


def attachment(raw: bytes, part: str) -> bytes:
    """Return the bytes of the attachment whose ``Attachment.part`` is ``part``. Raises KeyError if there is none."""
    messages = [_open(raw, set())]
    for inner in messages:  # grows by the messages inside
        contents = inner.contents or structure.classify(inner.root)
        for file in contents.files:
            if file.path == part:
                return file.payload
        messages += contents.messages[: MAX_ATTACHED * 4 - len(messages)]
    raise KeyError(part)


def attached_mail(raw: bytes, part: str) -> bytes:
    """Return the bytes of the attached mail with this ``Earlier.raw_part``. Raises KeyError if there is none."""
    return attachment(raw, "0" if part == "m" else part.removesuffix(".m"))


def _open(raw: bytes, defects: set[str]) -> InnerMessage:
    """Return the message in the bytes of an Internet mail, a ``.msg`` file or a TNEF stream."""
    if raw.startswith(tnef.START):
        return InnerMessage(mime.Part(b"", [], 0, 0), tnef.read(raw, "0"))
    return msgfile.read(raw, "0") or InnerMessage(mime.read(raw, defects))


def _message(inner: InnerMessage, defects: set[str], nesting: int) -> Mail:
    root = inner.root
    contents = inner.contents or structure.classify(root)
    header = headers.read(root, defects)
    defects |= contents.defects
    text = contents.text()
    if contents.events:
        text = f"{contents.events[0].line}\n\n{text}".rstrip("\n")
    bounce_report = bounce.read(root, header, contents, text)
    subject = header.subject or contents.subject
    if len(subject) > headers.MAX_SUBJECT:
        defects.add("header-cut")
        subject = subject[: headers.MAX_SUBJECT].rstrip()
    titled = header if header.subject == subject else replace(header, subject=subject)
    mail = split_body(titled, text, contents.html(), defects)
    attached, quoted_in_attached = _attached(contents, defects, nesting)
    forwarded = (*mail.forwarded, *attached)
    # a line in a bounce such as "<x@y>: host z said:" is a reply of a server, not an earlier mail
    history = [one for one in mail.history if not bounce_report or one.date or one.subject or one.message_id]
    # if a person forwards an automatic mail without a comment, the forwarding mail is not automatic
    new_text = mail.reply_text if forwarded else mail.reply_text or text
    kind = automatic.kind_of(header, contents, new_text, bounce_report)
    return replace(
        mail,
        text="\n\n".join(filter(None, (contents.title(), text, _quoted_complaint(contents)))),
        intro=mail.reply_text if forwarded else "",
        forwarded=forwarded,
        history=(*history, *quoted_in_attached),
        language=language_of(mail.reply_text or text),
        attachments=tuple(map(_attachment, contents.files)),
        automatic=kind,
        auto_submitted=automatic.sent_by_machine(header, kind),
        bounce=bounce_report,
        defects=tuple(sorted(defects)),
    )


def _attachment(file: DecodedFile) -> Attachment:
    digest = sha256(file.payload).hexdigest()
    return Attachment(file.filename, file.content_type, len(file.payload), digest, file.path, file.inline)


def _quoted_complaint(contents: Contents) -> str:
    """Return the mail that an abuse report (RFC 5965) returns as quoted lines, or ""."""
    if not contents.returned or not any(kind == "message/feedback-report" for kind, _ in contents.reports):
        return ""
    text = structure.classify(contents.returned[0]).text()[:MAX_COMPLAINT]
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n")) if text.strip() else ""


def _attached(contents: Contents, defects: set[str], nesting: int) -> tuple[list[Earlier], list[Earlier]]:
    """Return (attached mails with the mails forwarded in them, mails quoted in attached mails)."""
    attached: list[Earlier] = []
    quoted: list[Earlier] = []
    for inner in contents.messages[:MAX_ATTACHED]:
        if nesting >= MAX_NESTING:
            defects.add("mime-deep")
            break
        mail = _message(inner, set(), nesting + 1)
        attached.append(
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
        attached.extend(mail.forwarded)
        quoted.extend(mail.history)
    return attached, quoted
