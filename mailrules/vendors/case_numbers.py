"""Finds the case numbers of any vendor. A number with a clear label is one; a classifier decides about other numbers.

Vendor files have exact patterns for the numbers of their vendors. This module is for vendors without a file, and for
mails in which the patterns of the file find no number. The patterns below find typical marks of a case number: a label
before the number, "として受け付け" after it, brackets in the subject. The classifier (``number_classifier``) reads the
text around the number. All patterns are RE2: linear in the length of the text.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mailrules.fold import fold, upper
from mailrules.patterns import RE2
from mailrules.vendors.number_classifier import LEAST, number_features, probability
from mailrules.vendors.separators import FILLER, separate

MAX_READ = 20_000
MAX_FOUND = 10
MAX_CANDIDATES = 60

_JOINED = r"[A-Z0-9]+(?:[-_/.#~=・][A-Z0-9]+)*"
_NUMBER = rf"((?:[一-龠々ぁ-んァ-ヶ]{{1,4}}-)?{_JOINED})"
"""May begin with an office or a line of business: 大-33190, 札幌-0021847, BW#55-2093, TS.118-402, LW・7・40519."""
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
"""Text after a number in Japanese: 本件は HW-1570 として記録いたしました."""
_MATTER_LABELS = (
    r"(?:手配|作業|工事|修理|伝票|見積|請求|注文|発注|返品)(?:書)?\s?(?:番号|NO\.?|ID|№)"
    r"|\b(?:RMA|INVOICE|CREDIT NOTE|QUOTE|QUOTATION|ORDER|DISPATCH|CLAIM|YOUR REF(?:ERENCE)?)\b"
)
"""Labels of numbers that are not case numbers but still identify one matter."""
_BETWEEN = (
    r"(?:\.|\s?\.{2,40})?(?:\s?(?:番号|ID|NUMBER|NO|NR|#|№|REFERENCE|REF)\.?)?"
    r"\s?(?:[:#=]|は|が|IS|「|\[|\()?\s{0,2}[#「\[(第]?"
)
_THINGS_JA = "契約|資産|備品|端末|電話|内線|口座|製造|シリアル|会員"
_THINGS_EN = "CONTRACT|ASSET|PHONE|ACCOUNT|SERIAL|LICEN[CS]E"
"""Their numbers are neither a case nor one matter: many mails about different matters name the same one."""
_BEFORE = 16
_LEAST_SUBJECT = 6  # minimum number of characters of our subject that a vendor's subject repeats

_LABELLED = RE2.compile(rf"(?i)(?:(?:{_LABELS}){_BETWEEN})+{_NUMBER}")  # Our ref: case 4471235
_RECORDED_AS = RE2.compile(rf"(?i)(?:^|[^A-Z0-9_.-]){_NUMBER}{_RECORDED}|\b(?:QUOTE|MENTION|CITE) {_NUMBER}")
_LEADING = RE2.compile(
    r"(?i)^(?:(?:RE|FWD?|AW)\s?:\s?)*"
    rf"(?:([A-Z]{{2,6}}(?:#[-/A-Z0-9]+|[-/_]?(?:[A-Z0-9]{{1,4}}[-/])?[0-9]{{7,}}))|NO\.\s?{_NUMBER})(?:\s|:|,|$)"
)
"""A number at the start of a subject: letters, then ``#`` or more digits than names of products and hosts have."""
_NOT_MATTER = RE2.compile(rf"(?:{_THINGS_JA}|機械|機器|社員)の?\s?$|\b(?:{_THINGS_EN}|DEVICE|MACHINE|EMPLOYEE)\s?$")
_MATTER = RE2.compile(rf"(?i)(?:(?:{_LABELS}|{_MATTER_LABELS}){_BETWEEN})+{_NUMBER}")
_BRACKETED = RE2.compile(
    rf"(?i)[\[【({{<「〔《](?:[^\]】)}}>」〕》0-9]{{0,24}}?[\s:#])?#?{_NUMBER}{FILLER}*[\]】)}}>」〕》]"
)
_MARKED = RE2.compile(rf"(?i)(?:^|[\s(\[【:])#{_NUMBER}")
_FREE = RE2.compile(
    rf"(?i)(?:^|[^A-Z0-9_一-龠々ぁ-んァ-ヶ])([一-龠々]{{1,4}}-{_JOINED})|(?:^|[^A-Z0-9_./~・-])({_JOINED})"
)
_MARKS: dict[str, dict[str, Any]] = {"text": {"label": _LABELLED, "recorded": _RECORDED_AS}}
_MARKS["subject"] = _MARKS["text"] | {"first": _LEADING, "brackets": _BRACKETED, "sharp": _MARKED}
_SUFFICE = {"vendor": frozenset((*_MARKS["subject"], "vague label")), "team": frozenset(("label", "vague label"))}
"""A number in a subject needs one of these marks. Subjects of vendors often begin with names of hosts and products;
subjects of our team contain our own ticket numbers."""
_NEVER_PHONE = frozenset(("brackets", "sharp"))  # "[00-91-447]" in a subject is no phone number
_ANY = RE2.compile(rf"(?i)(?:^|[^A-Z0-9_一-龠々ァ-ヶ]){_NUMBER}\b")
_NOT_CASE = RE2.compile(  # orders and invoices too; these name one matter, so _NOT_MATTER does not contain them
    rf"(?:{_THINGS_JA}|注文|発注|見積|請求|顧客|お客様|配送|伝票|承認|稟議|許可|登録|免許|追跡|郵便)(?:の|用の?|書の?|品の?)?\s?(?:番号|NO\.?|№)?\s?$"
    r"|(?:型番|機番|機種|型式|品番|社員|ユーザー|アドレス)(?:番号|ID|名)?\s?$"
    rf"|\b(?:{_THINGS_EN}|ORDER|INVOICE|QUOTATION|CUSTOMER|BUILD|VERSION|RELEASE|REV|PATCH|PO|EXT|TEL|FAX|MODEL|TRACKING|REGISTRATION)"
    r"\s?(?:NO\.?|NUMBER|#)?\s?$"
)
_NUMBERED = r"(?:の|ご|側の)?(?:管理|依頼|整理|案件)?(?:番号|NO|№)?$"
_READERS = {
    "vendor": RE2.compile(
        rf"(?:貴社|御社|貴院|貴行|貴校|貴店|貴所){_NUMBERED}|\bYOUR (?:OWN )?REF(?:ERENCE)?(?:\.? (?:NO|NUMBER|IS))?$"
    ),
    "team": RE2.compile(
        rf"(?:弊社|当社|当院|当行|当校|当方|社内){_NUMBERED}|\bOUR (?:OWN )?REF(?:ERENCE)?(?:\.? (?:NO|NUMBER|IS))?$"
    ),
}
"""Side that wrote the mail → text before a number of our own team."""
_SPACED = RE2.compile(r"([一-龠]) +")  # forms spread short labels: 契 約
_OPENING = " \t:=.#[【(<「はが"
_CLEAR = RE2.compile(
    r"(?i)番号|№|受付|問い?合|ケース|チケット|インシデント|\b(?:CASE|TICKET|INCIDENT|SR|WORK ORDER|REF(?:ERENCE)?)\b"
    r"|(?:NO|NUMBER|ID|#)[\s.:#]*$"
)
"""A clear label. Words such as "call", "log" and "issue" are not clear, because they precede many other numbers."""
_OWN_LABEL = RE2.compile(r"(?i)受付|問い?合|ケース|チケット|インシデント|\b(?:CASE|TICKET|INCIDENT)\b")
_DAY = "(?:0?[1-9]|[12][0-9]|3[01])"  # or a month
_YEAR = "(?:19|20)[0-9]{2}"
_DATE = RE2.compile(
    rf"^(?:{_YEAR}(?:[-/.][01]?[0-9][-/.]|[01]?[0-9][-/.]?)[0-3]?[0-9]"
    rf"|{_DAY}[-/.]{_DAY}(?:[-/.](?:[0-9]{{2}}|{_YEAR}))?)$"
)
_PHONE = RE2.compile(
    r"^(?:(?:0|81-)[1-9][0-9]{0,3}-[0-9]{2,4}-[0-9]{3,4}|0[0-9]{2,3}-[0-9]{2,3}|0[0-9]{2,3}-[0-9]{6})$"
)
_OTHER_CODE = RE2.compile(
    r"^0X[0-9A-F]+$|^(?:19|20)[0-9]{2}[-/](?:19|20)?[0-9]{2}$|^[0-9]{4}-[0-9]{2}-[0-9]{2}T|^KB[-_]?[0-9]{4,7}$|^(?:CVE|ORA|HTTP|ISO|RFC|UTF|SHA|EV|PO|INV)[-_]?[0-9]|^MS[0-9]{2}-[0-9]{3}$|^[0-9]+(?:ST|ND|RD|TH|GB|MB|TB|KB|MS|H|X)$|^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$"
)
_VERSION = RE2.compile(r"^[0-9]+(?:\.[0-9]+)+$")
_UNMARKED = RE2.compile(r"^[0-9]{3}-[0-9]{4}$|^[A-Z]{2,6}-?20[0-9]{2}$")
"""Postcodes of Japan, products and papers of a year: with a mark, a case number may look like that."""


class Candidate(NamedTuple):
    """A possible case number, with its position in a folded text. ``capitals``: the same text in capitals."""

    number: str
    quote: str  # the number with the last words before it in its line
    start: int
    end: int
    marks: list[str]  # its labels and marks, such as ``#``; without one, only the words around the number are typical
    capitals: str
    place: str  # subject or text

    @property
    def is_labelled(self) -> bool:
        """Whether a label shows that this is a case number, without the classifier.

        A label is not enough for a short number ("in that case 1200 …").
        """
        return "label" in self.marks and _whole(self.number) != ""

    def features(self, side: str) -> list[str]:
        """Return the features for the classifier."""
        return list(number_features(self.capitals, self.start, self.end, self.place, side, self.marks))


def find_case_numbers(subject: str, text: str, *, side: str) -> tuple[Candidate, ...]:
    """Return the case numbers of one mail. Numbers with a clear label, such as "Ticket", come first.

    ``side``: the side of the author, vendor or team.
    """
    found: dict[str, Candidate] = {}
    texts = (("subject", subject[:500]), ("text", text[:MAX_READ]))
    read = [one for place, written in texts for one in candidates(fold(written), place, side)]
    for one in sorted(read, key=lambda one: not one.is_labelled):
        if one.number in found or len(found) == MAX_FOUND:
            continue
        if one.is_labelled or probability(one.features(side)) >= LEAST:
            found[one.number] = one
    return tuple(found.values())


def candidates(text: str, place: str, side: str) -> list[Candidate]:
    """Return the numbers of a folded text that may be case numbers, in order of position.

    At most ``MAX_CANDIDATES`` are returned. Labelled numbers take precedence over marked ones, and these over others.
    """
    folded, text = text, separate(text)
    capitals, marks = upper(text), _marked(text, place)
    taken = {at for start, end in marks for at in range(start, end)}
    for match in _FREE.finditer(text):
        start, end = match.span(match.lastindex)
        if start not in taken and end - 1 not in taken:
            marks[start, end] = []
    found = []
    for (start, end), its in sorted(marks.items()):
        number = capitals[start:end].strip("-_/.")
        needed = place == "text" or not _SUFFICE[side].isdisjoint(its)
        is_phone = _PHONE.search(number) and _NEVER_PHONE.isdisjoint(its)
        if is_phone or (not its and _UNMARKED.search(number)):
            continue
        if needed and _may_be_case(number, its) and not _is_of_another(capitals, start, side, its):
            quote = folded[max(0, start - _BEFORE) : end].rpartition("\n")[2].strip()
            found.append(Candidate(number, quote, start, end, its, capitals, place))
    found.sort(key=lambda one: (not one.is_labelled, not one.marks))
    return sorted(found[:MAX_CANDIDATES], key=lambda one: one.start)


def _marked(text: str, place: str) -> dict[tuple[int, int], list[str]]:
    """Return the numbers with a mark as position → marks."""
    marks: dict[tuple[int, int], list[str]] = {}
    for mark, pattern in _MARKS[place].items():
        for match in pattern.finditer(text):
            span = match.span(match.lastindex)
            marks.setdefault(span, []).append(_kind_of_label(text, match.start(), span[0]) if mark == "label" else mark)
    return marks


def _kind_of_label(text: str, start: int, end: int) -> str:
    """Return the mark for a label. "other label": of another thing (資産管理番号). "vague label": not clear."""
    head = text[max(0, start - _BEFORE) : start].rpartition("\n")[2].upper()
    if _NOT_CASE.search(head):
        return "vague label" if _OWN_LABEL.search(text[start:end]) else "other label"
    return "label" if _CLEAR.search(text[start:end]) else "vague label"


def _may_be_case(number: str, marks: Sequence[str] = ()) -> bool:
    others = (_DATE, _OTHER_CODE) if "label" in marks else (_DATE, _OTHER_CODE, _VERSION)  # SR 9.114.233
    digits = sum(map(str.isdigit, number))
    return digits >= 3 and 4 <= len(number) <= 28 and not any(its.search(number) for its in others)


def _is_of_another(capitals: str, start: int, side: str, marks: Sequence[str]) -> bool:
    """Whether the words before a number say that it is of another thing, or of the addressee."""
    line = capitals[max(0, start - 2 * _BEFORE) : start].rpartition("\n")[2]
    head = _SPACED.sub(r"\1", line.rstrip(_OPENING))
    has_label = "label" in marks or "vague label" in marks
    other = "other label" in marks or (not has_label and _NOT_CASE.search(head))
    return bool(other or _READERS[side].search(head))


def added_number(subject: str, ours: str) -> str | None:
    """Return the number that a vendor added to the subject of our mail, or None.

    Ticket systems answer "Scanner offline" with "KD-4471 Scanner offline". There must be exactly one number in the
    added text.
    """
    whole, own = upper(separate(fold(subject[:500]))), upper(separate(fold(ours[:500]))).strip()
    before, found, after = whole.partition(own)
    if len(own) < _LEAST_SUBJECT or not found:
        return None
    numbers = {match.group(1).strip("-_/.") for match in _ANY.finditer(f"{before} {after}")}
    numbers = {number for number in numbers if _may_be_case(number)}
    return numbers.pop() if len(numbers) == 1 else None


def find_tokens(text: str, most: int) -> tuple[str, ...]:
    """Return up to ``most`` tokens of a text that could be case numbers, in order."""
    found = (_whole(match.group(1)) for match in _ANY.finditer(separate(fold(text[:MAX_READ]))))
    return tuple(dict.fromkeys(filter(None, found)))[:most]


def find_matter_numbers(subject: str, text: str, most: int) -> tuple[str, ...]:
    """Return up to ``most`` numbers that name one matter: a case, a job, an order, an invoice.

    Numbers of machines (管理番号 too), contracts and accounts are left out, because many matters share them.
    """
    found: dict[str, None] = {}
    for place in map(separate, (fold(subject[:500]), fold(text[:MAX_READ]))):
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
