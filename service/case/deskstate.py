"""The state that a vendor's desk names in its notices ("状態: お客様ご返信待ち", "Status: Work in progress")."""

from __future__ import annotations

import re
from typing import Literal

from service.case.phrases import folded

_LABELLED = re.compile(
    r"(?:^|\n)[ \t・■◆●*\-\[【]*"
    r"(?:(?:現在の|新しい|お?問い?合わ?せ(?:の)?|ケース(?:の)?|チケット(?:の)?|対応)?(?:状態|状況|ステータス)"
    r"|(?:(?:new|current|case|ticket|request|sr) )?(?:status|state))[ \t\]】]*[:：=][ \t]*([^\n]{2,50})",
    re.IGNORECASE,
)
_CHANGED_TO = re.compile(
    r"(?:状態|ステータス)(?:が|は|を)[「『\"']?(?:[^「」『』\n]{1,30}[」』\"']?から[「『\"']?)?"
    r"([^「」『』\n]{2,30}?)[」』\"']?に(?:変更|更新|なり|変わり|設定)",
    re.IGNORECASE,
)
_CHANGED_TO_EN = re.compile(
    r"\b(?:status|state)\b[^.\n]{0,60}\b(?:changed|updated|set|moved)\b"
    r"(?: from [^.\n]{2,40}?)? to:? [\"']?([^.\"'\n]{2,40})",
    re.IGNORECASE,
)
_CHANGED_ARROW = re.compile(
    r"(?:status|state|ステータス|状態)[ \t]*+(?:(?:changed?|updated?|変更|更新)[ \t]*+)?[::]?[ \t]*+[^\n:→>]{1,30}?"
    r"[ \t]{0,30}(?:→|⇒|->|=>)[ \t]*+([^\n]{2,40})",
    re.IGNORECASE,
)
_ANSWERED = re.compile(
    r"(?:ご?回答|ご?返答)(?:が|を)[^。\n]{0,12}(?:登録|掲載|公開|投稿|追加|記載|アップ)(?:され|いた|しま|があり)"
    r"|(?:ご?回答|ご?返答)(?:が|の)(?:届いて|届きま|あり(?:ます|ました)|準備ができ)"
    r"|\bhas (?:a new|a|new|posted a|added a|sent a) (?:reply|response|answer)\b"
    r"|\b(?:new|a) (?:reply|response|answer) (?:from [^.\n]{2,40} )?(?:is (?:now )?(?:available|waiting|ready)"
    r"|has been (?:posted|added|published)|was (?:posted|added|published)|awaits|waits)\b",
    re.IGNORECASE,
)
"""An answer lies in the portal: it is ours to read."""
_WAITS_FOR_THEM = re.compile(
    r"(?:サポート|弊社|メーカー|ベンダー|開発)(?:の)?(?:回答|返答|返信|対応)待ち"
    r"|(?:waiting|awaiting|pending)(?: on| for)? (?:support|engineering|vendor|development|dev|us)\b",
    re.IGNORECASE,
)
_WAITS_FOR_US = re.compile(
    r"(?:返信|返答|回答|対応|確認|連絡|アクション)(?:の)?(?:待ち|を待って|をお待ち)|お客様(?:の)?(?:対応|作業)|要対応"
    r"|pending[ -_]customer|action[ _]required|customer action|information (?:requested|required)|^CUS\b"
    r"|(?:waiting|awaiting|wait|pending)(?: on| for)? (?:your|you|customer|client|requester|user|info)"
    r"|対応済|解決済|solution[ _](?:provided|proposed)|^resolved|^solved",
    re.IGNORECASE,
)
"""A solution that was offered waits for our word."""
_AT_WORK = re.compile(
    r"処理中|調査中|サポート(?:に)?て?対応中|^対応中|受付(?:済|中)|担当者?(?:割当|確認中)|エスカレ"
    r"|開発(?:部門)?(?:に)?て?(?:調査|確認)|work[ -]in[ -]progress|in[ _-]progress|^unassigned|^assigned|^reopened"
    r"|^open\b|investigating|under (?:review|investigation)|escalated|^DEV\b",
    re.IGNORECASE,
)
_OVER = re.compile(r"クローズ|終了|完了|^closed|^(?:SCL|HCL)\b", re.IGNORECASE)


def told_state(text: str) -> Literal["team", "vendor", "closed"] | None:
    """Whose turn it is by the state that a notice names, or that the case is closed; None where it names none.

    Only a state told as one counts, behind a label or as what it changed to, not a word somewhere in a sentence.
    """
    text = folded(text)
    for shape in (_CHANGED_ARROW, _LABELLED, _CHANGED_TO, _CHANGED_TO_EN):
        for found in shape.finditer(text):
            word = found.group(1).strip(" \t\"'「」")
            if _WAITS_FOR_THEM.search(word):
                return "vendor"
            if _WAITS_FOR_US.search(word):
                return "team"
            if _AT_WORK.search(word):
                return "vendor"
            if _OVER.search(word):
                return "closed"
    return "team" if _ANSWERED.search(text) else None
