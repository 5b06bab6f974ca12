"""Whether a mail is automatic, and of which kind (RFC 3834 and older headers).

Ticket systems also mark comments of people as ``Auto-Submitted``. So a header alone never makes a mail automatic:
typical words (an absence note, an acknowledgement, a notice) or a report part must be present too.
"""

from __future__ import annotations

import re

from service.mail import bounce
from service.mail.contents import Contents
from service.mail.headers import Headers
from service.mail.message import Automatic, Bounce
from service.mail.phrase_patterns import words as _words

FIRST = 2_500
"""The words must be within this many characters of the new text."""

_AWAY_SUBJECT = _words(
    r"^\W*(?:automatic reply|auto(?:matic)?[- _]?(?:re(?:ply|sponse|sponder)|answer)|out of (?:the )?office"
    r"|out of the office|ooo\b|away from (?:the )?office|vacation|on vacation|on leave|absence|i am away"
    r"|autoreply|automatische (?:antwort|reactie)|abwesen(?:heit|d)|réponse automatique|absence du bureau"
    r"|respuesta automática|fuera de (?:la )?oficina|risposta automatica|fuori sede|resposta automática"
    r"|ausência|autosvar|automatisk svar|automaattinen vastaus|automatyczna odpowiedź|автоматический ответ"
    r"|автоответ|自动(?:回复|答复)|自動回覆|부재중|자동 ?(?:응답|회신)|自動(?:応答|返信)|【自動(?:応答|返信)】"
    r"|不在(?:連絡|通知|のお知らせ|です|届)|休暇(?:連絡|中|のお知らせ)|離席)"
)
_AWAY = _words(
    r"out of (?:the )?office|on (?:annual |sick |parental )?(?:vacation|holiday|leave)"
    r"|(?:am|be|currently) away|no longer (?:with|work)|limited access to (?:my )?e?-?mail"
    r"|will (?:be back|return) on|abwesend|nicht im (?:büro|haus)|absent(?:e)? (?:du|jusqu)|休暇(?:を|中|のため)"
    r"|不在(?:に|と|です|の(?:ため|間))|出張(?:中|のため)[^\n]{0,30}(?:不在|確認)|お休みをいただ|外出(?:中|して)"
)
_ACK = _words(
    r"(?:we(?:'ve| have)?|has been|was) (?:successfully )?(?:received|registered|logged|created|opened"
    r"|submitted)"
    r"|(?:case|ticket|request|incident|inquiry)\b[^\n]{0,60}\b(?:received|created|opened|registered|logged"
    r"|submitted)"
    r"|thank(?:s| you) for (?:contacting|your (?:e-?mail|inquiry|enquiry|request|message|submission)|submitting"
    r"|reaching|opening|getting in touch)"
    r"|a (?:support )?(?:engineer|representative|agent|member)[^\n]{0,60}will (?:contact|be in touch|respond"
    r"|get back|reach)"
    r"|ihre anfrage (?:wurde|ist|haben)|vielen dank für ihre (?:anfrage|nachricht)|votre demande a"
    r"|hemos recibido|(?:受け?付け?|受理|受領|承り)(?:を)?(?:いた|致)?(?:しました|ました|完了|させて)"
    r"|受付(?:番号|完了|のお知らせ|通知)|登録(?:されました|いたしました|完了)"
    r"|(?:お問い?合わ?せ|ご連絡|お申し?込み)(?:を)?(?:いただき|頂き)[^\n]{0,20}ありがとうござ"
    r"|(?:追って|後ほど|改めて|折り返し)[^\n]{0,20}(?:連絡|回答|返信)"
)
_SAYS_MACHINE = _words(
    r"(?:this is an?|an) (?:automat(?:ed|ic)|auto-?generated|system[- ]generated)"
    r"|(?:sent|generated|created) automatically|automatically (?:sent|generated|created)"
    r"|(?:please )?do not (?:reply|respond) to this|(?:system|auto)[- ]generated"
    r"|automatisch (?:generiert|erstellt|versendet)"
    r"|自動(?:送信|返信|配信|応答|的に(?:送信|配信|生成)|で(?:送信|配信|お送り))"
    r"|(?:返信|ご返信)(?:いただいても|は(?:でき|受け付け)|しないで|なさらない)|送信専用"
)
_NOTICE = _words(
    r"メンテナンス|計画停止|定期(?:保守|点検)|(?:障害|故障)(?:情報|発生|復旧|のお知らせ|について|報)"
    r"|(?:の|重要な?)お知らせ|ご案内|ニュースレター|メ(?:ール)?マガ|セミナー|ウェビナー|アップデート情報"
    r"|リリース(?:ノート|情報)|配信停止|キャンペーン|お客様各位|更新のお知らせ"
    r"|(?:scheduled|planned|emergency|upcoming) (?:\w+ )?(?:maintenance|upgrade|downtime|outage|change|work|event)"
    r"|maintenance (?:window|notice|notification)|newsletter|unsubscribe|webinar|release notes"
    r"|service (?:alert|notice|notification|disruption|incident|update|health)|security (?:advisory|bulletin)"
    r"|^\W*(?:scheduled|planned|upcoming)\]|read-?only mode|no action (?:is )?(?:required|needed|necessary)"
    r"|do not (?:have|need) to do anything"
    r"|will be (?:upgraded|retired|deprecated|unavailable)|notification|status (?:update|page)|digest"
    r"|wartung(?:sarbeiten|sfenster)|maintenance programmée|mantenimiento"
)
_ELSEWHERE = _words(
    r"(?:内容|詳細|回答|本文)(?:は|を|につ)[^\n]{0,60}(?:ログイン|サインイン|ポータル|マイページ|サイト)"
    r"[^\n]{0,60}(?:ご覧|ご?確認|ご参照|お読み)"
    r"|(?:ログイン|サインイン)(?:し|の上|のうえ|後)[^\n]{0,24}(?:回答|内容|返信)[^\n]{0,8}(?:を|の)[^\n]{0,4}(?:ご覧|ご?確認|お読み)"
    r"|(?:read|view|see|open) (?:the |this |your |their |its )?(?:new |full |latest )?(?:reply|response|answer|message)"
    r" (?:in|on|at|through|via) (?:the|our|your) (?:\w+ ){0,2}(?:portal|console|site|cent(?:er|re)|account)"
    r"|(?:log|sign) ?in (?:to [^.\n]{1,40} )?(?:to|and) (?:read|view|see) (?:the |this |your |its )?"
    r"(?:new |full |latest )?(?:reply|response|answer|message)"
    r"|(?:text|content|body)s? of (?:the |this )?(?:repl(?:y|ies)|responses?|answers?|messages?) (?:is|are) not"
    r" (?:included|shown|sent)"
)
"""Matches text that only points to a portal, where the actual message is."""
_COMMENT = _words(
    r"comments? (?:was |were )?added by|(?:added|left) a (?:new )?comment|commented on|コメントが追加されました"
)
"""How a help desk introduces a comment by one of its people."""
_READ = _words(
    r"^\W*(?:開封(?:済み|確認|通知)|未開封|配信(?:済み|完了)|read|read receipt"
    r"|return receipt(?: \(displayed\))?|not read|delivered|gelesen|lu|leído|letto|lida|gelezen|læst|läst|lest"
    r"|przeczytano|прочитано|已读|읽음|disposition notification)\s*[:：\-]"
)
_READ_BODY = _words(
    r"(?:was|were) (?:read|displayed|opened|deleted)|開封されました|表示されました"
    r"|delivered to the following|配信され(?:まし)?た|gelesen|a été lu|配信は完了"
)
_NO_REPLY = re.compile(
    r"(?:no|do|donot|dont|not)[-_.]?(?:not[-_.]?)?reply|noreply|notif(?:y|ications?)|alerts?@|mailer@|automat"
    r"|newsletter|news@|info-?mail|system@|robot@|bot@",
    re.IGNORECASE,
)
_CALENDAR_METHODS = frozenset({"REQUEST", "REPLY", "CANCEL", "COUNTER", "DECLINECOUNTER"})


def kind(head: Headers, found: Contents, new_text: str, report: Bounce | None) -> Automatic | None:
    """Return the kind of automatic mail; None for mail by people, including comments that a ticket system sends on.

    ``new_text`` is the text without quotes: a quoted acknowledgement does not make a mail automatic.
    """
    if report is not None:
        return "bounce"
    start = new_text[:FIRST]
    if _receipt(head, found, start):
        return "receipt"
    if any(event.method in _CALENDAR_METHODS for event in found.events):
        return "calendar"
    if any(k == "message/feedback-report" for k, _ in found.reports):
        return "notification"
    replied = head.facts.get("auto-submitted", "").casefold().startswith("auto-replied")
    evidence = _evidence(head, start)
    if _away(head, start, replied, evidence):
        return "auto_reply"
    if evidence == 0:
        return None
    if evidence >= 2 and not replied and _ELSEWHERE.search(start):
        return "notification"
    if _ACK.search(head.subject) or _ACK.search(start[:800]):
        # a notice with "Maintenance … has been opened" is rare; one with "we received your request" is rarer
        notice = bool(_NOTICE.search(head.subject)) and not replied
        if evidence >= 2 or replied:
            return "notification" if notice else "auto_reply"
    answer = bool(head.in_reply_to or head.references) and not replied
    if not answer and _notice(head, start, evidence):
        return "notification"
    return "auto_reply" if replied else None


def submitted(head: Headers, automatic: Automatic | None) -> bool:
    """Whether a machine sent the mail according to its headers, or the mail is an automatic reply."""
    if _header_evidence(head) >= 2:
        return True
    return automatic in ("auto_reply", "bounce", "receipt")


def _header_evidence(head: Headers) -> int:
    """Return 2 if a header states that the mail is automatic, 1 if it suggests so, otherwise 0."""
    facts = head.facts
    value = facts.get("auto-submitted", "").casefold().strip()
    if value and not value.startswith("no"):
        return 2
    if any(name.startswith(("x-autoreply", "x-autorespond", "x-autogenerated", "x-vacation")) for name in facts):
        return 2
    if facts.get("precedence", "").casefold() == "auto_reply":
        return 2
    if "x-auto-response-suppress" in facts and facts["x-auto-response-suppress"].casefold() != "none":
        return 2
    precedence = facts.get("precedence", "").casefold()
    return 1 if precedence in ("bulk", "junk") or facts.get("return-path", "x").strip() in ("<>", "") else 0


def _evidence(head: Headers, start: str) -> int:
    points = _header_evidence(head)
    if head.from_ is not None and _NO_REPLY.search(head.from_.address):
        points += 1
    if "list-unsubscribe" in head.facts and "list-post" not in head.facts:
        points += 1
    if _SAYS_MACHINE.search(start):
        points += 2
    return points


def _receipt(head: Headers, found: Contents, start: str) -> bool:
    if any(k.endswith("disposition-notification") for k, _ in found.reports) or bounce.delivered(found):
        return True
    return bool(_READ.match(head.subject) and _READ_BODY.search(start) and len(start) < 1_000)


def _away(head: Headers, start: str, replied: bool, evidence: int) -> bool:
    if _AWAY_SUBJECT.match(head.subject):
        return True
    return bool((replied or evidence >= 2) and _AWAY.search(start[:800]) and not _NOTICE.search(head.subject))


def _notice(head: Headers, start: str, evidence: int) -> bool:
    if _COMMENT.search(start[:300]):
        return False
    titled = _NOTICE.search(head.subject) is not None
    if titled or _NOTICE.search(start[:600]):
        return evidence >= (1 if titled else 2)
    return "list-unsubscribe" in head.facts and "list-post" not in head.facts and evidence >= 2
