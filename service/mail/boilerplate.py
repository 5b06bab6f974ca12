"""Text that mail systems add to a body: warnings above, disclaimers below, "reply above this line" of ticket
systems."""

# ruff: noqa: E501 -- patterns: a case a line

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

FRAME = re.compile(
    r"[\s>]*([-=_*~#+─━═＝－＿＊☆★◆◇■□●○∞・.:◎▽△▲▼┏┗┓┛┌└┐┘｡ﾟ＋+/\\|<>°。—–‐﹣ー])(?:[\s]?[-=_*~#+─━═＝－＿＊☆★◆◇■□●○∞・.:◎▽△▲▼┏┗┓┛┌└┐┘｡ﾟ＋/\\|<>°。—–‐﹣ー]){3,}\s*$"
)
"""Matches a line of four or more drawing characters."""
_DISCLAIMER = re.compile(
    r"[\W_]*(?:(?:legal |confidentiality )?disclaimer\b|confidentiality (?:notice|note|statement)|confidential(?:ity)?:|privileged and confidential|"
    r"(?:this|the (?:information|contents?)(?: contained)? in this) (?:e-?mail|message|communication|transmission|electronic)[^\n]{0,140}(?:confidential|intended|privileged|proprietary|scanned)|"
    r"the information (?:contained|transmitted|in this)[^\n]{0,140}(?:confidential|intended|privileged)|if you (?:are not|have received)[^\n]{0,60}(?:intended|in error|this e-?mail)|"
    r"please consider the environment|diese (?:e-?mail|nachricht) (?:enthält|ist|kann)[^\n]{0,120}(?:vertraulich|bestimmt)|ce (?:message|courriel|mail)[^\n]{0,120}(?:confidentiel|destin)|"
    r"este (?:mensaje|correo|e-?mail)[^\n]{0,120}(?:confidencial|destin)|questo messaggio[^\n]{0,120}(?:riservat|confidenzial|destinat)|esta mensagem[^\n]{0,120}(?:confidencial|destin)|"
    r"(?:本|この)(?:電子)?(?:メール|e-?mail|ｅメール)(?:に|は|には|および|及び|の)[^\n]{0,120}(?:機密|秘密|誤って|誤送信|受信者以外|無断|宛先以外|破棄)|【?(?:機密保持|免責事項|注意事項)】?|"
    r"(?:本|この)メールに?(?:お心当たり|心当たり)|virus-free|avg で|ウイルス(?:フリー|チェック済|スキャン済)|this email has been (?:checked|scanned)|(?:本|この)メールは[^\n]{0,40}ウイルス(?:スキャン|チェック))",
    re.I,
)  # fmt: skip
_BANNER = re.compile(
    r"[\W_]*(?:\[?(?:external|外部|ext)\]?[\s\]:：]*(?:e-?mail|sender|メール|message|mail)?[\W_]*$|"
    r"\[?(?:external(?: e-?mail| sender| message)?|caution|warning|attention|notice|security notice|警告|注意)\]?[\s\]:：!*-]+[^\n]{0,60}(?:e-?mail|message|sender|mail|メール)[^\n]{0,80}(?:outside|external|originated|not (?:click|open)|外部|社外)|"
    r"\[external\][^\n]{0,60}(?:think before|click|outside|report|sender|caution)|"
    r"(?:this|the) (?:e-?mail|message|sender)[^\n]{0,60}(?:originated|came|is|was sent|comes)(?: from)?\s?(?:someone |a source )?(?:outside|external|an external)|"
    r"(?:external e-?mail|external sender|外部からのメール|社外からのメール|社外メール)|"
    r"【(?:外部|社外|外部メール|社外メール|外部送信元|外部からのメール|注意)】[^\n]{0,100}$|[※*＊■]?\s*(?:この|本)(?:電子)?メールは[、,]?(?:社外|外部|組織外|インターネット)[^\n]{0,60}(?:から|送信|受信)|"
    r"you don'?t often get e-?mail from|some people who received this message don'?t often|多くの場合[^\n]{0,20}から(?:の)?メール|[^\n]{0,60}からメールを受け取ることはあまりありません|"
    r"do not click (?:on )?(?:any )?links|think before you click)",
    re.I,
)  # fmt: skip
_BANNER_END = re.compile(
    r"[\W_]*(?:learn why this is important|do not click|この送信者|これが重要である理由|リンク|添付|be careful|please be|unless you|attachments?)",
    re.I,
)
_ABOVE_LINE = re.compile(
    r"[\W_]*(?:please\s)?(?:type|write|enter|add)?\s?(?:your\s)?(?:repl(?:y|ies)|respond|response|answers?)?[^\n]{0,40}\babove (?:this|the) line\b|"
    r"この(?:行|線)(?:より|の|から)?(?:も)?上(?:に|部に|へ)[^\n]{0,20}(?:返信|返答|記入|入力|ご記載|ご返信)|返信(?:は|を|内容は)?[^\n]{0,10}この(?:行|線)(?:より|の)上|"
    r"antwort(?:en)?[^\n]{0,30}oberhalb dieser (?:zeile|linie)|répon(?:dre|dez)[^\n]{0,30}au-dessus de cette ligne|responda[^\n]{0,30}(?:por )?encima de esta línea|"
    r"rispondi[^\n]{0,30}sopra questa (?:riga|linea)|antwoord[^\n]{0,30}boven deze (?:regel|lijn)|responda[^\n]{0,30}acima desta linha|请在此行(?:之)?上(?:方)?回复|이 줄 위에",
    re.I,
)  # fmt: skip
_ABOVE_HINTS: Final = (
    "above", "ABOVE", "Above", "の上", "より上", "も上", "oberhalb", "au-dessus", "encima", "sopra", "boven", "acima", "此行", "이 줄",
)  # fmt: skip


def is_reply_line(line: str) -> bool:
    """Whether a line is a ticket system's "reply above this line", in one of several languages."""
    return len(line) < 300 and may_hold_reply_line(line) and _ABOVE_LINE.search(line) is not None


def may_hold_reply_line(text: str) -> bool:
    """Whether a line or text may contain such a line; a cheap first check."""
    if text.isascii():
        return (
            "above" in text.lower() or "sopra" in text or "boven deze" in text or "acima" in text or "oberhalb" in text
        )
    return any(hint in text for hint in _ABOVE_HINTS)


def banner_end(lines: Sequence[str]) -> int:
    """Return the number of leading lines that are a warning added by a mail system."""
    at = 0
    for _ in range(3):
        while at < len(lines) and not lines[at].strip():
            at += 1
        first = at
        if at < len(lines) and len(lines[at]) < 200 and FRAME.match(lines[at]):
            first = at + 1
        if first >= len(lines) or len(lines[first]) > 600 or not _BANNER.match(lines[first][:400]):
            break
        end = first + 1
        while (
            end < len(lines)
            and end - first < 6
            and lines[end].strip()
            and (_BANNER_END.match(lines[end][:200]) or FRAME.match(lines[end][:200]))
        ):
            end += 1
        at = end
    return at if at and any(line.strip() for line in lines[:at]) else 0


def disclaimer_start(lines: Sequence[str]) -> int | None:
    """Return the index of the first line near the end that begins a disclaimer; None if there is none, or nothing
    else."""
    for at in range(max(0, len(lines) - 40), len(lines)):
        line = lines[at]
        starts = at == 0 or not lines[at - 1].strip() or FRAME.match(lines[at - 1][:200]) is not None
        if starts and line.strip() and _DISCLAIMER.match(line[:400]):
            return at or None
    return None
