"""Parses dates above quoted mails, with Japanese eras (令和) and months in 25 languages."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from service.mail.word_lists import fold, load

LONGEST: Final = 200  # maximum number of characters that are read

_AFTERNOON: Final = frozenset({"pm", "午後", "下午", "오후", "nachm", "μμ", "ös", "晚上", "em", "ch"})
_CJK_HALVES: Final = ("午後", "下午", "오후", "晚上", "午前", "上午", "오전", "凌晨", "öö", "ös")
_HALVES = re.compile(
    r"(?:[ \t]*[分秒])?[ \t]*(a\.? ?m\b|p\.? ?m\b|午後|午前|nachm|vorm|μ\.?μ|π\.?μ|ös\b|öö\b|em\b|fm\b|ch\b|sa\b)"
)
_DAY: Final = 86_400
_ERA: Final = {"令和": 2018, "平成": 1988, "昭和": 1925, "r": 2018, "h": 1988, "民國": 1911, "民国": 1911}

_MONTHS_AS: Final = "\ue001-\ue00c"  # characters that ``_day`` writes for the names of January to December
_MONTH: Final = f"(?P<m>[{_MONTHS_AS}])"
_DAY_NUMBER: Final = r"(?<!\d)(?P<d>0{0,2}[1-9]|0?[12]\d|0?3[01])(?!\d)"
_GAP: Final = rf"[^\d{_MONTHS_AS}]"
_YEAR: Final = rf"(?:{_GAP}{{0,24}}(?P<y>\d{{4}})|{_GAP}{{0,3}}(?P<short>\d\d)(?![\d:：]))"
_DAYS: Final = tuple(
    map(
        re.compile,
        (
            r"(?P<era>令和|平成|昭和|民國|民国|\b[rh](?=\d))[ \t]?(?P<y>\d{1,3}|元)[ \t]?[年./-][ \t]?(?P<m>\d{1,2})"
            r"[ \t]?[月./-][ \t]?(?P<d>\d{1,2})",
            r"(?P<y>\d{4}|\d{2})[ \t]?[年년][ \t]{0,2}(?P<m>\d{1,2})[ \t]?[月월][ \t]{0,2}(?P<d>\d{1,2})[ \t]?[日일]",
            r"(?P<m>\d{1,2})[ \t]?[月월][ \t]?(?P<d>\d{1,2})[日일]?, ?(?P<y>\d{4})",
            r"(?<!\d)(?P<y>\d{4})[./-] ?(?P<m>\d{1,2})[./-] ?(?P<d>\d{1,2})(?!\d)",
            r"(?P<d>\d{1,2}) (?:thg|tháng) (?P<m>\d{1,2}),? (?:năm )?(?P<y>\d{4})",
            rf"(?<!\d)(?P<y>\d{{4}}){_GAP}{{0,6}}{_DAY_NUMBER}[^\d:{_MONTHS_AS}]{{0,6}}{_MONTH}",  # "2016. g. 3. febr."
            rf"{_DAY_NUMBER}[^\d:{_MONTHS_AS}]{{0,6}}{_MONTH}{_YEAR}",
            rf"(?<!\d)(?P<y>\d{{4}}){_GAP}{{0,5}}{_MONTH}{_GAP}{{0,3}}{_DAY_NUMBER}(?![:：])",
            rf"{_MONTH}{_GAP}{{0,3}}{_DAY_NUMBER}(?![:：]){_YEAR}",
        ),
    )
)
"""Forms of a complete day. Groups: ``y`` or ``short`` year, ``m`` month, ``d`` day, ``era`` of a Japanese year."""
_YEAR_LAST = re.compile(r"(?<![\d:])(\d{1,2})([./-]) ?(\d{1,2})[./-] ?(\d{4}|\d{2})(?![\d:])")
_CLOCK = re.compile(
    r"(?<![\d+.-])(\d{1,2}) ?(?:[:：.h時点时]|시) ?(\d{1,2})(?!\d)(?: ?(?:[:：.分]|분) ?(\d{2})(?!\d))?"
)
_HOUR = re.compile(r"(?<![\d:])(\d{1,2}) ?(?:am\b|pm\b|時(?!間)|uhr)")
_OFFSET = re.compile(
    r"(?:\b(?:gmt|utc)[ ]?)?(?<![\d-])([+-])[ ]?(\d{2}):?(\d{2})(?!\d)|\b(?:gmt|utc)[ ]?([+-])[ ]?(\d{1,2})(?!\d)"
)
_UNSIGNED = re.compile(r"[ \t]+(0\d|1[0-4])(00|15|30|45)(?![\d:])")
"""A zone whose sign is lost ("09:30:00 0800"). RFC 5322 §4.3 has no such form; it is read as east of UTC."""
_WORD = re.compile(r"[^\W\d_]+(?:[.'’׳\u0300-\u036f\u0e31-\u0e4e\u093c-\u094d]|[^\W\d_])*")


_LISTS: Final = load("dates")
ZONES: Final[dict[str, int]] = {zone: minutes for minutes, zones in _LISTS["zones"].items() for zone in zones.split()}
"""Zone name → minutes east of UTC."""


def _months() -> dict[str, int]:
    table: dict[str, int] = {}
    for row in _LISTS["months"].splitlines():
        for number, word in enumerate(row.split(), 1):
            for form in {word, word[:3]} if word.isascii() and len(word) > 4 else {word}:
                table.setdefault(fold(form), number)
    return table | {fold(word): number for word, number in _LISTS["more_months"].items()}


_MONTHS: Final = _months()  # folded name or abbreviation of a month → its number


def read(text: str, default_zone: tzinfo, mail_date: datetime | None = None) -> tuple[datetime, bool] | None:
    """Return (time, whether ``default_zone`` was used); None if there is no complete day.

    ``mail_date``: of the mail that contains the text. An ambiguous date such as 3/4/2026 is the day closest to it and
    at most 32 days before it.
    """
    text = fold(text[:LONGEST])
    day, remainder = _day(text, mail_date)
    if day is None:
        return None
    hour, minute, second, after_time = _time(remainder)
    zone = _zone(after_time)
    try:
        at = datetime(*day, hour, minute, second, tzinfo=zone if zone is not None else default_zone)
    except (ValueError, OverflowError):
        return None
    return (at, zone is None) if 1970 <= at.year <= 2199 else None  # no mail has another year


def has_day(text: str) -> bool:
    """Return whether the text contains a complete day (year, month, day)."""
    return _day(fold(text[:LONGEST]), None)[0] is not None


def zone_of(language: str, mail_date: datetime | None) -> tzinfo:
    """Return the time zone of dates that state none, by the language and Date of the mail.

    This is the offset of the Date header. But Exchange writes Date in UTC, and local time in header blocks. Therefore,
    if Date is in UTC, the zone is +09:00 for Japanese and Korean (``ja``, ``ko``), and +08:00 for Chinese.
    """
    offset = mail_date.utcoffset() if mail_date is not None else None
    if offset:
        return timezone(offset)
    hours = {"ja": 9, "ko": 9, "zh": 8}.get(language)
    return timezone(timedelta(hours=hours)) if hours else UTC


def _day(text: str, mail_date: datetime | None) -> tuple[tuple[int, int, int] | None, str]:
    """Return the first day as (year, month, day), and the rest of the text. Without a day: (None, text)."""
    text = _WORD.sub(_month_character, text)
    for pattern in _DAYS:
        if m := pattern.search(text):
            return _parts(m.groupdict()), _without(text, m)
    for m in _YEAR_LAST.finditer(text):
        order = _month_and_day(int(m[1]), int(m[3]), text, _year(m[4]), m[2] == ".", mail_date)
        if order is not None:
            return (_year(m[4]), *order), _without(text, m)
    return None, text


def _without(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} {text[match.end() :]}"


def _month_character(word: re.Match[str]) -> str:
    """Return the character for a name of a month, also after a preposition; else the word."""
    name = word[0].rstrip(".'’׳")
    number = _MONTHS.get(name)
    if number is None and name[:1] in ("ב", "d") and len(name) > 3:
        number = _MONTHS.get(name.removeprefix("ב").removeprefix("d'").removeprefix("d’"))
    return word[0] if number is None else chr(0xE000 + number)


def _parts(groups: dict[str, str | None]) -> tuple[int, int, int]:
    """Return (year, month, day) of a match of ``_DAYS``."""
    written, month = groups["y"] or groups.get("short") or "", groups["m"] or ""
    era = _ERA.get(groups.get("era") or "")
    year = _year(written) if era is None else era + (1 if written == "元" else int(written))
    year = year - 543 if year > 2400 else year  # a year of the Buddhist era
    return year, int(month) if month.isdecimal() else ord(month) - 0xE000, int(groups["d"] or 0)


def _year(digits: str) -> int:
    year = int(digits)
    return year if len(digits) > 2 else year + (2000 if year < 70 else 1900)


def _month_and_day(
    first: int, second: int, text: str, year: int, day_first: bool, mail_date: datetime | None
) -> tuple[int, int] | None:
    """Return (month, day) of the date first/second/year; None if it is invalid in both orders."""
    orders = [(month, day) for month, day in ((first, second), (second, first)) if 1 <= month <= 12 and 1 <= day <= 31]
    if len(orders) < 2 or first == second:
        return orders[0] if orders else None
    if not day_first and mail_date is not None:
        ages = []
        for month, day in orders:
            try:
                age = (mail_date - datetime(year, month, day, tzinfo=mail_date.tzinfo or UTC)).total_seconds()
            except (ValueError, OverflowError, TypeError):
                continue
            if -_DAY < age < 32 * _DAY:
                ages.append((abs(age), month, day))
        if ages:
            return min(ages)[1:]
    return (second, first) if day_first or not _HALVES.search(text) else (first, second)


def _time(text: str) -> tuple[int, int, int, str]:
    """Return (hour, minute, second, text after them); a number that is not stated is 0."""
    m = _CLOCK.search(text)
    if m is not None:
        hour, minute, second, end = int(m[1]), int(m[2]), min(int(m[3] or 0), 59), m.end()
    elif m := _HOUR.search(text):
        hour, minute, second, end = int(m[1]), 0, 0, m.end(1)
    else:
        return 0, 0, 0, text
    half = _HALVES.match(text, end)
    name = half[1] if half is not None else next((n for n in _CJK_HALVES if text[: m.start()].rstrip().endswith(n)), "")
    if name.replace(" ", "").replace(".", "") in _AFTERNOON:
        hour = hour + 12 if hour < 12 else hour
    elif name and hour == 12:
        hour = 0
    return (hour, minute, second, text[end:]) if hour < 24 and minute < 60 else (0, 0, 0, text[end:])


def _zone(text: str) -> tzinfo | None:
    if m := _OFFSET.search(text[:40]):
        minutes = int(m[2] or m[5]) * 60 + int(m[3] or 0)
        return timezone(timedelta(minutes=-minutes if "-" in (m[1], m[4]) else minutes)) if minutes < 1440 else None
    for m in _WORD.finditer(text[:24]):
        if m[0] in ZONES:
            return timezone(timedelta(minutes=ZONES[m[0]]))
    if m := _UNSIGNED.match(text):
        return timezone(timedelta(hours=int(m[1]), minutes=int(m[2])))
    return None
