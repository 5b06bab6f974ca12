"""What stands around the words a writer meant: banners above, signature, mobile footer, disclaimer below.

Everything works on the lines of one writer and only takes from the beginning or the end, never from the middle; a line
that might be content stays.
"""

# ruff: noqa: E501 -- patterns and tables: a case a line

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from service.mail.words import fold

_LONGEST_SIGNATURE: Final = 16
"""Lines of a signature that no delimiter announces."""
_LONGEST_DELIMITED: Final = 60
"""Lines after "-- " (RFC 3676 §4.3); more than that is text someone cut with dashes."""
_WIDEST: Final = 90
_MOST_CUTS: Final = 40

_FRAME = re.compile(
    r"[\s>]*([-=_*~#+─━═＝－＿＊☆★◆◇■□●○∞・.:◎▽△▲▼┏┗┓┛┌└┐┘｡ﾟ＋+/\\|<>°。—–‐﹣ー])(?:[\s]?[-=_*~#+─━═＝－＿＊☆★◆◇■□●○∞・.:◎▽△▲▼┏┗┓┛┌└┐┘｡ﾟ＋/\\|<>°。—–‐﹣ー]){3,}\s*$"
)
_DELIMITER = re.compile(r"(?:--|—|––|__|－－)[ \t\u00a0]*$")
_SYMBOLS = re.compile(r"[\s\-_=*#~+ᐧ.·•|]*$")
_NAME_DASH = re.compile(r"[-–—~][ \t]?[^\W\d_][\w.'’ -]{0,40}$")
_CONTACT = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{1,80}|(?:tel|fax|phone|mobile|mob|cell|direct|office|e-?mail|mail|web|url|skype|電話|携帯|内線|代表|直通|"
    r"住所|〒|ＴＥＬ|ＦＡＸ|℡|☎|📧|📱|📞)[.:：）)\s]{0,3}|\+?\(?\d{2,4}\)?[ .-]\d{2,4}[ .-]\d{3,4}\b|\bwww\.|https?://|〒\d{3}",
    re.I,
)
_ORGANISATION = re.compile(
    r"株式会社|有限会社|合同会社|㈱|\(株\)|（株）|グループ|事業部|[部課室係局][ \u3000]|(?:部|課|室|センター|サポート窓口|サポートデスク|カスタマーサポート|デスク)\s*$|受付時間|営業時間|"
    r"\b(?:inc|ltd|llc|gmbh|corp|co|plc|s\.?a|b\.?v|ag|pty|ver|university|department|dept|division|team|support)\b",
    re.I,
)
_LABELLED = re.compile(r"[ \t・■●◆【\[]{0,3}([^:：\n]{1,20})[:：]")
_CONTACT_LABELS: Final = frozenset(
    """tel fax phone mobile mob cell direct office e-mail email mail web url skype http https t f m e p w o c d
    電話 携帯 携帯電話 内線 代表 直通 住所 所在地 メール アドレス mailto ver website hp line hours hour 受付時間 営業時間 電話番号 ファックス telefon mobil""".split()  # noqa: SIM905
)
_SENTENCE = re.compile(
    r"[。？！]|(?:です|ます|ました|ません|ください|下さい|でしょうか|致します)\W*$|[a-z]{2}[.!?](?:\s|$).*[a-z]{3}|\?\s*$|(?:\S+ ){4}\S*[a-z]{3}[.!]\s*$"
)

_SIGN_OFFS: Final = frozenset(
    fold(phrase)
    for phrase in """
    regards|best regards|kind regards|warm regards|kindest regards|warmest regards|best wishes|with best regards|with kind regards|many regards|sincerely
    sincerely yours|yours sincerely|yours faithfully|yours truly|respectfully|cordially|best|all the best|cheers|br|rgds|kr|bests|with regards|warmly|very best
    mit freundlichen grüßen|mit freundlichem gruß|freundliche grüße|viele grüße|beste grüße|liebe grüße|mfg|vg|lg|mit besten grüßen|herzliche grüße|schöne grüße|gruß|grüße|mit freundlichen grüssen|freundliche grüsse|viele grüße / best regards
    cordialement|bien cordialement|très cordialement|bien à vous|salutations|sincères salutations|meilleures salutations|cdlt|bonne journée|amicalement|respectueusement
    saludos|un saludo|saludos cordiales|atentamente|cordialmente|un cordial saludo|saludos,|un abrazo
    cordiali saluti|distinti saluti|saluti|un saluto|cordialmente|a presto
    atenciosamente|cumprimentos|com os melhores cumprimentos|melhores cumprimentos|abraços|att|abraço|cordialmente
    met vriendelijke groet|met vriendelijke groeten|vriendelijke groeten|groeten|groet|mvg|hartelijke groet
    med vänliga hälsningar|med vänlig hälsning|vänliga hälsningar|vänlig hälsning|mvh|hälsningar|hälsning|bästa hälsningar
    med venlig hilsen|venlig hilsen|kh|kærlig hilsen|de bedste hilsner|hilsen|mvh|vh|bedste hilsner|mange hilsner
    med vennlig hilsen|vennlig hilsen|hilsen|beste hilsen|mvh
    ystävällisin terveisin|terveisin|parhain terveisin|yt|t
    pozdrawiam|z poważaniem|z wyrazami szacunku|serdecznie pozdrawiam|serdeczne pozdrowienia|pozdrowienia
    s pozdravem|s přátelským pozdravem|hezký den|pozdravy|s pozdravom|s úctou|srdačan pozdrav|lijep pozdrav|lep pozdrav|s poštovanjem|pozdrav|lp
    üdvözlettel|tisztelettel|üdv|köszönettel üdvözlettel
    cu stimă|cu respect|cu drag|toate cele bune|o zi bună
    с уважением|с наилучшими пожеланиями|всего доброго|з повагою|з найкращими побажаннями|с уважение|поздрави|поздрав
    με εκτίμηση|φιλικά|χαιρετισμούς|saygılarımla|saygılarımızla|iyi çalışmalar|sevgiler|lugupidamisega|parimate soovidega|tervitades
    ar cieņu|pagarbiai|linkėjimai|salutacions|atentament|trân trọng|thân mến|kính thư|hormat saya|salam|salam hormat|hormat kami
    בברכה|בכבוד רב|مع التحية|مع خالص التحيات|تحياتي|此致|此致敬礼|祝好|顺颂商祺|敬上|드림|감사합니다 드림|ขอแสดงความนับถือ|敬具|草々
    thanks and regards|thanks & regards|thanks and best regards|thank you and best regards|many thanks and best regards|thanks and kind regards|thank you and regards|danke und gruß
    """.replace("\n", "|").split("|")
    if phrase.strip()
)  # fmt: skip
_SIGN_OFFS_BARE: Final = frozenset(p.strip() for p in _SIGN_OFFS if p.strip())

_DEVICE: Final = (
    r"iphone|ipad|ipod|android|blackberry|mobile|mobil\w*|mobiel|handy|smartphone|phone|tablet|cell|galaxy|samsung|htc|huawei|xiaomi|pixel|nokia|lumia|"
    r"sony|xperia|outlook|windows|yahoo|gmail|mailbox|mailspring|airmail|spark|thunderbird|k-9|proton\w*|mail|hotmail|aol|mac|macbook|watch|device|sparrow|"
    r"nine|newton|zoho|front|superhuman|dispositivo|celular|móvil|cellulare|telefon\w*|téléphone|portable|appareil|gerät|puhelim\w*|"
    r"telefonu|телефон\w*|устройств\w*|verizon|t-mobile|at&t|vodafone|docomo|softbank"
)
_FOOTERS: Final = (
    re.compile(
        rf"[\W_]*(?:sent|posted|composed|written)\s(?:from|via|with|using|by|on)\b(?:\s+[^\s.,]+){{0,3}}?\s+(?:<?)[\w'’-]*(?:{_DEVICE})\b[^,.]{{0,60}}"
        r"(?:[.,!]\s*(?:(?:so )?please|sorry|apolog|excuse|pardon|https?:|get)[^\n]{0,120})?[.!)>\]]*\s*(?:<?\(?https?://\S{0,200})?[)>.]*\s*$",
        re.I,
    ),
    re.compile(r"[\W_]*sent (?:from|via) my(?: [\w'’&.-]+){1,3}[.!]?\s*$", re.I),
    re.compile(r"[\W_]*(?:sent (?:from|via) (?:a )?(?:my )?\w+(?: \w+){0,4}[,.] (?:please |kindly )?(?:excuse|forgive|pardon|sorry|apolog)[^\n]{0,120})\s*$", re.I),
    re.compile(r"[\W_]*(?:via|from)\s+(?:my\s+)?(?:mobile|iphone|ipad|android|phone|cell|blackberry)(?:\s?\w{1,12}){0,2}[\W_]*$", re.I),
    re.compile(r"[\W_]*[\w'’-]{1,30} from (?:my )?(?:mobile|iphone|phone)[\W_]*$", re.I),
    re.compile(r"[\W_]*get\W{1,3}(?:outlook|mail|yahoo mail|spark|bluemail)\b[^\n]{0,120}$", re.I),
    re.compile(
        rf"[\W_]*(?:envoyé|enviado|enviada|inviato|inviata|verzonden|verstuurd|gesendet|skickat|skickad|sendt|lähetetty|wysłan[eoa]|odesláno|odoslané|"
        rf"poslano|poslato|trimis|elküldve|küldve|отправлено|надіслано|відправлено|изпратено|gönderildi|saadetud|nosūtīts|išsiųsta|enviat|dikirim|terkirim|στάλθηκε|απεστάλη)"
        rf"\s[^.!?]{{0,40}}\b(?:{_DEVICE})\b[^.!?]{{0,60}}[.]?\s*(?:<?\(?https?://\S{{0,200}})?[)>]*\s*$",
        re.I,
    ),
    re.compile(rf"[\W_]*(?:von|diese nachricht wurde|diese e-?mail wurde)\s[^.!?]{{0,60}}\b(?:{_DEVICE})\b[^.!?]{{0,40}}(?:gesendet|geschickt|verschickt)[\W_]*$", re.I),
    re.compile(r"[\W_]*(?:télécharge[rz]|obtenir|descargar|obtener|holen sie sich|scarica|ottieni|obter|baixe|download)\s(?:outlook|mail)\b[^\n]{0,120}$", re.I),
    re.compile(r"[\W_]*(?:私の)?(?:iphone|ipad|android|スマートフォン|スマホ|携帯|モバイル|xperia|galaxy|windows|yahoo|outlook|ドコモ|au|mac)[^\n。]{0,30}(?:から|より)(?:の)?(?:送信|送られ|メール)[^\n。]{0,12}[\W_]*$", re.I),
    re.compile(r"[\W_]*(?:outlook for (?:ios|android)|(?:ios|android|windows|mac)\s?版\s?(?:の\s?)?(?:outlook|メール)|yahoo!?メール[^\n]{0,20})[^\n。]{0,20}(?:を入手|で送信|から送信|を取得|から検索|ダウンロード)[^\n]{0,80}$", re.I),
    re.compile(r"[\W_]*(?:從我的|从我的|发自我的|发自|傳送自|寄自|從)[^\n。]{0,30}(?:傳送|发送|寄出)?[\W_]*$"),
    re.compile(r"[\W_]*(?:나의|내)?\s?[\w ]{0,20}(?:에서 보냄|에서 보냈습니다|에서 전송)[\W_]*$"),
    re.compile(r"[\W_]*sent (?:from|via|with) \[[^\]\n]{1,40}\]\(https?://[^)\s]{1,200}\)(?: (?:for|on|für|pour|para|per) [\w .]{1,30})?[\W_]*$", re.I),
    re.compile(r"[\W_]*sent (?:from|by) galaxy[\W_]*$|[\W_]*sent (?:from|via) (?:a |the )?(?:mobile|phone)(?: device)?[\W_]*$", re.I),
)  # fmt: skip
_FOOTER_STARTS: Final = tuple(
    """sent via from posted composed written get env obt obte inv verz verst ges skick sendt läh wysł odes odos posla trimis elk küld отправ надісл відправ изпр
    gönder saade saadet nosūt išsių enviat dikirim terkirim στάλ απεστ télé desc holen scarica ottieni baixe download von diese iphone ipad android outlook ios au mac
    スマート スマホ 携帯 モバイル xperia galaxy windows yahoo ドコモ 私の 從 从 发 傳送 寄自 나의 내 someone""".split()  # noqa: SIM905
)
_FOOTER_MIDDLES: Final = (
    " from mobile",
    " from my ",
    " from iphone",
    " from phone",
    "에서 보",
    "에서 전",
    "から送信",
    "より送信",
)
_CUT_AFTER = re.compile(
    rf"[\W_]*(?:sent from|gesendet von|envoyé de(?:puis)?|enviado desde|enviado do|inviato da|verzonden vanuit|skickat från|sendt fra|lähetetty|wysłano z|получено из|"
    rf"отправлено из)\s[^.!?]{{0,30}}\b(?:outlook|mail|{_DEVICE})\b[^.!?]{{0,30}}<?\(?https?://\S{{1,200}}[)>]*\s*$",
    re.I,
)  # fmt: skip

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
_LIST_FOOTER = re.compile(
    r"[\w.+-]{1,64} mailing list\b|[\w.+-]{1,64}@(?:lists?|googlegroups)\.|https?://\S{0,120}(?:listinfo|mailman)|unsubscribe|配信停止",
    re.I,
)


def is_reply_line(line: str) -> bool:
    """A ticket system's "reply above this line", in any of several languages."""
    return len(line) < 300 and may_hold_reply_line(line) and _ABOVE_LINE.search(line) is not None


def may_hold_reply_line(text: str) -> bool:
    """A cheap first look at a line or a whole text."""
    if text.isascii():
        return (
            "above" in text.lower() or "sopra" in text or "boven deze" in text or "acima" in text or "oberhalb" in text
        )
    return any(hint in text for hint in _ABOVE_HINTS)


def split(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """(what the writer meant, banner and signature and footer) of one writer's lines."""
    kept = list(lines)
    off: list[str] = []
    for _ in range(_MOST_CUTS):
        before = len(kept)
        kept = _trim(kept)
        cut = _cut(kept)
        if cut is not None:
            off = [*kept[cut:], *off]
            kept = kept[:cut]
        if len(kept) == before:
            break
    start = _banner_end(kept)
    if start:
        off = [*kept[:start], *off]
        kept = kept[start:]
    return _trim(kept), off


def _trim(lines: list[str]) -> list[str]:
    """Without blank lines around and without closing lines of mere symbols."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or (len(lines[end - 1]) < 300 and _SYMBOLS.match(lines[end - 1]))):
        end -= 1
    start = 0
    while start < end and not lines[start].strip():
        start += 1
    return lines[start:end]


def _cut(lines: list[str]) -> int | None:
    """Where the last thing that is not content begins, if the end is such a thing."""
    if not lines:
        return None
    for find in (_delimited, _footer, _disclaimer, _list_footer, _framed, _signed_off, _contact_block):
        at = find(lines)
        if at is not None:
            return at
    return None


def _delimited(lines: list[str]) -> int | None:
    """After "-- " (RFC 3676 §4.3) or a dash alone."""
    for at in range(len(lines) - 1, max(-1, len(lines) - _LONGEST_DELIMITED - 1), -1):
        line = lines[at]
        if len(line) < 8 and _DELIMITER.match(line):
            below = len(lines) - at - 1
            exact = line.rstrip("\r") == "-- "
            if exact or below <= _LONGEST_SIGNATURE:
                return at
            return None
    return None


def _footer(lines: list[str]) -> int | None:
    last = lines[-1]
    if _is_footer(last):
        return len(lines) - 1
    # "Sent from Outlook for Android<https://…>" and then an answer's text without any header above it
    for at in range(len(lines) - 1, max(0, len(lines) - 200), -1):
        line = lines[at]
        if len(line) < 300 and "http" in line and _CUT_AFTER.match(line):
            return at
    if (
        len(lines) > 1
        and _is_footer(lines[-2])
        and len(last) < 120
        and last.strip().startswith(("<http", "http", "(http"))
    ):
        return len(lines) - 2
    return None


def _is_footer(line: str) -> bool:
    if len(line) > 300:
        return False
    bare = fold(line).lstrip(" \t-–—_*<([>~=・※.")
    if not bare.startswith(_FOOTER_STARTS) and not any(middle in bare for middle in _FOOTER_MIDDLES):
        return False
    return any(pattern.match(line) for pattern in _FOOTERS)


def _disclaimer(lines: list[str]) -> int | None:
    """From the first paragraph of the end that begins like a disclaimer."""
    for at in range(max(0, len(lines) - 40), len(lines)):
        line = lines[at]
        starts = at == 0 or not lines[at - 1].strip() or _FRAME.match(lines[at - 1][:200]) is not None
        if starts and line.strip() and _DISCLAIMER.match(line[:400]):
            return at or None
    return None


def _list_footer(lines: list[str]) -> int | None:
    """A mailing list's lines under a rule."""
    for at in range(len(lines) - 1, max(-1, len(lines) - 8), -1):
        if len(lines[at]) < 200 and _FRAME.match(lines[at]):
            below = "\n".join(line[:300] for line in lines[at + 1 :])
            return at if _LIST_FOOTER.search(below) else None
    return None


def _framed(lines: list[str]) -> int | None:
    """A signature under a line of dashes or stars, as Japanese writers draw it."""
    end = len(lines)
    for at in range(end - 1, max(-1, end - _LONGEST_SIGNATURE - 1), -1):
        if not (len(lines[at]) < 200 and _FRAME.match(lines[at])):
            continue
        below = [line for line in lines[at + 1 :] if line.strip()]
        inside = [line for line in below if not (len(line) < 200 and _FRAME.match(line))]
        if inside and all(_fits_signature(line) for line in inside) and _evidence(inside):
            return at
    return None


def _signed_off(lines: list[str]) -> int | None:
    """ "Best regards," and the name under it; a bare greeting at the end stays."""
    for at in range(len(lines) - 1, max(0, len(lines) - 12), -1):
        bare = fold(lines[at][:60]).strip(" \t,.!;:-*_、。　")
        if bare in _SIGN_OFFS_BARE and len(lines[at]) < 60:
            below = [line for line in lines[at + 1 :] if line.strip()]
            if (
                below
                and len(below) <= 9
                and all(_fits_signature(line) or _CONTACT.search(line[:200]) for line in below)
            ):
                return at
            return None
    last = lines[-1].strip()
    if (
        len(lines) > 1
        and not lines[-2].strip()
        and len(last) < 44
        and _NAME_DASH.match(last)
        and len(last.split()) <= 4
    ):
        return len(lines) - 1
    return None


def _contact_block(lines: list[str]) -> int | None:
    """A last paragraph of short lines that holds an address, a number or a company, and no sentence."""
    start = len(lines)
    while start > 0 and lines[start - 1].strip() and len(lines) - start < 12:
        start -= 1
    block = lines[start:]
    if start == 0 or len(block) < 2 or len(block) > 10 or not all(_fits_signature(line) for line in block):
        return None
    return start if _evidence(block) and sum(map(len, block)) < 500 else None


def _fits_signature(line: str) -> bool:
    if len(line) > _WIDEST or _SENTENCE.search(line):
        return False
    labelled = _LABELLED.match(line)
    if labelled is not None:
        word = fold(labelled[1]).strip(" 　\t・")
        return word in _CONTACT_LABELS or word.split(" ")[-1] in _CONTACT_LABELS or any(c.isdigit() for c in word)
    return not line.lstrip().startswith(("- ", "* ", "・", "● ", "1.", "1)", "①"))


def _evidence(lines: Sequence[str]) -> bool:
    """Whether the lines look like the facts of a person: a number, an address, a company."""
    strong = sum(_CONTACT.search(line) is not None for line in lines)
    weak = sum(_ORGANISATION.search(line) is not None for line in lines)
    return strong >= 1 and (len(lines) >= 2 or weak >= 1) if strong else weak >= 1 and len(lines) <= 5


def _banner_end(lines: list[str]) -> int:
    """How many lines at the beginning are a warning that a mail system put there."""
    at = 0
    for _ in range(3):
        while at < len(lines) and not lines[at].strip():
            at += 1
        first = at
        if at < len(lines) and len(lines[at]) < 200 and _FRAME.match(lines[at]):
            first = at + 1
        if first >= len(lines) or len(lines[first]) > 600 or not _BANNER.match(lines[first][:400]):
            break
        end = first + 1
        while (
            end < len(lines)
            and end - first < 6
            and lines[end].strip()
            and (_BANNER_END.match(lines[end][:200]) or _FRAME.match(lines[end][:200]))
        ):
            end += 1
        at = end
    return at if at and any(line.strip() for line in lines[:at]) else 0
