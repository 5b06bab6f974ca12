"""Deadlines and promised times in a sentence, resolved against the date of the mail.

A day without a time means the end of that day. A weekday means its next occurrence, today included. A length of time
("within two hours", 「3営業日以内」) counts from the time of writing. No function here reads the clock.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

_DAYS_JA = "月火水木金土日"
_DAYS_EN = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_NUMERIC = re.compile(
    r"(?<![\d/.])(?:(?P<year>20\d\d)[-/.年]\s?)?(?P<month>1[0-2]|0?[1-9])[-/月]\s?"
    r"(?P<day>3[01]|[12]\d|0?[1-9])日?(?![\d/])"
)
_DAY_MONTH = re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?:,?\s+(?P<year>20\d\d))?\b", re.I)
_MONTH_DAY = re.compile(rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<year>20\d\d))?", re.I)
_DAY_ONLY = re.compile(
    r"(?<![\d月/])(?P<day>3[01]|[12]\d|[1-9])日(?!間|前|後|目|以|ほど|程|くらい|ぐらい)"
    r"|\bthe (?P<day2>\d{1,2})(?:st|nd|rd|th)\b"
)
_RELATIVE = (
    (re.compile(r"明後日|あさって|day after tomorrow", re.I), 2),
    (re.compile(r"明日|あした|翌日|\btomorrow\b", re.I), 1),
    (
        re.compile(
            r"本日|今日|今晩|今夜|きょう|今夕|夕方まで|\b(?:today|tonight|this (?:morning|afternoon|evening)|eod|cob"
            r"|end of (?:the )?day|(?:end|close) of business)\b",
            re.I,
        ),
        0,
    ),
)
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MOVING_DAY = (
    r"(?:(?<![基日])本日|今日(?!本(?![店社部番]))|きょう|今朝|けさ|今晩|今夜|今夕|今週|今月"
    r"|昨日|きのう|昨夜|昨晩|おととい|おとつい|先週|先月|先日|明日(?!香)|あした|明朝|明後日|あさって|来週|来月"
    r"|(?<!毎)(?<![毎各隔]週)(?<!毎週の)[月火水木金土日]曜(?!ごと|毎)日?"
    r"|\b(?:to(?:day|night|morrow)|yesterday|last night|(?:this|last|next) (?:morning|afternoon|evening|week(?:end)?"
    rf"|month)|(?:this|last|next|on|by|until|till|since|before|after|from) {_WEEKDAY}"
    rf"|(?<!every ){_WEEKDAY} (?:morning|noon|afternoon|evening|night))\b)"
)
_MOVING = re.compile(_MOVING_DAY, re.I)
"""Words for a day that depend on the day on which they are written."""
_SHORT_DATE = r"(?:1[0-2]|0?[1-9])[-/](?:3[01]|[12]\d|0?[1-9])(?![-/.\d])"
_DATED = (
    re.compile(r"(?<!\d)20\d\d[-/年]\s?\d{1,2}[-/月]\s?\d{1,2}|(?<!\d)\d{1,2}月\s?\d{1,2}日"),
    re.compile(
        rf"{_MOVING_DAY}[ \u3000]?(?:[(（] ?{_SHORT_DATE}|,? ?{_SHORT_DATE}(?= ?(?:[)）,、の]|at\b|\d{{1,2}}[:時]|$)))",
        re.I,
    ),
    re.compile(rf"(?<![-/.\d]){_SHORT_DATE} ?[(（] ?{_MOVING_DAY}", re.I),
)
"""A day of the calendar. Month and day with a slash count only beside such a word: others may be fractions."""
_NEXT_WEEK = re.compile(r"来週|\bnext week\b", re.I)
_JA_WEEKDAY = re.compile(r"(?P<next>来週の?)?(?P<day>[月火水木金土日])曜日?")
_EN_WEEKDAY = re.compile(r"\b(?P<next>next )?(?P<day>mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)(?:day)?\b", re.I)
_WEEK_END = re.compile(r"今週(?:中|末|いっぱい)|\b(?:end of (?:the|this) week|this week|by the weekend)\b", re.I)
_MONTH_END = re.compile(r"(?:今月(?:末|中|いっぱい)|月末|当月末)|\bend of (?:the|this) month\b", re.I)
_CLOCK = (
    re.compile(
        r"(?P<half>午前|午後|夕方|夜)?の?(?P<hour>2[0-9]|1\d|0?\d)(?:時(?P<min>[0-5]?\d)分|時(?P<thirty>半)?|:(?P<min2>[0-5]\d))(?!間)"
    ),
    re.compile(r"\b(?P<hour>1[0-2]|0?\d)(?::(?P<min>[0-5]\d))?\s?(?P<half>am|pm)\b", re.I),
)
_NOON = re.compile(
    r"正午|お昼|\bnoon\b|\blunch(?:time)?\b|午前中|朝一|朝まで|\b(?:first thing|tomorrow morning)\b", re.I
)
"""Noon, and a morning, which ends then."""
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBER_EN = rf"\d{{1,3}}|an?|{'|'.join(_NUMBERS)}"
_KANJI = "一二三四五六七八九十"
_SPANS = (
    re.compile(
        rf"(?P<number>\d{{1,3}}|[{_KANJI}])\s?(?P<unit>分|時間|営業日|日|週間)間?"
        r"(?:以内|後|(?:ほど|程度?|くらい|ぐらい)?、?\s?(?:で|お?待ち|お?時間|かか))"
    ),
    re.compile(
        rf"\b(?:with)?in (?:(?:about|around|roughly|approximately|less than|the next|another) )*"
        rf"(?:(?:{_NUMBER_EN})(?: (?:to|or) |\s?[-–]\s?))?(?:the )?(?:(?P<number>{_NUMBER_EN})\b[ -]?|(?=hour\b))"
        r"(?P<unit>(?:business |working )?(?:minute|hour|day|week))s?\b(?: or (?P<more>two|three)\b)?",
        re.I,
    ),
)
"""Lengths of time from the time of writing; of "two to three" the longer."""
_ZONES = {"JST": 9, "UTC": 0, "GMT": 0, "CET": 1, "CEST": 2, "EST": -5, "EDT": -4, "PST": -8, "PDT": -7, "SGT": 8}
_ZONE = re.compile(rf"\b(?:{'|'.join(_ZONES)})\b|日本時間")


def read_limit(text: str, written: datetime | None) -> datetime | None:
    """Return the time that a sentence states, or None.

    If the sentence names no time zone, the zone of ``written`` is used.
    """
    if written is None:
        return None
    day = _day(text, written.date())
    clock = _clock(text)
    if day is None and clock is None:
        return _after(text, written)
    zone = _zone(text, written.tzinfo or UTC)
    return datetime.combine(day or written.date(), clock or time(23, 59), tzinfo=zone)


def has_moving_day(text: str) -> bool:
    """Whether a text names a day only by words such as "today" or "tomorrow"."""
    return bool(_MOVING.search(text)) and not any(named.search(text) for named in (*_DATED, _DAY_MONTH, _MONTH_DAY))


def _after(text: str, written: datetime) -> datetime | None:
    """Return the end of the length of time that a sentence states, such as "within two days".

    It is the end of the day, unless the length is in hours or minutes.

    Business days skip weekends, but not holidays.
    """
    match = next((found for pattern in _SPANS if (found := pattern.search(text))), None)
    if match is None:
        return None
    unit, number = match["unit"].lower(), _number(match.groupdict().get("more") or match["number"] or "one")
    if unit in ("分", "minute", "時間", "hour"):
        return written + number * (timedelta(minutes=1) if unit in ("分", "minute") else timedelta(hours=1))
    end = written
    if unit == "営業日" or unit.startswith(("business", "working")):
        for _ in range(number):
            end = next_business_end(end)
    else:
        end += timedelta(days=number * (7 if unit in ("週間", "week") else 1))
    return datetime.combine(end.date(), time(23, 59), tzinfo=written.tzinfo or UTC)


def _number(word: str) -> int:
    if word in _KANJI:
        return _KANJI.index(word) + 1
    return int(word) if word.isdigit() else _NUMBERS.index(word.lower()) + 1 if word.lower() in _NUMBERS else 1


def _zone(text: str, default: tzinfo) -> tzinfo:
    match = _ZONE.search(text)
    return timezone(timedelta(hours=_ZONES.get(match.group(), _ZONES["JST"]))) if match else default  # 日本時間 is JST


def _day(text: str, today: date) -> date | None:
    for pattern in (_NUMERIC, _DAY_MONTH, _MONTH_DAY):
        for match in pattern.finditer(text):
            named = _named(match, today)
            if named is not None:
                return named
    for pattern, days in _RELATIVE:
        if pattern.search(text):
            return today + timedelta(days=days)
    if ja := _JA_WEEKDAY.search(text):
        return _weekday(today, _DAYS_JA.index(ja["day"]), bool(ja["next"]))
    en = _EN_WEEKDAY.search(text)
    if en and en.group().lower() not in ("sun", "sat", "mon", "fri", "wed"):
        return _weekday(today, _DAYS_EN.index(en["day"][:3].lower()), bool(en["next"]))
    if _WEEK_END.search(text):
        return today + timedelta(days=(4 - today.weekday()) % 7)
    if _NEXT_WEEK.search(text):
        return today + timedelta(days=11 - today.weekday())
    if _MONTH_END.search(text):
        return _next_month(today) - timedelta(days=1)
    only = _DAY_ONLY.search(text)
    return _day_of_month(today, int(only["day"] or only["day2"])) if only else None


def _named(match: re.Match[str], today: date) -> date | None:
    groups = match.groupdict()
    month = groups["month"].lower()
    number = int(month) if month.isdigit() else _MONTHS.index(month[:3]) + 1
    try:
        if groups.get("year"):
            return date(int(groups["year"]), number, int(groups["day"]))
        named = date(today.year, number, int(groups["day"]))
        return named if named >= today - timedelta(days=183) else named.replace(year=today.year + 1)
    except ValueError:
        return None


def _weekday(today: date, weekday: int, following: bool) -> date:
    if following:
        return today + timedelta(days=7 - today.weekday() + weekday)
    return today + timedelta(days=(weekday - today.weekday()) % 7)


def _next_month(today: date) -> date:
    """Return the first day of the next month."""
    return (today.replace(day=28) + timedelta(days=4)).replace(day=1)


def _day_of_month(today: date, day: int) -> date | None:
    try:
        named = today.replace(day=day)
        return named if named >= today else _next_month(today).replace(day=day)
    except ValueError:
        return None


def _clock(text: str) -> time | None:
    for pattern in _CLOCK:
        match = pattern.search(text)
        if match:
            groups = match.groupdict()
            hour = int(groups["hour"])
            minute = int(groups.get("min") or groups.get("min2") or (30 if groups.get("thirty") else 0))
            if (groups.get("half") or "").lower() in ("午後", "pm", "夕方", "夜") and hour < 12:
                hour += 12
            if hour < 24 and minute < 60:
                return time(hour, minute)
    return time(12) if _NOON.search(text) else None


def next_business_end(written: datetime, is_off: Callable[[date], bool] = lambda _: False) -> datetime:
    """Return the end of the next business day after ``written`` (docs/design.md, Priority)."""
    day = written.date() + timedelta(days=1)
    while day.weekday() >= 5 or is_off(day):
        day += timedelta(days=1)
    return datetime.combine(day, time(23, 59, 59), tzinfo=written.tzinfo or UTC)
