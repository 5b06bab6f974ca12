"""Case numbers of any vendor, as a classifier decides by the text around them (``number_classifier``).

Vendor files have exact patterns for the numbers of their vendors. This module is for vendors without a file. The
patterns below mark what is typical: a label before the number, "として受け付け" after it, brackets in the subject. All
patterns are RE2: linear in the length of the text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from mailrules.fold import fold, upper
from mailrules.patterns import RE2
from mailrules.vendors.number_classifier import LEAST, number_features, probability

MAX_READ = 20_000
MAX_FOUND = 10
MAX_CANDIDATES = 60

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
_LEADING = RE2.compile(
    r"(?i)^(?:(?:RE|FWD?|AW)\s?:\s?)*"
    rf"(?:([A-Z]{{2,6}}(?:#[-/A-Z0-9]+|[-/_]?(?:[A-Z0-9]{{1,4}}[-/])?[0-9]{{7,}}))|NO\.\s?{_NUMBER})(?:\s|:|,|$)"
)
"""A number with which the subject begins: letters, then ``#`` or more digits than names of products and hosts have."""
_NOT_MATTER = RE2.compile(rf"(?:{_THINGS_JA}|機械|機器|社員)の?\s?$|\b(?:{_THINGS_EN}|DEVICE|MACHINE|EMPLOYEE)\s?$")
_MATTER = RE2.compile(rf"(?i)(?:(?:{_LABELS}|{_MATTER_LABELS}){_BETWEEN})+{_NUMBER}")
_BRACKETED = RE2.compile(rf"(?i)[\[【({{<「](?:[^\]】)}}>」0-9]{{0,24}}?[\s:#.])?#?{_NUMBER}[\]】)}}>」]")
_MARKED = RE2.compile(rf"(?i)(?:^|[\s(\[【:])#{_NUMBER}")
_FREE = RE2.compile(
    r"(?i)(?:^|[^A-Z0-9_一-龠々ぁ-んァ-ヶ])([一-龠々]{1,4}-[A-Z0-9]+(?:[-_/.#][A-Z0-9]+)*)"
    r"|(?:^|[^A-Z0-9_./-])([A-Z0-9]+(?:[-_/.#][A-Z0-9]+)*)"
)
_MARKS: dict[str, dict[str, Any]] = {"text": {"label": _LABELLED, "recorded": _RECORDED_AS}}
_MARKS["subject"] = _MARKS["text"] | {"first": _LEADING, "brackets": _BRACKETED, "sharp": _MARKED}
_SUFFICE = {"vendor": frozenset(_MARKS["subject"]), "team": frozenset(("label",))}
"""Marks without which a number in a subject is none: subjects begin with hosts and products, ours name our tickets."""
_ANY = RE2.compile(rf"(?i)(?:^|[^A-Z0-9_一-龠々ァ-ヶ]){_NUMBER}\b")
_NOT_CASE = RE2.compile(  # orders and invoices too; these name one matter, so _NOT_MATTER does not contain them
    rf"(?:{_THINGS_JA}|注文|発注|見積|請求|顧客|お客様|配送|伝票|承認|稟議)(?:の|用の?|書の?|品の?)?\s?(?:番号|NO\.?|№)?\s?$"
    r"|(?:型番|機番|機種|型式|品番|社員|ユーザー|アドレス)(?:番号|ID|名)?\s?$"
    rf"|(?:{_THINGS_EN}|ORDER|INVOICE|QUOTATION|CUSTOMER|BUILD|VERSION|RELEASE|REV|PATCH|PO|EXT|TEL|FAX)"
    r"\s?(?:NO\.?|NUMBER|#)?\s?$"
)
_ERROR = RE2.compile(r"(?:(?:エラー|例外)(?:コード|番号)?|\b(?:ERROR|EXCEPTION)(?:\s?CODE)?)$")
_OTHERS = {"thing": _NOT_CASE, "error": _ERROR}
_OPENING = " \t:[【(<「"  # not "#", which marks a ticket: "Printer error [#84412]"
_DATE = RE2.compile(
    r"^(?:(?:19|20)[0-9]{2}[-/]?[01]?[0-9][-/]?[0-3]?[0-9]|[0-3]?[0-9][-/][0-3]?[0-9](?:[-/][0-9]{2,4})?)$"
)
_PHONE = RE2.compile(r"^(?:(?:0|81-)[0-9]{1,4}-[0-9]{2,4}-[0-9]{3,4}|0[0-9]{2,3}-[0-9]{2,3}|0[0-9]{2,3}-[0-9]{6})$")
_OTHER_CODE = RE2.compile(
    r"^0X[0-9A-F]+$|^(?:19|20)[0-9]{2}[-/](?:19|20)?[0-9]{2}$|^[0-9]{4}-[0-9]{2}-[0-9]{2}T|^KB[-_]?[0-9]{4,7}$|^(?:CVE|ORA|HTTP|ISO|RFC|UTF|SHA|EV|PO|INV)[-_]?[0-9]|^MS[0-9]{2}-[0-9]{3}$|^[0-9]+(?:ST|ND|RD|TH|GB|MB|TB|KB|MS|H|X)$"
)
_NO_NUMBER = RE2.compile(rf"{_DATE.pattern}|^[0-9]+(?:\.[0-9]+)+$")  # a date, a version, an IP address
_SHAPES = {"phone": _PHONE, "other code": _OTHER_CODE}


@dataclass(frozen=True, slots=True)
class CaseNumber:
    """A case number, and the text that shows it."""

    number: str
    quote: str


class Candidate(NamedTuple):
    """A number that may be a case number, and its place in the folded text."""

    number: str
    start: int
    end: int
    marks: list[str]


def find_case_numbers(subject: str, text: str, *, side: str) -> tuple[CaseNumber, ...]:
    """Return the case numbers of one mail, in order. ``side``: vendor or team, who wrote the mail."""
    found: dict[str, CaseNumber] = {}
    for number, quote, features in weighed(subject, text, side):
        if number not in found and len(found) < MAX_FOUND and probability(features) >= LEAST:
            found[number] = CaseNumber(number, quote)
    return tuple(found.values())


def weighed(subject: str, text: str, side: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each number of a mail that may be a case number, its quote, and the features that are weighed."""
    for place, whole in (("subject", subject[:500]), ("text", text[:MAX_READ])):
        folded = fold(whole)
        capitals = upper(folded)
        for one in candidates(folded, place):
            if place == "subject" and _SUFFICE[side].isdisjoint(one.marks):
                continue
            quote = folded[max(0, one.start - _BEFORE) : one.end].rpartition("\n")[2]
            yield one.number, quote.strip(), list(number_features(capitals, *one[1:3], place, side, one.marks))


def candidates(text: str, place: str) -> list[Candidate]:
    """Return the numbers of a folded text that may be case numbers."""
    marks: dict[tuple[int, int], list[str]] = {}
    for mark, pattern in _MARKS[place].items():
        for match in pattern.finditer(text):
            marks.setdefault(match.span(match.lastindex), []).append(mark)
    taken = {at for start, end in marks for at in range(start, end)}
    for match in _FREE.finditer(text):
        start, end = match.span(match.lastindex)
        if start not in taken and end - 1 not in taken:
            marks[start, end] = []
    capitals, found = upper(text), []
    for (start, end), its in sorted(marks.items())[:MAX_CANDIDATES]:
        number = capitals[start:end].strip("-_/.")
        if sum(map(str.isdigit, number)) >= 3 and 4 <= len(number) <= 28 and not _NO_NUMBER.search(number):
            head = capitals[max(0, start - _BEFORE) : start].rstrip(_OPENING)
            its += [mark for mark, pattern in _OTHERS.items() if pattern.search(head)]
            its += [mark for mark, pattern in _SHAPES.items() if pattern.search(number)]
            found.append(Candidate(number, start, end, its))
    return found


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


def _whole(token: str) -> str:
    """Return the token in upper case if it can be a case number, otherwise ""."""
    number = token.upper().strip("-_/")
    digits = sum(character.isdigit() for character in number)
    if digits < 4 or not 5 <= len(number) <= 28:
        return ""  # before the patterns, because most words end here
    return "" if any(pattern.search(number) for pattern in (_DATE, _PHONE, _OTHER_CODE)) else number
