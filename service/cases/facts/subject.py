"""The base subject: a Subject without reply and forward marks, banners and list tags.

RFC 5256 §2.1, extended by what our users' mail clients and gateways write: localised marks (返信, 転送, AW, SV, …),
gateway banners (【外部】, [EXTERNAL]), automatic reply marks (自動応答:) and help desk tags.
"""

import re
import unicodedata
from typing import NamedTuple

_MARK = re.compile(
    r"^(?P<word>re|fwd?|fw|aw|wg|sv|vs|antw|tr|rv|enc|res|odp|ynt|vb|i|r|回复|答复|转发|回覆|轉寄|返信|返|転送|転"
    r"|(?:自動(?:応答|返信|回答|送信)|automatic reply|auto(?:matic)?[- ]?re(?:ply|sponse)|out of office(?: autoreply)?"
    r"|不在(?:通知|応答)?))"
    r"[ \t]*(?:[\[(^]\d+[\])]?)?[ \t]*:[ \t]*",
    re.IGNORECASE,
)
_FORWARD = frozenset(["fw", "fwd", "wg", "tr", "rv", "enc", "vb", "i", "転送", "転", "转发", "轉寄"])
_BANNER = re.compile(
    r"^(?:\[\s*(?:ext(?:ernal)?(?:[ -]?(?:e?mail|sender))?|spam\??|suspicious|caution|secure|外部(?:メール|発信|から)?"
    r"|社外(?:メール)?|注意)\s*\]"
    r"|【\s*(?:外部(?:メール|発信|から)?|社外(?:メール)?|external(?: e?mail)?|注意喚起)\s*】"
    r"|\*{2,}\s*(?:spam|external)\s*\*{2,})[ \t]*",
    re.IGNORECASE,
)
_LIST_TAG = re.compile(r"^\[[A-Za-z][\w.-]*(?:[ :#]\d+)?\][ \t]*", re.ASCII)
_LEADING_TICKET = re.compile(r"^(?:[\[(【][^\[\]()【】]{0,40}?[\])】])[ \t]*")
_DIGITS = re.compile(r"\d{4,}|[A-Z]{1,6}-?\d{2,}", re.ASCII)
_TRAILING = re.compile(r"[ \t]*(?:\(fwd\)|[\[(【][^\[\]()【】]{0,40}[\])】])$", re.IGNORECASE)
_LABELLED = re.compile(
    r"[-–—:| \t]*+(?:trackingid|case|ticket|request|sr|ref|ケース|受付番号|お?問い?合わ?せ番号|チケット)"
    r"[ \t]*+(?:(?:id|no\.?|number|番号)[ \t]*+)?[#:]*+[ \t]*+"
    r"#?[A-Z]{0,4}-?\d{4,}[-–—:| \t]*+",
    re.IGNORECASE,
)


class Subject(NamedTuple):
    """A parsed subject. ``base`` is normalised for comparison (NFKC, case, white space) and may be empty."""

    base: str
    reply: bool  # whether it has a reply mark
    forward: bool  # whether it has a forward mark


def read_subject(subject: str) -> Subject:
    """Parse a subject in linear time; at most 60 marks are removed."""
    text = " ".join(unicodedata.normalize("NFKC", subject).split())
    reply = forward = False
    for _ in range(60):
        if banner := _BANNER.match(text):
            text = text[banner.end() :]
        elif mark := _MARK.match(text):
            if mark["word"].casefold() in _FORWARD:
                forward = True
            else:
                reply = True
            text = text[mark.end() :]
        elif (tag := _LIST_TAG.match(text)) and tag.end() < len(text):
            text = text[tag.end() :]
        elif (ticket := _LEADING_TICKET.match(text)) and _DIGITS.search(ticket[0]) and ticket.end() < len(text):
            text = text[ticket.end() :]
        else:
            break
    for _ in range(5):
        tail = _TRAILING.search(text)
        if tail is None or tail.start() == 0 or not (_DIGITS.search(tail[0]) or tail[0].casefold().strip() == "(fwd)"):
            break
        if tail[0].casefold().strip() == "(fwd)":
            forward = True
        text = text[: tail.start()]
    bare = _LABELLED.sub(" ", text).strip()
    if len(bare) >= 3:
        text = bare
    return Subject(" ".join(text.casefold().split()), reply, forward)


def shown_subject(subject: str) -> str:
    """Return the subject for display, without reply marks, forward marks and banners."""
    text = " ".join(subject.split())
    for _ in range(60):
        found = _BANNER.match(text) or _MARK.match(text) or _MARK.match(unicodedata.normalize("NFKC", text[:24]))
        if found is None:
            break
        text = text[found.end() :].strip()
    return text
