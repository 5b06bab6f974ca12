"""Parses dates of header blocks and attribution lines: 令和, 午前/午後, months in 25 languages, with or without a zone.

``read`` is pure. If the text states no zone, it uses the caller's assumption and reports that.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from service.mail.word_lists import load

LONGEST: Final = 200
"""A longer text is truncated to this many characters."""

_AFTERNOON: Final = frozenset({"pm", "午後", "下午", "오후", "nachm", "μμ", "ös", "晚上", "em", "ch"})
_CJK_HALVES: Final = ("午後", "下午", "오후", "晚上", "午前", "上午", "오전", "凌晨", "öö", "ös")
_HALVES = re.compile(
    r"(?:[ \t]*[分秒])?[ \t]*(a\.? ?m\b|p\.? ?m\b|午後|午前|nachm|vorm|μ\.?μ|π\.?μ|ös\b|öö\b|em\b|fm\b|ch\b|sa\b)"
)
_DAY: Final = 86_400
_ERA: Final = {"令和": 2018, "平成": 1988, "昭和": 1925, "r": 2018, "h": 1988, "民國": 1911, "民国": 1911}

_ERA_DATE = re.compile(
    r"(令和|平成|昭和|民國|民国|\b[rh](?=\d))[ \t]?(\d{1,3}|元)[ \t]?[年./-][ \t]?(\d{1,2})[ \t]?[月./-][ \t]?(\d{1,2})"
)
_CJK_DATE = re.compile(r"(\d{4}|\d{2})[ \t]?[年년][ \t]{0,2}(\d{1,2})[ \t]?[月월][ \t]{0,2}(\d{1,2})[ \t]?[日일]")
_CJK_YEAR_LAST = re.compile(r"(\d{1,2})[ \t]?[月월][ \t]?(\d{1,2})[日일]?, ?(\d{4})")
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})[./-] ?(\d{1,2})[./-] ?(\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(?<![\d:])(\d{1,2})([./-]) ?(\d{1,2})[./-] ?(\d{4}|\d{2})(?![\d:])")
_CLOCK = re.compile(
    r"(?<![\d+.-])(\d{1,2}) ?(?:[:：.h時点时]|시) ?(\d{1,2})(?!\d)(?: ?(?:[:：.分]|분) ?(\d{2})(?!\d))?"
)
_HOUR = re.compile(r"(?<![\d:])(\d{1,2}) ?(?:am\b|pm\b|時(?!間)|uhr)")
_OFFSET = re.compile(
    r"(?:\b(?:gmt|utc)[ ]?)?(?<![\d-])([+-])[ ]?(\d{2}):?(\d{2})(?!\d)|\b(?:gmt|utc)[ ]?([+-])[ ]?(\d{1,2})(?!\d)"
)
_WORD = re.compile(r"[^\W\d_]+(?:[.'’׳\u0300-\u036f\u0e31-\u0e4e\u093c-\u094d]|[^\W\d_])*")
_VIETNAMESE = re.compile(r"(\d{1,2}) (?:thg|tháng) (\d{1,2}),? (?:năm )?(\d{4})")
_NUMBER = re.compile(r"\d{1,4}")


def _plain(text: str) -> str:
    """Normalise for comparison: NFKC, case-folded, without format characters."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) != "Cf")


_LISTS: Final = load("dates")
ZONES: Final[dict[str, int]] = {zone: minutes for minutes, zones in _LISTS["zones"].items() for zone in zones.split()}
"""Zone name → minutes east of UTC."""


def _months() -> dict[str, int]:
    table: dict[str, int] = {}
    for row in _LISTS["months"].splitlines():
        for number, word in enumerate(row.split(), 1):
            for form in {word, word[:3]} if word.isascii() and len(word) > 4 else {word}:
                table.setdefault(_plain(form), number)
    return table | {_plain(word): number for word, number in _LISTS["more_months"].items()}


_MONTHS: Final = _months()
"""Folded name or abbreviation → number."""


def read(
    text: str, assumed: tzinfo, written: datetime | None = None, day_first: bool | None = None
) -> tuple[datetime, bool] | None:
    """Return the time stated in ``text`` and whether its zone was assumed; None if it states no complete day.

    ``written`` is the date of the mail that contains the text. An ambiguous date such as 3/4/2026 is read as the day
    closest to ``written`` (at most a month before), unless ``day_first`` is given.
    """
    text = _plain(text[:LONGEST])
    day, rest = _day(text, written, day_first)
    if day is None:
        return None
    hour, minute, second, tail = _time(rest)
    zone = _zone(tail)
    try:
        at = datetime(*day, hour, minute, second, tzinfo=zone if zone is not None else assumed)
    except (ValueError, OverflowError):
        return None
    return None if usable(at) is None else (at, zone is None)


def usable(date: datetime) -> datetime | None:
    """Return ``date``; None if its year is not 1970 to 2199, which no mail has and which may overflow in UTC."""
    return date if 1970 <= date.year <= 2199 else None


def has_day(text: str) -> bool:
    """Whether the text contains a complete day (year, month, day)."""
    return _day(_plain(text[:LONGEST]), None, None)[0] is not None


def zone_of(text_is: str, containing: datetime | None) -> tzinfo:
    """Return the zone to assume for a date without one.

    This is the offset of the containing mail. But Exchange writes every Date in UTC, while the header blocks inside use
    local time: a UTC mail in Japanese or Korean (``text_is`` = ja, ko) gets +09:00, one in Chinese +08:00.
    """
    offset = containing.utcoffset() if containing is not None else None
    if offset:
        return timezone(offset)
    hours = {"ja": 9, "ko": 9, "zh": 8}.get(text_is)
    return timezone(timedelta(hours=hours)) if hours else UTC


def _day(text: str, written: datetime | None, day_first: bool | None) -> tuple[tuple[int, int, int] | None, str]:
    """Return (year, month, day) and the text without it; None and the text if there is no day."""
    if m := _ERA_DATE.search(text):
        year = _ERA[m[1]] + (1 if m[2] == "元" else int(m[2]))
        return (year, int(m[3]), int(m[4])), _without(text, *m.span())
    for pattern, read_year, year, month, day in (
        (_CJK_DATE, _year, 1, 2, 3),
        (_CJK_YEAR_LAST, int, 3, 1, 2),
        (_YEAR_FIRST, int, 1, 2, 3),
        (_VIETNAMESE, int, 3, 2, 1),
    ):
        if m := pattern.search(text):
            return (read_year(m[year]), int(m[month]), int(m[day])), _without(text, *m.span())
    named = _named(text)
    if named is not None:
        return named[0], _without(text, *named[1:])
    for m in _YEAR_LAST.finditer(text):
        first = True if day_first is None and m[2] == "." else day_first
        order = _order(int(m[1]), int(m[3]), text, _year(m[4]), first, written)
        if order is not None:
            return (_year(m[4]), *order), _without(text, *m.span())
    return None, text


def _without(text: str, start: int, end: int) -> str:
    return f"{text[:start]} {text[end:]}"


def _year(digits: str) -> int:
    year = int(digits)
    return year + 2000 if year < 70 else year + 1900 if year < 100 else year


def _order(
    a: int, b: int, text: str, year: int, day_first: bool | None, written: datetime | None
) -> tuple[int, int] | None:
    """Return (month, day) of a/b/year; None if neither order is a valid date."""
    orders = [(month, day) for month, day in ((a, b), (b, a)) if 1 <= month <= 12 and 1 <= day <= 31]
    if len(orders) < 2 or a == b:
        return orders[0] if orders else None
    if day_first is None and written is not None:
        ages = []
        for month, day in orders:
            try:
                age = (written - datetime(year, month, day, tzinfo=written.tzinfo or UTC)).total_seconds()
            except (ValueError, OverflowError, TypeError):
                continue
            if -_DAY < age < 32 * _DAY:
                ages.append((abs(age), month, day))
        if ages:
            return min(ages)[1:]
    if day_first is None:
        day_first = not _HALVES.search(text)
    return (b, a) if day_first else (a, b)


def _named(text: str) -> tuple[tuple[int, int, int], int, int] | None:
    """Return (year, month, day) with a named month, and its start and end in the text; None if there is none."""
    places = []
    for m in _WORD.finditer(text):
        month = _month(m[0])
        if month is not None:
            places.append((m.start(), m.end(), month))
    for at, (start, end, month) in enumerate(places):
        left = places[at - 1][1] if at else 0
        right = places[at + 1][0] if at + 1 < len(places) else len(text)
        found = _beside(text, max(left, start - 24), start, end, min(right, end + 24))
        if found is not None:
            day, year, first, last = found
            return ((year - 543 if year > 2400 else year), month, day), first, last  # a year of the Buddhist era
    return None


def _month(word: str) -> int | None:
    word = word.rstrip(".'’׳")
    found = _MONTHS.get(word)
    if found is None and word[:1] in ("ב", "d") and len(word) > 3:
        found = _MONTHS.get(word.removeprefix("ב").removeprefix("d'").removeprefix("d’"))
    return found


def _beside(text: str, left: int, start: int, end: int, right: int) -> tuple[int, int, int, int] | None:
    """Return (day, year, start, end) around a month name, within ``left`` and ``right``; None if incomplete."""
    day = year = None
    first, last = start, end
    before = list(_NUMBER.finditer(text, left, start))
    if before:
        number = before[-1]
        between = text[number.end() : start]
        if len(number[0]) <= 2 and len(between) <= 6 and ":" not in between and 1 <= int(number[0]) <= 31:
            day, first = int(number[0]), number.start()
            if len(before) > 1 and len(before[-2][0]) == 4 and number.start() - before[-2].end() <= 6:
                year, first = int(before[-2][0]), before[-2].start()  # "2016. g. 3. febr."
        elif len(number[0]) == 4 and len(between) <= 5:
            year, first = int(number[0]), number.start()
    for number in list(_NUMBER.finditer(text, end, right))[:2]:
        value, width = int(number[0]), len(number[0])
        clock = text[number.end() : number.end() + 1] in (":", "：")
        if width == 4 and year is None:
            year, last = value, number.end()
        elif width <= 2 and day is None and 1 <= value <= 31 and number.start() - last <= 3 and not clock:
            day, last = value, number.end()
        elif width == 2 and day is not None and year is None and not clock and number.start() - last <= 3:
            year, last = _year(number[0]), number.end()
        else:
            break
    return (day, year, first, last) if day is not None and year is not None else None


def _time(text: str) -> tuple[int, int, int, str]:
    """Return hour, minute, second (0 if not stated) and the text after them."""
    m = _CLOCK.search(text)
    if m is not None:
        hour, minute, second, end = int(m[1]), int(m[2]), int(m[3] or 0), m.end()
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
    return (hour, minute, second, text[end:]) if hour < 24 and minute < 60 and second < 60 else (0, 0, 0, text[end:])


def _zone(text: str) -> tzinfo | None:
    if m := _OFFSET.search(text[:40]):
        if m[1]:
            minutes = int(m[2]) * 60 + int(m[3])
            sign = m[1]
        else:
            minutes, sign = int(m[5]) * 60, m[4]
        if minutes < 1440:
            return timezone(timedelta(minutes=-minutes if sign == "-" else minutes))
        return None
    for m in _WORD.finditer(text[:24]):
        if m[0] in ZONES:
            return timezone(timedelta(minutes=ZONES[m[0]]))
    return None
