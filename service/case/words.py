"""Words that tell one matter from another: identifiers, error codes, product words; greetings and dates left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

_TOKEN = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9_.\-/]*[A-Za-z0-9]|[A-Za-z0-9]|[ァ-ヴー]{3,}|[一-龥々]{2,}",
)
_DATE = re.compile(
    r"^(?:\d{1,4}[-/.]\d{1,2}(?:[-/.]\d{1,4})?(?:T\d+)?|20\d\d|\d{1,2}|0\d{1,4}-\d{1,4}-\d{3,4}|\d{1,2}/\d{1,2})$"
)
_STOP = frozenset(
    [
        "the",
        "and",
        "for",
        "from",
        "with",
        "this",
        "that",
        "have",
        "has",
        "had",
        "you",
        "your",
        "our",
        "are",
        "was",
        "were",
        "will",
        "would",
        "can",
        "could",
        "should",
        "please",
        "thank",
        "thanks",
        "hello",
        "dear",
        "regards",
        "best",
        "kind",
        "not",
        "but",
        "any",
        "all",
        "some",
        "what",
        "when",
        "where",
        "which",
        "who",
        "how",
        "why",
        "there",
        "here",
        "then",
        "than",
        "them",
        "they",
        "their",
        "its",
        "into",
        "out",
        "about",
        "also",
        "just",
        "only",
        "more",
        "been",
        "being",
        "let",
        "know",
        "get",
        "got",
        "may",
        "might",
        "see",
        "subject",
        "sent",
        "mail",
        "email",
        "message",
        "support",
        "case",
        "request",
        "ticket",
        "number",
        "team",
        "help",
        "question",
        "issue",
        "problem",
        "error",
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "oct",
        "nov",
        "dec",
        "http",
        "https",
        "www",
        "com",
        "net",
        "org",
        "jst",
        "utc",
        "gmt",
        "tel",
        "fax",
        "re",
        "fw",
        "fwd",
        "cc",
        "bcc",
        "am",
        "pm",
        "one",
        "two",
        "use",
        "using",
        "used",
        "need",
        "like",
        "time",
        "day",
        "today",
        "yesterday",
        "tomorrow",
        "week",
        "work",
        "working",
        "does",
        "did",
        "don",
        "doing",
        "its",
        "it's",
        "we've",
        "i'm",
        "via",
        "per",
        "etc",
        "sir",
        "madam",
        "new",
        "very",
        "much",
        "sure",
        "still",
        "now",
        "yes",
        "sorry",
        "service",
        "services",
        "customer",
        "user",
        "users",
        "information",
        "attached",
        "forward",
        "forwarded",
        "reply",
        "update",
        "updates",
        "follow",
        "following",
        "hi",
        "him",
        "her",
        "his",
        "she",
        "because",
        "after",
        "before",
        "while",
        "during",
        "between",
        "over",
        "under",
        "again",
        "well",
        "サポート",
        "メール",
        "センター",
        "デスク",
        "システム",
        "ユーザー",
        "カスタマー",
        "サービス",
        "お客様",
        "エラー",
        "ご連絡",
        "コメント",
        "タイトル",
        "スタッフ",
        "アドレス",
    ]
)
_STOP_KANJI = frozenset(
    [
        "世話",
        "確認",
        "連絡",
        "問合",
        "対応",
        "弊社",
        "御中",
        "担当",
        "情報",
        "本件",
        "以下",
        "下記",
        "何卒",
        "宜敷",
        "回答",
        "返信",
        "送信",
        "受付",
        "番号",
        "株式",
        "会社",
        "式会",
        "部門",
        "様式",
        "通知",
        "平素",
        "利用",
        "内容",
        "場合",
        "発生",
        "状況",
        "報告",
        "調査",
        "可能",
        "必要",
        "本日",
        "昨日",
        "今日",
        "明日",
        "時間",
        "午前",
        "午後",
        "営業",
        "自動",
        "当方",
        "弊方",
        "貴社",
        "御社",
        "教示",
        "願申",
        "申上",
        "致候",
        "転送",
        "添付",
        "共有",
        "失礼",
        "大変",
        "恐縮",
        "迷惑",
        "不便",
        "現在",
        "以上",
        "承知",
        "了解",
        "依頼",
        "件名",
        "差出",
        "出人",
        "宛先",
        "日時",
        "技術",
        "部署",
        "総務",
        "業務",
        "管理",
        "社内",
        "社外",
        "先日",
        "開始",
        "終了",
        "完了",
        "実施",
        "予定",
        "希望",
        "理由",
        "原因",
        "方法",
        "手順",
        "設定",
        "変更",
        "事象",
        "環境",
        "影響",
        "質問",
        "相談",
        "追加",
        "最新",
        "今回",
        "前回",
        "普通",
        "同様",
    ]
)


def content_words(*texts: str, without: Collection[str] = ()) -> tuple[str, ...]:
    """Telling words of ``texts`` in the order met, folded, without those in ``without`` (names, own domain); at most 80."""
    seen: dict[str, None] = {}
    for text in texts:
        for word in _words(text):
            if word not in without:
                seen.setdefault(word)
                if len(seen) >= 80:
                    return tuple(seen)
    return tuple(seen)


def names(parts: Iterable[str]) -> frozenset[str]:
    """The words of people's names and addresses, to be left out of what a mail is about."""
    out: set[str] = set()
    for part in parts:
        out.update(_words(part, keep_all=True))
    return frozenset(out)


def weight(word: str) -> float:
    """How much a shared word says: an identifier or code much, a plain word little."""
    if any(c.isdigit() for c in word):
        return 3.0 if len(word) >= 4 or not word.isdigit() else 2.0
    if word[0].isascii():
        return 1.0 if len(word) <= 3 else 1.5
    return 1.5 if len(word) >= 3 else 1.0


def likeness(one: Collection[str], other: Collection[str]) -> float:
    """The weight of the words both have."""
    return sum(weight(word) for word in set(one) & set(other))


def covered(part: Collection[str], whole: Collection[str]) -> float:
    """The share of ``part`` (by weight) found in ``whole``: 1.0 where all of it is; 0.0 for an empty part."""
    total = sum(weight(word) for word in set(part))
    return likeness(part, whole) / total if total else 0.0


def squashed(text: str) -> str:
    """A text for comparison across quoting, wrapping and mailers: folded, without white space and quote marks."""
    folded = unicodedata.normalize("NFKC", text[:4000]).casefold()
    return re.sub(r"[\s>|*_\-=・]+", "", folded)


def alike(one: str, other: str) -> bool:
    """Whether two squashed texts are the same words: equal, or one is (nearly) the start or a part of the other."""
    if not one or not other:
        return False
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    if len(short) >= 12 and short[:160] in long:
        return True
    if len(short) < 24:
        return False
    pieces = {short[i : i + 6] for i in range(0, min(len(short), 1200) - 5, 3)}
    hits = sum(piece in long for piece in pieces)
    return hits >= 0.7 * len(pieces)


def _words(text: str, keep_all: bool = False) -> Iterable[str]:
    for match in _TOKEN.finditer(unicodedata.normalize("NFKC", text[:12000])):
        token = match[0].casefold()
        if "一" <= token[0] <= "龥" or token[0] == "々":
            pairs = {token[i : i + 2] for i in range(len(token) - 1)}
            yield from (sorted(pairs) if keep_all else sorted(pairs - _STOP_KANJI))
        elif token[0].isascii():
            yield from _latin(token, keep_all)
        elif keep_all or token not in _STOP:
            yield token


def _latin(token: str, keep_all: bool) -> Iterable[str]:
    if _DATE.match(token) and not keep_all:
        return
    if len(token) < 3 and not keep_all:
        return
    if any(c in "./_-" for c in token):
        for part in re.split(r"[./]", token):
            if len(part) >= 3 and (keep_all or (part not in _STOP and not _DATE.match(part))):
                yield _stem(part)
        if any(c.isdigit() for c in token) and "/" not in token:
            yield token
        return
    if keep_all or token not in _STOP:
        yield _stem(token)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") and word.isalpha() else word
