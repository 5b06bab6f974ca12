"""Detects delivery reports (bounces), in the format of RFC 3464 or in free text.

Free text is judged by points, because people forward and quote bounces, so that a phrase alone proves nothing. There
are points for the sender, the null return path, the subject, the wording, and a returned message.
"""

import re
from typing import Final

from service.mail import forward, identifiers, transfer
from service.mail.contents import Contents
from service.mail.message import Address, Bounce, Mail
from service.mail.mime import Part
from service.mail.word_lists import alternatives, linear, load

ENOUGH = 4
FIRST = 3_000  # number of characters of the text that are examined
MAX_RECIPIENTS = 100

_DAEMON = re.compile(
    r"^(?:mailer[-_.]?daemon|mail[-_.]?daemon|post[-_.]?master|poostmaster|mdaemon"
    r"|mail[-_.]delivery[-_.](?:sub)?system|double-bounce|bounces?|mail[-_.]?system|mailsystem|smtp[-_.]?daemon"
    r"|mda|mta|ndr)(?:[-+].*)?(?:@|$)",
    re.IGNORECASE,
)
_DAEMON_NAME = re.compile(
    r"mail deliver(?:y|) (?:sub)?system|mailer.?daemon|postmaster|system administrator|mail administrator"
    r"|ndr administrator|mail delivery|interscan|internet mail delivery|メール配信システム|メールシステム",
    re.IGNORECASE,
)
_LIST_DAEMON = re.compile(r"-(?:admin|owner|request|bounces?)@", re.IGNORECASE)
PATTERNS: Final = {name: alternatives(text) for name, text in load("automatic").items()}
_SUBJECT, _BODY, _RETRIED = (linear(PATTERNS[name]) for name in ("bounce_subject", "bounce", "retried"))
_RETURNED = linear(f"(?m){PATTERNS['returned']}")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45])(\d\d)[ -](?=\S)")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")
_DELAYED: Final = "4.0.0"  # status of a delay that states no other (RFC 3463 §2)
_ORIGINAL: Final = ("original-message-id", "x-original-message-id")
"""Fields of a delivery status with the Message-ID of the mail, as Google writes it."""
_SES = re.compile(r'\\?"(?:notificationType|eventType)\\?"\s*:\s*\\?"(?:Bounce|Complaint)', re.IGNORECASE)


def read(root: Part, header: Mail, contents: Contents, text: str) -> Bounce | None:
    """Return the content of a delivery report. None for other mail, and for a report of success."""
    if status := _delivery_status(contents):
        return _rfc3464_report(status, header, contents, text)
    start = text[:FIRST]
    if not _free_form(root, header, contents, start):
        return None
    return Bounce(_recipients(header, start), _status(start), _returned_id(contents, text))


def is_success_report(contents: Contents) -> bool:
    """Return whether the mail is a delivery report that lists only successful deliveries."""
    actions = _values(_delivery_status(contents), "action")
    return bool(actions) and all(map(_has_succeeded, actions))


def _delivery_status(contents: Contents) -> str:
    return "\n".join(f"{body}\n" for kind, body in contents.reports if kind.endswith("delivery-status"))


def _has_succeeded(action: str) -> bool:
    return action.casefold().startswith(("delivered", "relayed", "expanded"))


def _rfc3464_report(status: str, header: Mail, contents: Contents, text: str) -> Bounce | None:
    if is_success_report(contents):
        return None
    recipients: list[str] = []
    codes: dict[bool, list[str]] = {True: [], False: []}  # whether the recipient may still get it → status codes
    for block in re.split(r"\n[ \t]*\n", status):
        actions = [action.casefold() for action in _values(block, "action")]
        if any(map(_has_succeeded, actions)):
            continue
        recipient = _values(block, "final-recipient") or _values(block, "original-recipient")
        recipients += [m for value in recipient[:1] for m in _ADDRESS.findall(value)[-1:]]
        found = [m for value in _values(block, "status") for m in _STATUS.findall(value) if not m.startswith("2")]
        is_delayed = any(action.startswith("delayed") for action in actions)
        codes[is_delayed] += ([code for code in found if code[0] == "4"] or [_DELAYED]) if is_delayed else found
    recipients = recipients or list(_recipients(header, text[:FIRST]))
    code = next(iter([*codes[False], *codes[True]]), None) or _status(text[:FIRST])
    stated = (identifiers.message_id(value.encode()) for name in _ORIGINAL for value in _values(status, name))
    returned_id = _returned_id(contents, text) or next(filter(None, stated), None)
    return Bounce(tuple(dict.fromkeys(recipients))[:MAX_RECIPIENTS], code, returned_id)


def _values(block: str, name: str) -> list[str]:
    return [m.strip() for m in re.findall(rf"^{name}[ \t]*:[ \t]*([^\n]*)", block, re.IGNORECASE | re.MULTILINE)]


def _free_form(root: Part, header: Mail, contents: Contents, start: str) -> bool:
    if _SES.search(start):
        return True
    subject = header.subject
    sender = header.from_ or Address()
    from_daemon = bool(_DAEMON.match(sender.address) or _DAEMON_NAME.search(sender.name) or _DAEMON.match(sender.name))
    if forward.prefix_of(subject) and not from_daemon:
        return False
    subject_points = 2 if _SUBJECT.search(subject) else 0
    header_points = 3 if "x-failed-recipients" in header.headers else 0
    sender_points = 2 if from_daemon else 1 if _LIST_DAEMON.search(sender.address) else 0
    path = root.first("return-path")
    if path is not None and (path.strip() in (b"<>", b"") or b"mailer-daemon" in path.lower()):
        sender_points += 2
    head_points = subject_points + header_points
    points = head_points + (2 if _BODY.search(start) else 0)
    if not points or not head_points + sender_points:
        return False
    points += sender_points + bool(contents.returned or contents.messages or _RETURNED.search(start))
    return points >= (ENOUGH if from_daemon or header_points else ENOUGH + 1)


def _recipients(header: Mail, start: str) -> tuple[str, ...]:
    """Return the failed addresses of a free-text report, from X-Failed-Recipients or the text."""
    stated = header.headers.get("x-failed-recipients")
    if stated:
        return tuple(dict.fromkeys(_ADDRESS.findall(stated)))[:MAX_RECIPIENTS]
    participants = {a.key for a in (*header.to, *([header.from_] if header.from_ else []))}
    returned_mail = _RETURNED.search(start[200:])
    report = start[: 200 + returned_mail.start()] if returned_mail else start
    addresses = [address.rstrip(".") for address in _ADDRESS.findall(report)]
    foreign = [a for a in addresses if a.casefold() not in participants and not _DAEMON.match(a)]
    return tuple(dict.fromkeys(foreign))[:1]


def _status(start: str) -> str | None:
    if (status := _STATUS.search(start)) is not None:
        return status[1]
    if (code := _CODE.search(start)) is not None:
        return f"{code[1]}.0.0"
    return _DELAYED if _RETRIED.search(start) else None


_ID_LINE = re.compile(r"^[ \t>]*message-id[ \t]*:\s*(<[^<>\s]{1,500}>)", re.IGNORECASE | re.MULTILINE)


def _returned_id(contents: Contents, text: str) -> str | None:
    """Return the Message-ID of the mail that bounced, from an attachment or the text, or None."""
    parts = [*contents.returned[:3], *(inner.root for inner in contents.messages[:1])]
    for part in parts:
        if returned_id := identifiers.message_id(part.first("message-id")):
            return returned_id
    bodies = [transfer.decode(part.body[:50_000], part.first("content-transfer-encoding"))[0] for part in parts]
    bodies += [file.payload[:50_000] for file in contents.files[:3] if file.content_type.startswith("text/")]
    texts = [*(body.decode("latin-1") for body in bodies), text[:50_000]]
    return next((match[1] for text in texts if (match := _ID_LINE.search(text))), None)
