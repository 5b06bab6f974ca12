"""Month names in many languages, and time zone names. Data only."""

# ruff: noqa: E501 -- tables: a language a row

from __future__ import annotations

import unicodedata
from typing import Final

_MONTHS_BY_LANGUAGE: Final = """
january february march april may june july august september october november december
januar februar märz april mai juni juli august september oktober november dezember
jänner feber mrz apr mai jun jul aug sept okt nov dez
janvier février mars avril mai juin juillet août septembre octobre novembre décembre
janv févr mars avr mai juin juil août sept oct nov déc
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
ene feb mar abr may jun jul ago sep oct nov dic
gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
gen feb mar apr mag giu lug ago set ott nov dic
janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
jan fev mar abr mai jun jul ago set out nov dez
januari februari maart april mei juni juli augustus september oktober november december
jan feb mrt apr mei jun jul aug sep okt nov dec
januari februari mars april maj juni juli augusti september oktober november december
januar februar marts april maj juni juli august september oktober november december
januar februar mars april mai juni juli august september oktober november desember
tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta
tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu
tammik helmik maalisk huhtik toukok kesäk heinäk elok syysk lokak marrask jouluk
janúar febrúar mars apríl maí júní júlí ágúst september október nóvember desember
stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
sty lut mar kwi maj cze lip sie wrz paź lis gru
styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik _ grudzień
ledna února března dubna května června července srpna září října _ prosince
led úno bře dub kvě čvn čvc srp zář říj _ pro
januára februára marca apríla mája júna júla augusta septembra októbra novembra decembra
január február március április május június július augusztus szeptember október november december
jan febr márc ápr máj jún júl aug szept okt nov dec
ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie
ian feb mar apr mai iun iul aug sept oct noi dec
siječnja veljače ožujka travnja svibnja lipnja srpnja kolovoza rujna listopada studenoga prosinca
sij velj ožu tra svi _ srp kol ruj _ stu _
januarja februarja marca aprila maja junija julija avgusta septembra oktobra novembra decembra
јануар фебруар март април мај јун јул август септембар октобар новембар децембар
januar februar mart april maj jun jul avgust septembar oktobar novembar decembar
января февраля марта апреля мая июня июля августа сентября октября ноября декабря
янв февр мар апр мая июн июл авг сент окт нояб дек
січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня
січ лют бер квіт трав черв лип серп вер жовт лист груд
януари февруари март април май юни юли август септември октомври ноември декември
ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου
ιαν φεβ μαρ απρ μαΐ ιουν ιουλ αυγ σεπ οκτ νοε δεκ
ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık
oca şub mar nis may haz tem ağu eyl eki kas ara
jaanuar veebruar märts aprill mai juuni juuli august september oktoober november detsember
janvāris februāris marts aprīlis maijs jūnijs jūlijs augusts septembris oktobris novembris decembris
sausio vasario kovo balandžio gegužės birželio liepos rugpjūčio rugsėjo spalio lapkričio gruodžio
gener febrer març abril maig juny juliol agost setembre octubre novembre desembre
januari februari maret april mei juni juli agustus september oktober november desember
ינו פבר מרץ אפר מאי יונ יול אוג ספט אוק נוב דצמ
ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר
يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر
ม.ค ก.พ มี.ค เม.ย พ.ค มิ.ย ก.ค ส.ค ก.ย ต.ค พ.ย ธ.ค
มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม
जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर
"""
_LATER: Final = {"listopadu": 11, "listopad": 11, "prosinci": 12, "июнь": 6, "сен": 9, "ноя": 11, "фев": 2, "sep": 9, "juin": 6, "sept": 9, "říjen": 10, "juni": 6, "lokak": 10, "mars": 3}  # fmt: skip


ZONES: Final = {
    "utc": 0, "gmt": 0, "z": 0, "wet": 0, "jst": 540, "kst": 540, "hkt": 480, "sgt": 480, "ist": 330, "msk": 180, "eest": 180,
    "eet": 120, "cest": 120, "mesz": 120, "cet": 60, "mez": 60, "bst": 60, "west": 60, "est": -300, "edt": -240, "cst": -360,
    "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420, "aest": 600, "aedt": 660, "acst": 570, "awst": 480, "nzst": 720,
    "nzdt": 780, "hst": -600, "brt": -180, "art": -180, "trt": 180, "oesz": 180, "oez": 120, "日本標準時": 540, "日本時間": 540,
}  # fmt: skip
"""Zone name → minutes east of UTC."""


def plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) != "Cf")


def _months() -> dict[str, int]:
    table: dict[str, int] = {}
    for row in _MONTHS_BY_LANGUAGE.split("\n"):
        for number, word in enumerate(row.split(), 1):
            for form in {word, word[:3]} if word.isascii() and len(word) > 4 else {word}:
                table.setdefault(plain(form), number)
    return table | {plain(word): number for word, number in _LATER.items()}


MONTHS: Final = _months()
"""Folded name or abbreviation → number."""
