"""Words by which a short answer is recognised: "since nine", 「私だけです」.

Each item has ``topic`` words, which name it, and ``shape`` words, which only an answer to it contains. They are only
used for a reply to a mail that asked for the item, so that they may be weak. RE2: linear time.
"""

# ruff: noqa: E501 -- patterns: an idea a line

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import re2 as _re2

RE2: Any = _re2
"""The library has no type information."""


@dataclass(frozen=True)
class Words:
    topic: str
    shape: str = ""

    @cached_property
    def topic_pattern(self) -> Any:
        return RE2.compile(f"(?i){self.topic}")

    @cached_property
    def shape_pattern(self) -> Any:
        return RE2.compile(f"(?i){self.shape}") if self.shape else None

    def fit(self, sentence: str) -> int:
        """Return 2 if the sentence looks like an answer, 1 if it only mentions the topic, 0 otherwise."""
        if self.shape_pattern is not None and self.shape_pattern.search(sentence):
            return 2
        return 1 if self.topic_pattern.search(sentence) else 0


_TIME = (
    r"[0-9]{1,2}(?::[0-9]{2}|時|[ ]?(?:am|pm)\b)|[0-9]{1,2}月[0-9]{1,2}日|\b[0-9]{1,2}/[0-9]{1,2}\b"
    r"|今朝|今日|本日|昨日|昨晩|一昨日|おととい|先週|先月|先日|午前|午後|夕方|昼(?:頃|ごろ|過ぎ|休み)|朝から|週末|さっき|先ほど"
    r"|\b(?:yesterday|today|tonight|noon|midnight|this (?:morning|afternoon|week)|last (?:night|week|month)"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|since|a few (?:minutes|hours|days) ago|(?:an|[0-9]+) (?:hours?|days?) ago)\b"
)

WORDS: dict[str, Words] = {
    "occurred_at": Words(r"いつ|発生|始ま|起き|\b(?:start|began|begin|happened)", _TIME),
    "ongoing_state": Words(
        r"状態|状況|\bstate\b",
        r"まだ|今も|いまも|現在も|続いて|継続|直りま|治りま|直って|解消|復旧"
        r"|\b(?:still|ongoing|not any ?more|no longer|it stopped|works (?:again|now))\b",
    ),
    "impact_scope": Words(
        r"影響|範囲|ほかの|他の|\b(?:others|affected|colleagues)\b",
        r"(?:私|自分|わたし|僕|当方)(?:だけ|のみ|ひとり|一人)|全員|全社|みんな|皆(?:が|も|さん)|(?:他|ほか)の(?:人|方|者|社員|メンバー)"
        r"|周り|部署|部内|課内|課の|チーム(?:全|の)|[0-9一二三四五六七八九十数]+ ?(?:名|人)(?:が|も|に|は|ほど|くらい|程度|とも|です|。|$)"
        r"|\b(?:only|just) (?:me|my|mine|one)\b|\bonly i\b|\beverybody|\beveryone|\b(?:all|most|some|none|two|three|four|five) of us\b"
        r"|\b(?:whole|entire) (?:team|office|department|floor|company|site)\b|\bnobody else|\bno ?one else"
        r"|\b[0-9]+ (?:people|persons|users|colleagues|employees|of us)\b|\b(?:my|our) (?:team|department|colleagues?)\b|\bothers? (?:see|have|are|do|too|also|can|as well)",
    ),
    "business_impact": Words(
        r"業務|仕事|支障|影響|\b(?:work|business|impact)\b",
        r"(?:出荷|請求|締め|納品|商談|発注|受注|会議|決算|給与|窓口|接客|業務|作業|仕事)[^。\n]{0,20}(?:でき|止ま|進ま|遅れ|困|支障)"
        r"|\b(?:cannot|can ?not|can't|unable to) (?:work|ship|invoice|bill|print|order|sell|serve|close|pay|do (?:my|our))"
        r"|\b(?:invoices?|orders?|payroll|shipping|deliver(?:y|ies)|customers?)\b[^.\n]{0,30}\b(?:stopped|blocked|late|waiting|stuck|delayed)\b",
    ),
    "workaround": Words(
        r"代わり|代替|回避|ほかの方法|他の方法|別の方法|\b(?:workaround|another way|instead|meanwhile)\b",
        r"手作業|紙で|スマホ(?:で|から)|(?:別|他|ほか)の(?:端末|パソコン|pc|ブラウザ|プリンタ)|web ?版|ブラウザ版"
        r"|\b(?:by hand|on paper|on my phone|(?:other|another) (?:pc|computer|laptop|device|browser|printer)|in the browser|web version)\b",
    ),
    "version": Words(
        r"バージョン|版数|\b(?:version|ver|build|release)\b",
        r"\bv(?:er)?\.? ?[0-9]+|[0-9]+\.[0-9]+\.[0-9]+|[0-9]{2}h[12]\b|\b(?:office|windows|outlook|excel|word) ?(?:[0-9]{2,4}|365)\b",
    ),
    "environment": Words(
        r"環境|\benvironment\b",
        r"本番|検証|テスト環境|開発環境|ステージング|\b(?:production|staging|sandbox|test (?:system|server))\b",
    ),
    "product": Words(
        r"製品|サービス|アプリ|ソフト|画面|システム|\b(?:product|service|app|application|system|screen)\b"
    ),
    "symptom": Words(r"症状|現象|\b(?:symptom|happens)\b"),
    "expected": Words(r"本来|普段|通常|いつもは|はず|\b(?:should|normally|usually|expected?)\b"),
    "error_message": Words(
        r"エラー|メッセージ|表示|\b(?:error|message|says|shows)\b",
        r"0x[0-9a-f]{4,}|エラー ?(?:コード|番号)?[::]? ?[0-9a-z-]{3,}|と(?:表示|出)|\bit (?:says|said|shows)\b|\berror (?:code )?[0-9]",
    ),
    "device_id": Words(
        r"端末|資産|ホスト名|パソコン名|\b(?:device|asset|host ?name|computer name|label|sticker)\b",
        r"\b[a-z]{2,10}[-_][a-z0-9]*[0-9]{2,}\b|\b[a-z]{2,6}[0-9]{3,}\b",
    ),
    "location": Words(
        r"拠点|場所|フロア|\b(?:site|location|where)\b",
        r"[0-9一二三四五六七八九十]+ ?階|ビル|支社|支店|本社|営業所|工場|会議室|事務所|[0-9]f\b"
        r"|\b(?:floor|building|branch|head office|headquarters|meeting room|warehouse|room [0-9])",
    ),
    "repro_steps": Words(
        r"手順|操作|\b(?:steps?|procedure)\b",
        r"(?:クリック|押|開|選択|起動|ログイン|サインイン|入力)[^。\n]{0,20}(?:と|たら|ると|して|→)|→"
        r"|\b(?:click|press|open|select|log ?in|sign in|enter)\b[^.\n]{0,60}\b(?:then|and)\b",
    ),
    "frequency": Words(
        r"頻度|\bhow often\b",
        r"毎回|ときどき|時々|たまに|必ず|不定期|頻繁|何度も|毎日|一度だけ|初めて|1 ?回"
        r"|\b(?:every ?time|always|sometimes|now and then|intermittent|randomly|rarely|once|each time|(?:every|twice a) (?:day|hour))",
    ),
    "recent_changes": Words(
        r"変更|更新|\b(?:change|changes|changed)\b",
        r"アップデート|入れ替え|交換|インストール|引っ越し|移動し|移設|異動|変え(?:て|ま)|変更(?:し|は(?:特に)?(?:あり|な))"
        r"|\b(?:updated?|upgraded?|installed|moved|replaced|changed (?:my|the|nothing)|nothing (?:was |has )?changed|no changes?)\b",
    ),
    "last_known_good": Words(
        r"最後|正常|\blast worked\b",
        r"(?:まで|までは)[^。\n]{0,8}(?:正常|使え|動い|問題|普通)|\b(?:last worked|worked (?:fine|well)?[^.\n]{0,10}(?:until|till|yesterday|last))",
    ),
    "tried": Words(
        r"試し|試み|対処|\b(?:tried|try|attempted)\b",
        r"再起動|再インストール|入れ直|やってみ|試しました|つなぎ直|ログインし直|\b(?:restart|reboot|reinstall|unplug|clear(?:ed)? the cache)",
    ),
    "deadline": Words(
        r"期限|締め?切|いつまで|\b(?:deadline|due)\b",
        r"までに|日まで|時まで|今週中|本日中|今日中|今月中|月末|\b(?:by|until|before) (?:the end|noon|tomorrow|today|tonight|next|mon|tues|wednes|thurs|fri|[0-9])",
    ),
    "question": Words(r"知りたい|確認したい|\b(?:want to know|question is)\b"),
    "background": Words(r"ため(?:に|です)?|目的|\b(?:because|in order to|so that|purpose)\b"),
    "change_target": Words(r"変更|追加|削除|\b(?:change|add|remove|set)\b"),
    "requester": Words(
        r"氏名|部署|申請者|\b(?:on behalf|department|for (?:mr|ms|mrs))\b",
        r"(?:部|課|室|グループ)の[^。\n]{1,12}(?:さん|です|様)",
    ),
    "approval": Words(r"承認|稟議|許可|\bapprov"),
    "contact": Words(
        r"連絡先|電話|内線|携帯|\b(?:phone|call|reach|contact)\b",
        r"内線 ?[0-9]{2,}|[0-9]{2,4}-[0-9]{2,4}-[0-9]{3,4}|\bext(?:ension)?\.? ?[0-9]{2,}",
    ),
    "billing_period": Words(r"請求|対象月|\b(?:invoice|billing|bill)\b", r"[0-9]{1,2}月分|\b(?:inv|in)[-#]?[0-9]{3,}"),
    "amount": Words(r"金額|\bamount\b", r"[0-9][0-9,]* ?(?:円|ドル|万|千)|[¥$€£][ ]?[0-9]|\b(?:jpy|usd|eur) ?[0-9]"),
    "contract_id": Words(r"契約|ライセンス|\b(?:contract|licen[cs]e|subscription)\b"),
    "logs": Words(r"ログ|\blogs?\b"),
    "screenshot": Words(r"画面|写真|スクリーンショット|キャプチャ|\b(?:screenshot|photo|picture)\b"),
}

UNKNOWN = RE2.compile(
    r"(?i)不明|分かりません|わかりません|分からない|わからない|分かりかね|わかりかね|存じません|把握し?て(?:い|お)?(?:ませ|ない|りませ)|知りません|覚えて(?:い)?ませ"
    r"|\b(?:unknown|not sure|no idea|(?:do not|don't|don t) know|dunno|can(?:not|'t) (?:tell|say)|no clue|i forgot|n/?k)\b|^[ ]*[??]+[ ]*$"
)
REST = RE2.compile(
    r"(?i)(?:他|ほか|その他|それ以外|残り)(?:の(?:点|項目|質問))?(?:は|について)|\b(?:the (?:rest|others?)|everything else|other (?:questions|points))\b"
)
EMPTY = RE2.compile(
    r"(?i)^[\s\pP]*(?:(?:お疲れ様|お世話|ありがと|よろしく|宜しく|以上|取り急ぎ|ご?確認|回答(?:します|いたします|です)|以下|下記|承知|了解)[^\n]{0,40}"
    r"|(?:hi|hello|dear|thanks?|thank you|regards|best|kind regards|cheers|sincerely|good (?:morning|afternoon)|see (?:below|inline|above|my answers)"
    r"|please (?:see|find)|answers? (?:below|inline)|here (?:are|you)|as requested)\b[^\n]{0,60})?[\s\pP]*$"
)
"""Matches a line without an answer: a greeting, thanks, "see below"."""
