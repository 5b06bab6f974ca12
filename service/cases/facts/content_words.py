"""Words that distinguish topics: identifiers, error codes and product words, without greetings and dates."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache

_TOKEN = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9_.\-/]*[A-Za-z0-9]|[A-Za-z0-9]|[ァ-ヴー]{3,}|[一-龥々]{2,}",
)
_DATE = re.compile(
    r"^(?:\d{1,4}[-/.]\d{1,2}(?:[-/.]\d{1,4})?(?:T\d+)?|20\d\d|\d{1,2}"
    r"|0\d{1,4}-\d{1,4}-\d{3,4}|\d{1,2}/\d{1,2})$"
)
_STOP = frozenset(
    re.findall(
        r"\S+",
        """
    about after again all already also always am an and another any anybody anyone anything apr are around as ask
    asked attached aug back bcc because been before behind being below best better between both but by call called
    came can cannot cant case cc com comes could customer day dear dec did does doesn doing don done during each
    early either email enough error etc even evening ever every everybody everyone everything far fax feb few fine
    first follow following for former forward forwarded fri from further fw fwd get gets give given gmt goes going
    gone good got guess had half happen happened happens has hasn have haven having hello help her here hi him his
    how however http https i'm if in information instead into is isn issue it it's its itself jan jst jul jun just
    keep keeps kind know last late later latest least less let like little long longer look looked looking looks lot
    madam made mail make makes many mar may maybe mean meanwhile message might mine minute moment mon more morning
    most much myself near need net never new next no nobody none nor not nothing nov now number oct off often old on
    once one ones only or org other others our out over own people per perhaps please pm point probably problem put
    question quite rather re read really reason regards reply request right said same sat saw say saying says see
    seem seems seen send sent sep service services set several shall she should show shows side since sir so some
    somebody someone something soon sorry still subject such sun support sure take taken team tel tell tells than
    thank thanks that the their them then there these they thing things think this those though through thu ticket
    time times to today together told tomorrow too toward tried try trying tue twice two under unless until up
    update updates us use used user users using usual utc very via want wanted wants was way we we've wed week weeks
    well went were what when whenever where whether which while who whole whom why will with within without work
    working works would www year years yes yesterday yet you your お客様
    ご連絡 アドレス エラー カスタマー コメント サポート
    サービス システム スタッフ センター タイトル デスク メール ユーザー
    """,
    )
)
_STOP_KANJI = frozenset(
    re.findall(
        r"\S+",
        """
    下記 不便 世話 了解 予定 事象 今回 今日 以上 以下 件名 会社 何卒 依頼 先日 共有 内容 出人
    利用 前回 午前 午後 原因 受付 可能 同様 問合 営業 回答 報告 場合 変更 大変 失礼 完了 宛先
    宜敷 実施 対応 差出 希望 平素 弊方 弊社 式会 当方 影響 御中 御社 必要 恐縮 情報 手順 承知
    技術 担当 教示 方法 日時 明日 昨日 時間 普通 最新 本件 本日 株式 業務 様式 添付 状況 現在
    理由 環境 申上 番号 発生 相談 確認 社内 社外 管理 終了 総務 自動 致候 設定 調査 貴社 質問
    転送 返信 迷惑 追加 送信 通知 連絡 部署 部門 開始 願申
    """,
    )
)


def is_common(word: str) -> bool:
    """Whether the word is so common in mail that it identifies no person and no topic."""
    return word.casefold() in _STOP or word in _STOP_KANJI


def content_words(*texts: str, without: Collection[str] = ()) -> tuple[str, ...]:
    """Return the distinctive words of ``texts``, case-folded, in order of appearance; at most 80.

    Words in ``without`` are left out, such as names of people and words of our own domain.
    """
    seen: dict[str, None] = {}
    for text in texts:
        for word in _words(text):
            if word not in without:
                seen.setdefault(word)
                if len(seen) >= 80:
                    return tuple(seen)
    return tuple(seen)


def about(subject: str, text: str, without: Collection[str] = ()) -> tuple[str, ...]:
    """Return the distinctive words of a mail; at most 60."""
    return content_words(subject, text, without=without)[:60]


def names(parts: Iterable[str]) -> frozenset[str]:
    """Return the words of people's names and addresses, to be excluded from the topic words of a mail.

    Only the last two words of each part are used: what precedes them is a department or a company, not a name (``松風館
    フロント 堀切``).
    """
    out: set[str] = set()
    for part in parts:
        out.update(_words(" ".join(part.split()[-2:]), keep_all=True))
    return frozenset(out)


_GENERATION = re.compile(
    r"(?:windows|win|office|microsoft|m|server|exchange|sharepoint|ios|ipados|macos|android|java|python|php|sql|http|tls"
    r"|ssl|ipv|usb|wi-?fi|ie|excel|word|outlook|acrobat|vista|rhel|ubuntu|debian)-?(?:\d{1,2}|20\d\d|365)(?:\.\d{1,2}){0,2}"
    r"(?:pro|h\d)?(?:20\d\d)?|2\dh[12]|(?:windows|win|office|macos|ios|android)-?\d[\d.]*(?:-2\dh[12])?"
)
"""Matches a widespread product with its version, such as "windows 11": it identifies a topic no better than a plain
word."""


IDENTIFIER = 3.0
"""Weight of an identifier or error code."""


@lru_cache(maxsize=1 << 14)
def weight(word: str) -> float:
    """Return the weight of a shared word, from 1.0 (short word, round number) to 3.0 (identifier or code)."""
    if _GENERATION.fullmatch(word):
        return 1.5
    if word.isdigit():
        return 3.0 if len(word) >= 4 else 1.0 if word.endswith("0") else 2.5
    if any(c.isdigit() for c in word):
        return 3.0
    if word[0].isascii():
        return 1.0 if len(word) <= 3 else 1.5
    return 1.5 if len(word) >= 3 else 1.0


def likeness(one: Collection[str], other: Collection[str]) -> float:
    """Return the total weight of the words that both collections contain."""
    return sum(weight(word) for word in set(one) & set(other))


def squashed(text: str) -> str:
    """Normalise a text for comparison across quoting, line wrapping and mail clients.

    The first 4,000 characters, case-folded, without white space and quote marks.
    """
    folded = unicodedata.normalize("NFKC", text[:4000]).casefold()
    return re.sub(r"[\s>|*_\-=・]+", "", folded)


def alike(one: str, other: str) -> bool:
    """Whether two squashed texts are the same: equal, or one is (nearly) the start or a part of the other.

    If each contains a number that the other lacks, they are different texts, however similar otherwise.
    """
    if not one or not other:
        return False
    if one == other:
        return True
    if other_numbers(one, other):
        return False
    short, long = _by_length(one, other)
    if len(short) >= 12 and short[:160] in long:
        return True
    if len(short) < 24:
        return False
    pieces = {short[i : i + 6] for i in range(0, min(len(short), 1200) - 5, 3)}
    hits = sum(piece in long for piece in pieces)
    return hits >= 0.7 * len(pieces)


def other_numbers(one: str, other: str) -> bool:
    """Whether each of two squashed texts contains a number that the other lacks, within the part that both cover.

    People and machines send the same text again with another number. A text may be truncated inside its last number.
    """
    short, long = _by_length(one, other)
    begin = max(long.find(short[:24]), 0)
    rest = long[begin : begin + len(short) + 12].rstrip("0123456789")  # the text may be truncated inside a number
    return _lacks(long, short) and _lacks(short, rest)


def _by_length(one: str, other: str) -> tuple[str, str]:
    """Return the shorter text first, so that the result does not depend on the order of the arguments."""
    return (one, other) if (len(one), one) <= (len(other), other) else (other, one)


def _lacks(text: str, other: str) -> bool:
    """Whether ``other`` contains a number that ``text`` lacks; the last one of ``other`` may be a truncated number."""
    known = set(_NUMBER.findall(text))
    return any(
        number not in known and not (other.endswith(number) and any(k.startswith(number) for k in known))
        for number in _NUMBER.findall(other)
    )


_NUMBER = re.compile(r"[0-9]+")


def _words(text: str, keep_all: bool = False) -> Iterable[str]:
    for token in dict.fromkeys(_TOKEN.findall(unicodedata.normalize("NFKC", text[:12000]))):
        yield from _known(token, keep_all) if len(token) < 64 else _of_token(token, keep_all)


def _of_token(token: str, keep_all: bool) -> tuple[str, ...]:
    """Return the words of one token (no white space): pairs of characters for kanji, stems for Latin text, else the
    token."""
    token = token.casefold()
    if "一" <= token[0] <= "龥" or token[0] == "々":
        pairs = {token[i : i + 2] for i in range(len(token) - 1)}
        pairs = {pair for pair in pairs if pair[1] not in _TITLES or pair in _NO_NAMES}
        return tuple(sorted(pairs) if keep_all else sorted(pairs - _STOP_KANJI))
    if token[0].isascii():
        return tuple(_latin(token, keep_all))
    return (token,) if keep_all or token not in _STOP else ()


_TITLES = frozenset("様殿")
"""Japanese titles after a name: a pair that ends with one is usually part of a person's name."""
_NO_NAMES = frozenset(("仕様", "模様", "御殿", "宮殿"))
_known = lru_cache(maxsize=1 << 13)(_of_token)
"""Cached, because mails repeat the same words."""


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
    if keep_all or (token not in _STOP and _stem(token) not in _STOP):
        yield _stem(token)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") and word.isalpha() else word
