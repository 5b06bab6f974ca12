"""Case numbers of any vendor: after a label, before "として受け付け", or marked in the subject (brackets, ``#``).

Vendor files have exact patterns for the numbers of their vendors. This module is for vendors without a file. Numbers of
contracts, assets, orders and phones, dates and versions are not case numbers. All patterns are RE2: linear in the
length of the text.
"""

from dataclasses import dataclass

from mailrules.fold import fold
from mailrules.patterns import RE2

MAX_READ = 20_000
MAX_FOUND = 10

_NUMBER = r"((?:[一-龠々ぁ-んァ-ヶ]{1,4}-|[A-Z]{1,6}[#.])?[A-Z0-9]+(?:[-_/][A-Z0-9]+)*)"
"""May begin with an office, a line of business or letters: 大-33190, 札幌-0021847, BW#55-2093, TS.118-402."""
_LABELS = (
    r"(?:受付|整理|お問い?合わ?せ|問い?合わ?せ|問合せ|管理|案件|チケット|ケース|インシデント|サポート"
    r"|照会|依頼|申告|故障|障害|相談|調査|お?預かり|修理(?:受付|伝票)?)"
    r"\s?(?:番号|NO\.?|ID|№)"
    r"|ケース|チケット|インシデント|受付票?"
    r"|\b(?:CASE|TICKET|REQUEST|MESSAGE|ISSUE|[IE]NQUIRY|REPORT) (?:WAS|HAS BEEN) (?:REGISTERED|RECORDED|FILED)"
    r" (?:AS|UNDER)\b"
    r"|\b(?:LOGGED|FILED WITH US|NOT(?:ED|ING) (?:IT|THIS)|TRACK(?:ED|ING) (?:IT|THIS)) (?:AS|UNDER)\b"
    r"|\b(?:CASE|TICKET|INCIDENT|SERVICE REQUEST|SUPPORT REQUEST|REQUEST|QUERY|CLAIM"
    r"|SR|TT|RMA|CALL|JOB|WORK ORDER|ISSUE|LOG|OUR REF(?:ERENCE)?|REF(?:ERENCE)?)\b"
    r"|\bASSIGNED (?:THE )?NUMBER\b"
)
_RECORDED = r"」?\s?(?:として|で)(?:お?受け?付け?|お預かり|お取り|記録|起票|手配)"
"""What stands behind a number in Japanese: 本件は HW-1570 として記録いたしました."""
_MATTER_LABELS = (
    r"(?:手配|作業|工事|修理|伝票|見積|請求|注文|発注|返品)(?:書)?\s?(?:番号|NO\.?|ID|№)"
    r"|\b(?:RMA|INVOICE|CREDIT NOTE|QUOTE|QUOTATION|ORDER|DISPATCH|CLAIM|YOUR REF(?:ERENCE)?)\b"
)
"""Labels of numbers that are not case numbers but still identify one matter."""
_BETWEEN = (
    r"\.?(?:\s?(?:番号|ID|NUMBER|NO|NR|#|№|REFERENCE|REF)\.?)?"
    r"\s?(?:[:#=]|は|が|IS|「|\[|\()?\s{0,2}[#「\[(]?"
)
_THINGS_JA = "契約|資産|備品|端末|電話|内線|口座|製造|シリアル|会員"
_THINGS_EN = "CONTRACT|ASSET|PHONE|ACCOUNT|SERIAL|LICEN[CS]E"
"""Their numbers are neither a case nor one matter: many mails about different matters name the same one."""
_BEFORE = 16

_LABELLED = RE2.compile(rf"(?i)(?:(?:{_LABELS}){_BETWEEN})+{_NUMBER}")  # Our ref: case 4471235
_RECORDED_AS = RE2.compile(rf"(?i)(?:^|[^A-Z0-9_.-]){_NUMBER}{_RECORDED}|\b(?:QUOTE|MENTION|CITE) {_NUMBER}")
_LETTER = RE2.compile(r"[A-Z]")
_LEADING = RE2.compile(
    r"(?i)^(?:(?:RE|FWD?|AW)\s?:\s?)*"
    rf"(?:([A-Z]{{2,6}}(?:#[-/A-Z0-9]+|[-/_]?(?:[A-Z0-9]{{1,4}}[-/])?[0-9]{{7,}}))|NO\.\s?{_NUMBER})(?:\s|:|,|$)"
)
"""A number with which the subject begins: letters, then ``#`` or more digits than names of products and hosts have."""
_NOT_MATTER = RE2.compile(rf"(?:{_THINGS_JA}|機械|機器|社員)の?\s?$|\b(?:{_THINGS_EN}|DEVICE|MACHINE|EMPLOYEE)\s?$")
_MATTER = RE2.compile(rf"(?i)(?:(?:{_LABELS}|{_MATTER_LABELS}){_BETWEEN})+{_NUMBER}")
_BRACKETED = RE2.compile(rf"(?i)[\[【({{<「](?:[^\]】)}}>」0-9]{{0,24}}?[\s:#.])?#?{_NUMBER}[\]】)}}>」]")
_MARKED = RE2.compile(rf"(?i)(?:^|[\s(\[【:])#{_NUMBER}")
_ANY = RE2.compile(rf"(?i)(?:^|[^A-Z0-9_一-龠々ァ-ヶ]){_NUMBER}\b")
_NOT_CASE = RE2.compile(  # orders and invoices too; these name one matter, so _NOT_MATTER does not contain them
    rf"(?:{_THINGS_JA}|注文|発注|見積|請求|顧客|お客様|配送|伝票|承認|稟議)(?:の|用の?|書の?|品の?)?\s?(?:番号|NO\.?|№)?\s?$"
    r"|(?:型番|機番|機種|型式|品番|社員|ユーザー|アドレス)(?:番号|ID|名)?\s?$"
    rf"|(?:{_THINGS_EN}|ORDER|INVOICE|QUOTATION|CUSTOMER|BUILD|VERSION|RELEASE|REV|PATCH|PO|EXT|TEL|FAX)"
    r"\s?(?:NO\.?|NUMBER|#)?\s?$"
)
_ERROR = RE2.compile(r"(?:(?:エラー|例外)(?:コード|番号)?|\b(?:ERROR|EXCEPTION)(?:\s?CODE)?)$")
"""What stands before an error code; two mails with the same error code can be about different cases."""
_OPENING = " \t:[【(<「"  # not "#", which marks a ticket: "Printer error [#84412]"
_DATE = RE2.compile(
    r"^(?:(?:19|20)[0-9]{2}[-/]?[01]?[0-9][-/]?[0-3]?[0-9]|[0-3]?[0-9][-/][0-3]?[0-9](?:[-/][0-9]{2,4})?)$"
)
_PHONE = RE2.compile(r"^(?:(?:0|81-)[0-9]{1,4}-[0-9]{2,4}-[0-9]{3,4}|0[0-9]{2,3}-[0-9]{2,3}|0[0-9]{2,3}-[0-9]{6})$")
_OTHER_CODE = RE2.compile(
    r"^0X[0-9A-F]+$|^(?:19|20)[0-9]{2}[-/](?:19|20)?[0-9]{2}$|^[0-9]{4}-[0-9]{2}-[0-9]{2}T|^KB[-_]?[0-9]{4,7}$|^(?:CVE|ORA|HTTP|ISO|RFC|UTF|SHA|EV|PO|INV)[-_]?[0-9]|^MS[0-9]{2}-[0-9]{3}$|^[0-9]+(?:ST|ND|RD|TH|GB|MB|TB|KB|MS|H|X)$"
)


@dataclass(frozen=True, slots=True)
class CaseNumber:
    """A case number, and the text that shows it."""

    number: str
    quote: str


def find_case_numbers(subject: str, text: str, *, by_vendor: bool) -> tuple[CaseNumber, ...]:
    """Return the case numbers of one mail, in order. ``by_vendor``: in the subject, brackets or ``#`` are enough."""
    found: dict[str, CaseNumber] = {}
    subject = fold(subject[:500])
    for place in (subject, fold(text[:MAX_READ])):
        for match in _LABELLED.finditer(place):
            head = place[max(0, match.start() - _BEFORE) : match.start()]
            theirs = head.upper().rstrip().endswith("YOUR") and match.group().upper().startswith("REF")
            if not theirs and not _NOT_CASE.search(head.upper()):
                _add(found, match.group(match.lastindex), match.group())
        for match in _RECORDED_AS.finditer(place) if by_vendor else ():
            head = place[max(0, match.start() - _BEFORE) : match.start(match.lastindex)].upper().rstrip(_OPENING)
            if not _NOT_CASE.search(head) and (match.lastindex == 1 or _LETTER.search(match.group(2).upper())):
                _add(found, match.group(match.lastindex), match.group())
    if by_vendor:
        for pattern in (_LEADING, _BRACKETED, _MARKED):
            for match in pattern.finditer(subject):
                start = match.start(match.lastindex)
                label = subject[match.start() : start].upper().rstrip("#: ")
                head = subject[max(0, match.start() - _BEFORE) : start].upper().rstrip(_OPENING)
                if not _NOT_CASE.search(label) and not _ERROR.search(head):
                    _add(found, match.group(match.lastindex), match.group().strip())
    return tuple(found.values())[:MAX_FOUND]


def find_tokens(text: str, most: int) -> tuple[str, ...]:
    """Return up to ``most`` tokens of a text that could be case numbers, in order."""
    found = (_whole(match.group(1)) for match in _ANY.finditer(fold(text[:MAX_READ])))
    return tuple(dict.fromkeys(filter(None, found)))[:most]


def find_matter_numbers(subject: str, text: str, most: int) -> tuple[str, ...]:
    """Return up to ``most`` numbers that follow a label for one matter: a case, a job, an order, an invoice.

    Numbers of machines (管理番号 too), contracts and accounts are left out, because many matters share them.
    """
    found: dict[str, None] = {}
    for place in (fold(subject[:500]), fold(text[:MAX_READ])):
        for match in _MATTER.finditer(place):
            head = place[max(0, match.start() - _BEFORE) : match.start()].upper()
            number = _whole(match.group(match.lastindex))
            if number and not _NOT_MATTER.search(head) and not match.group().startswith("管理"):
                found[number] = None
    return tuple(found)[:most]


def _add(found: dict[str, CaseNumber], token: str, quote: str) -> None:
    number = _whole(token)
    if number and number not in found:
        found[number] = CaseNumber(number, quote.strip())


def _whole(token: str) -> str:
    """Return the token in upper case if it can be a case number, otherwise ""."""
    number = token.upper().strip("-_/")
    digits = sum(character.isdigit() for character in number)
    if digits < 4 or not 5 <= len(number) <= 28:
        return ""  # before the patterns, because most words end here
    return "" if any(pattern.search(number) for pattern in (_DATE, _PHONE, _OTHER_CODE)) else number
