"""Words by which placing recognises a second report, a return, or a ticket that is open elsewhere."""

from __future__ import annotations

import re
import unicodedata

_SECONDS = re.compile(
    r"(?:うち|ウチ|こちら|こっち|私|わたし|僕|自分|当方|当[部課室店]|弊[部課]|隣|[部課室係店班](?:内|員)?|チーム|フロア|拠点|事業所|支店|工場)"
    r"(?:の[^。、\n]{1,8})?(?:でも|も)(?:[^。\n]{0,40})(?:同じ|同様|なり|なっ|出|でき|開け|動か|つなが|繋が|入れ|使え|見え|届か|落ち|遅|上が|消え|止ま)"
    r"|\b(?:me|us|here|we|i) (?:too|as well)\b|\bsame (?:here|thing|story|for (?:me|us)|with (?:me|us)|on (?:my|our))\b"
    r"|\b(?:we|i|our \w+|my \w+|they|he|she)(?:'re|'m|'ve| are| am| have| is| has)? also "
    r"(?:see|get|got|have|had|can't|cannot|can not|seeing|getting|having|unable|affected|hit|experienc)"
    r"|\b(?:happening|happens|broken|down|failing|stuck|slow|affected|gone) (?:[\w']+ ){0,9}(?:too|as well)\b",
    re.IGNORECASE,
)

_LIKE_SOMEBODY = re.compile(
    r"(?:さん|君|くん|課長|部長|先輩|氏)(?:(?:と|の[^。\n]{0,10}と|が[^。\n]{0,24}(?:と|のと))(?:全く|まったく)?(?:同じ|同様)"
    r"|(?:も|にも|のところも|の(?:PC|端末|パソコン)も)(?:全く|まったく)?(?:同じ|同様)[^。\n]{0,16}"
    r"(?:(?:出て|起きて|起こって|発生して)(?:い|る)|出る|起きる|なっ|なり|困っ|でき(?!る|ます)|ません|ない|症状|状況|状態|現象|エラー))"
)
_WISH = re.compile(
    r"(?:して|させて|つけて|入れて|加えて|渡して|送って)(?:ください|下さい|ほし|欲し|いただ|もらえ)|お願い|希望|権限|ようにし(?:て|た)"
)


_SAME = re.compile(
    r"(?:同じ|同様の|同一の)(?:症状|現象|事象|エラー|状態|状況|不具合|メッセージ|表示|画面|トラブル|問題|件)(?:が|に|で|です|な)"
    r"|\bsame (?:\w+ ){0,2}(?:issue|problem|error|symptoms?|message|trouble|behaviou?r|screen|thing|fault)\b",
    re.IGNORECASE,
)
_OWN = re.compile(
    r"何度|何回|毎回|毎度|いつも|繰り返|前回|以前|再度|再び|再起動|再インストール|交換|[替変]え|[しえれきっけせめべ]ても"
    r"|(?:別|ほか|他|違う)の(?:PC|パソコン|端末|ブラウザ|マシン|スマホ)"
    r"|\b(?:again|(?:every|each) time|whenever|always|still|keeps?|kept|re-?(?:start|boot|install)\w*"
    r"|(?:another|other|different) (?:browser|pc|computer|laptop|machine|device))\b",
    re.IGNORECASE,
)
"""The same as before, by the writer's own account: one's own trouble, however often."""


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:6000])[:6000]  # one character may become eighteen


_OPEN = re.compile(
    r"(?:申告|起票|問い?合わ?せ|照会|(?:修理|調査|対応)(?:を)?依頼)(?:済み?|しました|いたしました|し?て(?:い|お)り?ます|中)(?!か)"
    r"|(?:ケース|チケット|サポートリクエスト|SR)(?:を|は|も)?[^。、\n]{0,10}(?:開い|作成し|起こし|上げ)(?:て(?:あり|い|お)り?ます|ました)"
    r"|\b(?:have|has|'ve|got|there is|there's) (?:already )?(?:an? |the |our )?(?:\w+ )?"
    r"(?:case|ticket|sr|request|incident) (?:\w+ ){0,3}?open\b"
    r"|\b(?:i|we)(?:'ve| have)? (?:already |just )?(?:opened|raised|logged|filed) (?:an? |the )?(?:\w+ )?"
    r"(?:case|ticket|sr|request|incident)\b",
    re.IGNORECASE,
)
_NOT_OPEN = re.compile(
    r"[?]|まだ|未だ|ますか|ですか|でしょうか|たら|れば|場合|お問い?合わ?せの件|(?:て|で)(?:い|お)り?ません|たい|予定|確定申告"
)
_NOT_SO = re.compile(
    r"\b(?:not?|never|if|should|once|when|unless|will|would|please|did|does|do|don't|didn't|haven't)\b", re.IGNORECASE
)
"""Before it."""


def says_ticket_open(text: str) -> bool:
    """A plain word that a ticket is open with somebody: not a question, a plan or a denial."""
    said = re.split(r"[。!;\n]|(?<=[?])|\.\s", folded(text)[:1500])
    found = ((one, _OPEN.search(one)) for one in said if not _NOT_OPEN.search(one))
    return any(match and not _NOT_SO.search(one[: match.start()]) for one, match in found)


_ANOTHER = re.compile(
    r"ではな[いく]|じゃな[いく]|とは別|別の|別件|\b(?:not|isn't|another|different|unlike|besides)\b", re.IGNORECASE
)


def tells_apart(text: str) -> bool:
    """It says of something that it is not meant."""
    return bool(_ANOTHER.search(folded(text)))


def seconds(text: str) -> bool:
    """A user tells that others, or he too, have the trouble that somebody else has."""
    text = folded(text)[:1500]
    if _SECONDS.search(text):
        return True
    said = re.split(r"[。!?]|\.\s|\n\s*\n", text)
    if any(_LIKE_SOMEBODY.search(one) and not _WISH.search(one) for one in said):
        return True
    return any(_SAME.search(one) and not _OWN.search(one) for one in said)


_RETURNS = re.compile(
    r"再発(?!行|注|送|見|売|防止|明|令|表)|ぶり返|(?<!た)(?:また|再び)(?!は|が|別|他|ほか|い|ぐ|げ|共|同|も)[^。\n、]{0,24}"
    r"(?:なりまし|なって|切れ|落ち|消え|止ま|遅く|重く|始ま|起き|起こ|ダメ|だめ|駄目|エラー"
    r"|(?:見え|でき|出来|開け|開か|動か|つなが|繋が|入れ|使え|届か|映ら|鳴ら|送れ)(?:ら?な(?:い|く|り)|(?:り)?ませ|ら?ず))"
    r"|(?:直|治|修理|復旧)(?:し|っ|え)?て(?:もらっ|いただい|頂い|くださっ|下さっ)た(?:ばかり|のに|はずですが)"
    r"|\b(?:happen|fail|drop|stop|freez|froze|crash|hang|hung|disconnect|lost|went down|goes down|is down|are down)"
    r"\w* (?:\w+ ){0,2}again\b|\bagain (?:fail|drop|stop|freez|crash|hang|disconnect)"
    r"|\b(?:it's|it is|it has|the (?:error|problem|issue|trouble|fault|message|bug|outage)(?: is|'s| has)?) (?:now )?"
    r"(?:come |came )?back\b(?= *(?:[:,.;!]|$|again|since|today|this|after|with))"
    r"|\b(?:same|exactly|just)\b[^.\n]{0,40} as (?:last (?:week|friday|monday)|the other day)\b"
    r"|\bworked (?:fine )?(?:for|until) [^.\n]{1,40}\b(?:and|but|then) (?:since|now|today|this morning)\b",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"^\W*(?:また|再び)(?!が|い|ぐ|げ|共|同|は|も)|^\W*and again\b"
    r"|(?<!thank you)(?<!thanks)(?<!hello)(?<!\bme)(?<!\bhi) again\W*$"
    r"|再発(?!行|注|送|見|売|防止|明|令|表)|(?:\d|error|fault|issue|problem|trouble|outage)\W* is back\W*$",
    re.IGNORECASE,
)


_MAYBE = re.compile(
    r"場合|[とた]きは|時は|際は|たら|前に|後に|ないよう|お礼"
    r"|\b(?:if|should|never|unless|whenever|in case|before|what do)\b",
    re.IGNORECASE,
)
"""It has not come back: it may."""


def returns(subject: str, text: str) -> bool:
    """A user tells that a trouble which was over is there again."""
    if _AGAIN.search(folded(subject)):
        return True
    said = re.split(r"[。!?\n]|\.\s", folded(text)[:1500])
    return any(_RETURNS.search(one) and not _MAYBE.search(one) for one in said)
