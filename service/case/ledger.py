"""The ask ledger: what a vendor asked of us, and by which of our mails it was answered."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from service.case.line import Line
from service.case.phrases import answered_elsewhere, folded, withdraws
from service.case.state import Ask

_LOG = (
    r"(?:ログ|ダンプ|トレース|キャプチャ|レポート|採取|出力|資料|スクリーンショット|画面|sosreport|HAR"
    r"|\blogs?\b|\bdumps?\b|\btraces?\b|\bcaptures?\b|\bscreenshots?\b|\boutputs?\b|\breports?\b|\bbundle\b)"
)
_LOGS = re.compile(rf"{_LOG}|\bshow[ -]?tech", re.IGNORECASE)
_GIVEN = re.compile(
    rf"{_LOG}[^。\n]{{0,40}}(?:添付|送付|送り|送ります|アップロード|格納|共有|提出|置き|です|attached|uploaded|sent|below|here|enclosed)"
    rf"|(?:添付|送付|アップロード|attached|uploaded|enclosed|here (?:is|are)|please find)[^。\n]{{0,40}}{_LOG}",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    rf"{_LOG}[^。\n]{{0,40}}(?:ありません|ございません|出ません|出ていません|出なかった|空(?:でした|です|っぽ)|残って(?:い|おり)ません|記録されて(?:い|おり)ません|取れません"
    rf"|取得でき(?:ません|ず)|none|empty|blank|nothing|no entries|not available|no longer)"
    rf"|\b(?:no|nothing in the|empty)\b[^.\n]{{0,20}}{_LOG}",
    re.IGNORECASE,
)
_PERMIT = re.compile(
    r"許可(?:し|いた|致)|承諾|同意(?:し|いた|致)|承認(?:し|いた|済)|構いません|かまいません|(?:実施|進め|作業|対応)(?:して|いただ|頂)[^。\n]{0,20}(?:問題|大丈夫|結構"
    r"|ください|お願い)"
    r"|問題(?:あり|ござい)ません|問題ない|差し支え(?:あり|ござい)?(?:ません|ない)|結構です|大丈夫です|お願い(?:し|いた|致)します|許可(?:し)?ません|不可|ご遠慮|お断り"
    r"|\b(?:go ahead|please proceed|you (?:may|can|have (?:our|my) permission)|permission (?:is )?granted|approved?"
    r"|we agree|by all means|carry on|go for it|green light|no objections?|you're welcome to"
    r"|fine (?:with|by) us|ok(?:ay)? (?:to|with|for)|that(?:'s| is) (?:ok|fine)|feel free|yes,)\b",
    re.IGNORECASE,
)
_SLOT = re.compile(
    r"\d{1,2}[/月]\d{1,2}日?[^\n]{0,24}(?:\d{1,2}[:時]|午前|午後|終日|以降|AM|PM)|(?:希望|候補|都合)[^\n]{0,30}\d|\d{1,2}(?::\d{2}"
    r"|時)[^\n]{0,6}(?:~|〜|-|から|以降)"
    r"|(?:月|火|水|木|金)曜[^\n]{0,16}(?:\d|午前|午後|終日)"
    r"|(?:月|火|水|木|金)曜[^\n]{0,16}(?:夕方|朝|昼|いつでも)|(?:明日|明後日|本日|今日)[^\n]{0,8}(?:午前|午後|夕方|\d)"
    r"|\b(?:(?:mon|tues|wednes|thurs|fri)day|tomorrow|today)[^\n]{0,12}\b(?:morning|noon|afternoon|evening)\b"
    r"|\b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b[^\n]{0,30}\d|\b(?:available"
    r"|works for (?:us|me)|free)\b[^\n]{0,40}\d|\d{1,2}(?::\d{2})? ?(?:am|pm|jst|utc|gmt|cet|est|pst)\b",
    re.IGNORECASE,
)
_DECLINED = re.compile(
    r"(?:立ち?会い?|お?電話|通話|お?打ち?合わ?せ|会議|面談|リモート(?:接続|セッション)?|遠隔|ご?訪問|来社|作業枠|お時間)[^。\n]{0,10}"
    r"(?:は|も|まで)?[^。\n]{0,6}(?:不要|いりません|要りません|必要(?:は)?(?:あり|ござい)ません|必要ない|なくて(?:も)?(?:大丈夫|結構|構い)|結構です|遠慮|見送)"
    r"|\b(?:no (?:need|reason) for|(?:do not|don't|won't|will not) need) (?:a |an |the |any )?(?:\w+ )?"
    r"(?:call|meeting|session|visit|appointment|slot|webex|teams)\b"
    r"|\b(?:call|meeting|session|visit)\b[^.\n]{0,10}\b(?:is|will) not be? ?(?:needed|necessary|required)\b",
    re.IGNORECASE,
)
"""What was offered, a call or a visit, is not wanted: that answers it."""
_TESTED = re.compile(
    r"(?:確認|試し|検証|テスト|実施|適用|再起動|変更|設定|更新|比較|切って|無効|有効|戻し)[^。\n]{0,24}(?:しました|ました|したところ|ところ|ても|結果|済)|(?:変わり"
    r"|改善(?:して)?|解消(?:して)?)(?:い)?ません|再現(?:し|せ)|発生して(?:い|おり)ません"
    r"|\b(?:tried|tested|verified|checked|confirmed|applied|ran|rebooted|restarted|disabled|enabled|compared|result"
    r"|still (?:fails?|happen|occurs?|the same)|no change|works|good (?:here|now)|resolved|fixed)\b"
    r"|(?:すると|したら|入れると|直すと|みると|みたら|せると|だと|では|からは|なら)、?[^。\n]{0,40}(?:通り|通ら|上がり|つながり|でき|うまく|だめ|同じ|変わ|なり|消え|出|残|ままで)"
    r"[^。\n]{0,12}(?:ました|ません|です|ず)"
    r"|\b(?:took|came (?:up|back|on)|went (?:through|fine|well)|same (?:result|thing|error|again)|made no difference"
    r"|no (?:luck|joy|difference|better)|did(?:n't| not) (?:help|change|work|make)|finished in|this time)\b",
    re.IGNORECASE,
)
_REST = re.compile(
    r"(?:残り|残る|もう(?:一|1|片)|あと(?:の|は)|他(?:の|は)|(?:の|な)(?:ほう|方)は|まだ|未)[^。\n]{0,30}(?:採取|取得|送|アップロード|提出|お渡し)"
    r"[^。\n]{0,8}(?:ます|次第|予定|ません|ず)"
    r"|\b(?:will|'ll|going to|have yet to|still (?:need|have) to)\b[^.\n]{0,12}"
    r"\b(?:get|collect|fetch|pull|gather|grab|capture)\b"
    r"|\b(?:the (?:rest|other|remaining|second)|remaining)\b[^.\n]{0,40}\b(?:will|later|tomorrow|follows?|soon|once)\b"
    r"|\b(?:is|are|still) to follow\b",
    re.IGNORECASE,
)
"""Some of what was asked is given, and some is still to come."""
_WILL_TEST = re.compile(
    r"(?:試し|確認し|検証し|テストし|実施し|適用し|再起動し|変更し)(?:て|た(?:うえ|後|結果)で?)[^。\n]{0,20}(?:連絡|回答|報告|知らせ|返信)(?:を)?(?:いた|致|さしあげ|し|させていただき)*ます"
    r"|(?:試し|確認し|検証し|テストし|実施し|適用し)(?:ます|てみます|てみる|ようと|たいと|て(?:から|もらい)|てもらう|てもらって)|(?:試す|確認する|検証する|テストする|実施する|適用する)(?:予定|つもり|こと)"
    r"|(?:テスト|検証|確認|実施|適用|再起動)(?:は|を)?[^。\n]{0,16}(?:予定|行います|やってみます|待ち)"
    r"|\b(?:will|'ll|going to|plan(?:ning)? to|scheduled to|can only|want to|about to)\b[^.\n]{0,20}"
    r"\b(?:test|try|check|verify|apply|run|reboot|restart|disable|enable)\b",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"[。!\n]|(?<=[a-z])\. ")
_SCOPE = re.compile(
    r"相違(?:あり|ござい)ません|(?:その|お(?:っしゃる)?)通り|問題(?:あり|ござい)ません|合って|認識|はい|のみ|だけ|対象|範囲|ゴール|含(?:め|み)|です|ます"
    r"|\b(?:yes|correct|right|agree[ds]?|confirm(?:ed)?|that(?:'s| is) (?:right|correct)|only|both|all|just|no[,.]"
    r"|is|are)\b",
    re.IGNORECASE,
)
_SEVERITY = re.compile(r"緊急度|重要度|深刻度|優先度|下げ|severity|priority|lower|downgrade|sev ?\d", re.IGNORECASE)
_LATER = re.compile(
    r"(?:後ほど|後程|のちほど|追って|別途|明日|来週|取得(?:でき)?次第|準備(?:でき)?次第|採取(?:でき)?次第|これから|この(?:あと|後))[^。\n]{0,30}(?:送|提出|連絡|回答|添付"
    r"|採取|取得|アップロード|出し)"
    r"|(?:will|'ll) (?:come|get) back to you\b|(?:will|'ll) let you know (?:when|about|once|by)\b"
    r"|\b(?:will (?:send|provide|upload|follow|attach|collect|get)|to follow|later (?:today|this)|shortly|tomorrow"
    r"|remaining|the rest)\b",
    re.IGNORECASE,
)
_SETTLED_WITH = {"test", "confirm_close"}
"""Asks that a word of resolution answers; the others lapse with it."""


class Ledger:
    """Asks in the order in which they were made. ``take`` each mail of the case, oldest first."""

    def __init__(self) -> None:
        self._asks: list[Ask] = []

    @property
    def asks(self) -> tuple[Ask, ...]:
        return tuple(self._asks)

    def open(self) -> list[Ask]:
        return [ask for ask in self._asks if ask.state == "open"]

    def asked(self, line: Line) -> int:
        """Enter what a vendor's mail asks. A thing still open is not entered twice. How many asks the mail makes."""
        reading = line.reading
        if reading is None:
            return 0
        if withdraws(line.turn.text):
            self._withdraw(line, {ask.what for ask in reading.asks})
        if any(ask.what == "confirm_close" for ask in reading.asks):
            self._lapse(line.node.at, line.turn.id)
        for ask in reading.asks:
            if any(one.what == ask.what for one in self.open()):
                continue
            self._asks.append(
                Ask(
                    id=f"{line.turn.id}-{ask.what}",
                    by=line.turn.author,
                    of="team",
                    what=ask.what,
                    quote=ask.finding.quote,
                    message=line.turn.id,
                    asked_at=line.node.at,
                )
            )
        return len(reading.asks)

    def answered(self, line: Line) -> int:
        """Match a mail of ours to the vendor (or one that tells of an answer by portal). How many asks it answers."""
        waiting = [ask for ask in self.open() if ask.asked_at <= line.node.at]
        if not waiting:
            return 0
        text = folded(line.turn.text)
        if answered_elsewhere(text) and not _LATER.search(text) and not _REST.search(text):
            matched = waiting
        else:
            matched = [ask for ask in waiting if answers(line, ask.what)]
            rest = [ask for ask in waiting if ask not in matched]
            if not matched and len(rest) == 1 and _is_substantial(line) and not _is_to_come(line, rest[0].what):
                matched = rest
        self._close(matched, "answered", line.node.at, line.turn.id)
        return len(matched)

    def settled(self, line: Line) -> None:
        """The matter is settled by our word: what is still open is answered by it, or lapses."""
        waiting = self.open()
        self._close([a for a in waiting if a.what in _SETTLED_WITH], "answered", line.node.at, line.turn.id)
        self._close([a for a in waiting if a.what not in _SETTLED_WITH], "withdrawn", line.node.at, line.turn.id)

    def _withdraw(self, line: Line, again: set[str]) -> None:
        """What is not needed after all: the logs where they are named, else the one thing that was asked."""
        waiting = [ask for ask in self.open() if ask.what not in again]
        logs = [ask for ask in waiting if ask.what == "logs"] if _LOGS.search(folded(line.turn.text)) else []
        self._close(logs or (waiting if len(waiting) == 1 else []), "withdrawn", line.node.at, line.turn.id)

    def told(self, ask: str, state: str, at: datetime, who: str) -> int:
        """A person says of an ask (``*``: of all that are open) how it ended. How many that settles."""
        named = [one for one in self.open() if ask in ("*", one.id) and one.asked_at <= at]
        for one in named:
            place = self._asks.index(one)
            self._asks[place] = replace(one, state=state, answered_at=at, set_by=who)  # type: ignore[arg-type]
        return len(named)

    def closed(self, line: Line) -> None:
        """The vendor closed the case: nothing is owed any more."""
        self._close(self.open(), "withdrawn", line.node.at, line.turn.id)

    def _lapse(self, at: datetime, message: str) -> None:
        self._close([a for a in self.open() if a.what not in _SETTLED_WITH], "withdrawn", at, message)

    def _close(self, asks: Iterable[Ask], state: str, at: datetime, message: str) -> None:
        for ask in list(asks):
            place = self._asks.index(ask)
            self._asks[place] = replace(
                ask,
                state=state,  # type: ignore[arg-type]
                answered_at=at,
                answered_by_message=message if state == "answered" else None,
            )


def answers(line: Line, what: str) -> bool:
    """Whether a mail of ours gives what was asked for. "We do not know" and "there is none" are answers."""
    text = folded(line.turn.text)
    reading = line.reading
    acts = set(reading.acts) if reading else set()
    states = {item.item: item.state for item in reading.items} if reading else {}
    if what == "logs":
        files = any(not f.inline and not f.content_type.startswith("message/") for f in line.turn.files)
        given = "give_logs" in acts or files or bool(_GIVEN.search(text)) or bool(_NOTHING.search(text))
        if _REST.search(text):
            return False
        return given and not (_LATER.search(text) and not files and "give_logs" not in acts)
    if what.startswith("info:"):
        item = what.partition(":")[2]
        if item in states:
            return states[item] in ("value", "none", "unknown", "not_applicable")
        if item == "occurred_at":
            return bool(re.search(r"\d{1,2}[:時]\d{0,2}", text))
        if item == "timezone":
            return bool(re.search(r"日本時間|JST|UTC|GMT|[+-]0\d:?00|time ?zone|タイムゾーン", text, re.IGNORECASE))
        return False
    if what == "permission":
        return bool(_PERMIT.search(text))
    if what == "time_slot":
        return bool(_SLOT.search(text) or _DECLINED.search(text))
    if what == "confirm_close":
        return bool(acts & {"confirm_resolved", "reopen"}) or bool(
            re.search(r"クローズ|完了|終了|\bclose", text, re.IGNORECASE)
        )
    if what == "confirm_scope":
        return "chase" not in acts and bool(_SCOPE.search(text))
    if what == "severity":
        return bool(_SEVERITY.search(text))
    if what == "test":
        told = (one for one in _SENTENCES.split(text) if not _WILL_TEST.search(one))
        return bool(acts & {"confirm_resolved", "reopen"}) or any(_TESTED.search(one) for one in told)
    return "answer" in acts


def _is_substantial(line: Line) -> bool:
    """An answer in other words than expected: more than a chaser, a promise or a thank-you."""
    acts = set(line.reading.acts) if line.reading else set()
    return "chase" not in acts and len(line.turn.text.strip()) >= 40 and not _LATER.search(folded(line.turn.text))


def _is_to_come(line: Line, what: str) -> bool:
    return what == "test" and bool(_WILL_TEST.search(folded(line.turn.text)))
