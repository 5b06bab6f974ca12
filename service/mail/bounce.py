"""Detects delivery reports: RFC 3464 reports and free-form ones.

No phrase is enough by itself, because people forward and quote bounces. Points are added for the sender, the null
return path, the subject, the words of the first lines, and a returned message.
"""

from __future__ import annotations

import re

from service.mail import identifiers
from service.mail.contents import Contents
from service.mail.headers import Headers
from service.mail.message import Bounce
from service.mail.mime import Part
from service.mail.phrase_patterns import words as _words

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
_SUBJECT = _words(
    r"undeliver(?:able|ed)"
    r"|delivery (?:status|fail|has failed|problem|error|delay|report|notification|incomplete)|failed delivery"
    r"|failure (?:notice|delivery)|returned (?:mail|message|to sender)|returning (?:message|to sender)"
    r"|mail (?:delivery|failure|failed|could not|system error)|message (?:could not be|not|was not) delivered"
    r"|not (?:be )?delivered|delivery failure|non[- ]?deliver|delayed mail|could ?n[o']t send|error sending"
    r"|warning: (?:message|could)|e-?mail delivery|failed to deliver|unable to deliver|bounced"
    r"|are not (?:a )?member|loop alert|smtp server: errors|aws notification|mail delivered|undelivered"
    r"|unzustellbar|nicht zugestellt|zustellung|non remis|échec de|rapport de non|non recapitat|mancato recapito"
    r"|no (?:se )?(?:pudo |puede )?entrega|não entregue|niet (?:bezorgd|afgeleverd)|onbestelbaar|не доставлено"
    r"|недоставлен|kunne ikke leveres|kunde inte levereras|nie dostarczono|teslim edilemedi|退信"
    r"|无法(?:投递|送达)|無法傳遞|배달 ?(?:실패|불가)|전송 ?실패|メールエラー|エラー通知|配信不能"
    r"|配信(?:に失敗|でき|エラー|不可)|(?:送信|配送|送達)(?:でき|エラー|失敗|不能|不可)|不達|宛先不明"
    r"|配達(?:でき|不能)|届きませんでした"
)
_BODY = _words(
    r"(?:could ?n[o']t|can ?n[o']t|could not|not|unable to|failed to) (?:be |been |yet been )?(?:deliver"
    r"|sen[dt])"
    r"|able to deliver|delivery (?:to the following|has failed|failed|attempt|of your|status|problem|error)"
    r"|trouble delivering|did not reach|undeliverable|permanent(?: fatal)? error|transcript of (?:the )?session"
    r"|had delivery problems|following address(?:es)?(?:\(es\))?(?: failed|:| had)|address rejected|user unknown"
    r"|unknown user|no such (?:user|mailbox)|mailbox (?:is )?(?:full|unavailable|not found)|host unknown"
    r"|still being retried|mail delivery software|delivered to mobile|recipient addresses that"
    r"|original mail as follow|not (?:a )?member of this|error occurred while trying to deliver"
    r"|message log follows|delivery failure|delivery notification|failure reasons|mail system at host"
    r"|mailbox does not exist|recipient'?s? (?:mailbox|address|server)|over quota"
    r"|exceeded (?:its|the|his) (?:storage|quota)|no valid recipients|message could not be|notificationType\\?\""
    r"|will (?:keep|continue) trying|delayed \d+ hours|out of (?:disk )?space|nicht zugestellt|konnte nicht"
    r"|n'a pas pu|n’a pas pu|non è stato possibile|no se ha podido|no pudo|не (?:может быть|удалось|доставлен)"
    r"|无法投递|未送达|배달되지|전달되지"
    r"|(?:送信|配信|配送|送達|お届け|配達)(?:することが)?(?:でき|に失敗|エラー|不能)"
    r"|宛先(?:が|の|は|メール)[^\n]{0,20}(?:見つかり|存在し|不明)|届きませんでした|エラーのため"
    r"|ユーザーが見つかりません|メールボックスが[^\n]{0,10}(?:いっぱい|一杯|満杯)"
    r"|ディレクトリのリストにありません"
)
_RETURNED = _words(
    r"(?m)-{3,}[^\n]{0,40}(?:original|returned|unsent|copy of|header|message|以下|ヘッダ|元の)"
    r"|original message follow|below this line|return-path:|^received: (?:from|by)|----- transcript|のメッセージ"
)
_REPLY = re.compile(r"^\s*(?:re|fwd?|aw|wg|tr|rv|転送|返信)\s*[:：]", re.IGNORECASE)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45])(\d\d)[ -](?=\S)")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")
_SES = re.compile(r'\\?"(?:notificationType|eventType)\\?"\s*:\s*\\?"(?:Bounce|Complaint)', re.IGNORECASE)


def read(root: Part, head: Headers, found: Contents, text: str) -> Bounce | None:
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


def _report(status: str, head: Headers, found: Contents, text: str) -> Bounce | None:
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


def _free_form(root: Part, head: Headers, found: Contents, start: str) -> bool:
    if _SES.search(start):
        return True
    subject = head.subject
    daemon = _daemon(head)
    if _REPLY.match(subject) and not daemon:
        return False
    titled = 2 if _SUBJECT.search(subject) else 0
    named = 3 if "x-failed-recipients" in head.facts else 0
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


def _daemon(head: Headers) -> bool:
    sender = head.from_
    if sender is None:
        return False
    return bool(_DAEMON.match(sender.address) or _DAEMON_NAME.search(sender.name) or _DAEMON.match(sender.name))


def _recipients(head: Headers, start: str) -> tuple[str, ...]:
    """Return the failed addresses of a free-form report: from its header, otherwise the first one in the text."""
    stated = head.facts.get("x-failed-recipients")
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
