"""Detects delivery reports: RFC 3464 reports and free-form ones.

No phrase is enough by itself, because people forward and quote bounces. Points are added for the sender, the null
return path, the subject, the words of the first lines, and a returned message.
"""

from __future__ import annotations

import re
from typing import Final

from service.mail import identifiers
from service.mail.contents import Contents
from service.mail.message import Bounce, Mail
from service.mail.mime import Part
from service.mail.word_lists import alternatives, linear, load

ENOUGH = 4
FIRST = 3_000
"""The words must be within this many characters of the text."""
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
_PATTERNS: Final = {name: alternatives(text) for name, text in load("automatic").items()}
_SUBJECT = linear(_PATTERNS["bounce_subject"])
_BODY = linear(_PATTERNS["bounce"])
_RETURNED = linear(f"(?m){_PATTERNS['returned']}")
_REPLY = re.compile(r"^\s*(?:re|fwd?|aw|wg|tr|rv|転送|返信)\s*[:：]", re.IGNORECASE)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45])(\d\d)[ -](?=\S)")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")
_SES = re.compile(r'\\?"(?:notificationType|eventType)\\?"\s*:\s*\\?"(?:Bounce|Complaint)', re.IGNORECASE)


def read(root: Part, head: Mail, found: Contents, text: str) -> Bounce | None:
    """Return the content of a delivery report; None if the mail is not one (a report of success is a receipt)."""
    status = [body for kind, body in found.reports if kind.endswith("delivery-status")]
    if status:
        return _report("\n".join(status), head, found, text)
    start = text[:FIRST]
    if not _free_form(root, head, found, start):
        return None
    return Bounce(_recipients(head, start), _status(start), _returned_id(found, text))


def delivered(found: Contents) -> bool:
    """Whether it is a delivery report in which nothing failed."""
    actions = [
        a.casefold() for k, body in found.reports if k.endswith("delivery-status") for a in _field(body, "action")
    ]
    return bool(actions) and all(a.startswith(("delivered", "relayed", "expanded")) for a in actions)


def _report(status: str, head: Mail, found: Contents, text: str) -> Bounce | None:
    if delivered(found):
        return None
    recipients: list[str] = []
    for block in re.split(r"\n[ \t]*\n", status):
        actions = [a.casefold() for a in _field(block, "action")]
        if any(a.startswith(("delivered", "relayed", "expanded")) for a in actions):
            continue
        named = _field(block, "final-recipient") or _field(block, "original-recipient")
        recipients += [m for value in named[:1] for m in _ADDRESS.findall(value)[-1:]]
    if not recipients:
        recipients = list(_recipients(head, text[:FIRST]))
    codes = [m for value in _field(status, "status") for m in _STATUS.findall(value)]
    code = next((c for c in codes if not c.startswith("2")), None) or _status(text[:FIRST])
    return Bounce(tuple(dict.fromkeys(recipients))[:MAX_RECIPIENTS], code, _returned_id(found, text))


def _field(block: str, name: str) -> list[str]:
    return [m.strip() for m in re.findall(rf"^{name}[ \t]*:[ \t]*([^\n]*)", block, re.IGNORECASE | re.MULTILINE)]


def _free_form(root: Part, head: Mail, found: Contents, start: str) -> bool:
    if _SES.search(start):
        return True
    subject = head.subject
    daemon = _daemon(head)
    if _REPLY.match(subject) and not daemon:
        return False
    titled = 2 if _SUBJECT.search(subject) else 0
    named = 3 if "x-failed-recipients" in head.headers else 0
    points = titled + named
    if daemon:
        points += 2
    elif head.from_ is not None and _LIST_DAEMON.search(head.from_.address):
        points += 1
    path = root.first("return-path")
    if path is not None and (path.strip() in (b"<>", b"") or b"mailer-daemon" in path.lower()):
        points += 2
    if points == 0:
        return False
    words = 2 if _BODY.search(start) else 0
    if not words and not titled and not named:
        return False
    points += words
    if found.returned or found.messages or _RETURNED.search(start):
        points += 1
    return points >= ENOUGH + (1 if not daemon and not named else 0)


def _daemon(head: Mail) -> bool:
    sender = head.from_
    if sender is None:
        return False
    return bool(_DAEMON.match(sender.address) or _DAEMON_NAME.search(sender.name) or _DAEMON.match(sender.name))


def _recipients(head: Mail, start: str) -> tuple[str, ...]:
    """Return the failed addresses of a free-form report: from its header, otherwise the first one in the text."""
    stated = head.headers.get("x-failed-recipients")
    if stated:
        return tuple(dict.fromkeys(_ADDRESS.findall(stated)))[:MAX_RECIPIENTS]
    own = {a.key for a in (*head.to, *([head.from_] if head.from_ else []))}
    cut = _RETURNED.search(start[200:])
    found = [a.rstrip(".") for a in _ADDRESS.findall(start[: 200 + cut.start()] if cut else start)]
    foreign = [a for a in found if a.casefold() not in own and not _DAEMON.match(a)]
    return tuple(dict.fromkeys(foreign))[:1]


def _status(start: str) -> str | None:
    match = _STATUS.search(start)
    if match is not None:
        return match[1]
    code = _CODE.search(start)
    return f"{code[1]}.0.0" if code else None


_ID_LINE = re.compile(r"^[ \t>]*message-id[ \t]*:\s*(<[^<>\s]{1,500}>)", re.IGNORECASE | re.MULTILINE)


def _returned_id(found: Contents, text: str) -> str | None:
    """Return the Message-ID of the mail that bounced; None if it is not found."""
    for part in [*found.returned[:3], *(inner.root for inner in found.messages[:1])]:
        own = identifiers.message_id(part.first("message-id"))
        if own:
            return own
        match = _ID_LINE.search(part.body[:50_000].decode("latin-1"))
        if match:
            return match[1]
    match = _ID_LINE.search(text[:50_000])
    return match[1] if match else None
