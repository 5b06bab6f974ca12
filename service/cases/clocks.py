"""How long each side had to act, in elapsed seconds and in seconds of business time.

Our working hours are in the site file, the working hours of a vendor in the vendor file.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import holidays
import numpy as np

from mailrules.engine.judge import Rules
from mailrules.fields import OpeningHours
from mailrules.site import Calendar
from mailrules.thread import Side
from mailrules.vendors.profile import Hours

_WEEK = {"mon-fri": "1111100", "mon-sat": "1111110", "all": "1111111"}
_LONGEST = timedelta(days=3660)  # earlier business time of one period is not counted


def held_by_side(
    moves: Sequence[tuple[datetime, Side | None]], until: datetime, calendars: Mapping[Side, Calendar]
) -> dict[str, Any]:
    """Return side → seconds during which the side had to act; ``business``: the same in business time.

    ``moves``: sorted (time, side that has to act from then on). Moves after ``until`` are left out.
    """
    moves = [move for move in moves if move[0] <= until]
    elapsed, worked = dict.fromkeys(calendars, 0.0), dict.fromkeys(calendars, 0.0)
    ends = [*(start for start, _ in moves[1:]), until]
    for (start, side), end in zip(moves, ends, strict=False):
        if side is not None and start < end:
            elapsed[side] += (end - start).total_seconds()
            worked[side] += business_seconds(start, end, calendars[side])
    return {**_whole(elapsed), "business": _whole(worked)}


def _whole(seconds: Mapping[Side, float]) -> dict[str, int]:
    return {side: int(number) for side, number in seconds.items()}


def business_seconds(start: datetime, end: datetime, calendar: Calendar) -> float:
    """Return the seconds between two times that are within the working hours of ``calendar``."""
    if end <= start:
        return 0.0
    first, last = (at.astimezone(calendar.zone) for at in (max(start, end - _LONGEST), end))
    days = _working_days(calendar.country, first.year, last.year, calendar.days, tuple(calendar.closed))
    length, dates = working_day(calendar), [first.date(), last.date()]
    total = int(np.busday_count(first.date(), last.date(), busdaycal=days)) * length
    for at, sign, works in zip((first, last), (-1, 1), np.is_busday(dates, busdaycal=days), strict=True):
        if works:  # add the working time of the last day until the end, subtract that of the first day until the start
            opens = datetime.combine(at, calendar.open, calendar.zone)
            total += sign * min(max(at - opens, timedelta()), length)
    return total.total_seconds()


def working_day(hours: OpeningHours) -> timedelta:
    """Return the length of a working day. Closing at midnight means the end of the day."""
    opens, closes = (timedelta(hours=at.hour, minutes=at.minute) for at in (hours.open, hours.close))
    return (closes or timedelta(days=1)) - opens


@lru_cache(maxsize=256)
def _working_days(country: str, first: int, last: int, days: str, closed: tuple[date, ...]) -> np.busdaycalendar:
    """Return the working days of these years. ``days``: those of a week."""
    free = () if country == "none" else holidays.country_holidays(country, years=range(first, last + 1))
    return np.busdaycalendar(_WEEK[days], [*free, *closed])


def calendars_of(rules: Rules, vendor: str | None) -> Mapping[Side, Calendar]:
    """Return the calendars for ``revise``. A vendor without a vendor file has default working hours."""
    profile = rules.vendors.profiles.get(vendor or "")
    ours = rules.site.calendar
    return {
        "team": ours,
        "requester": rules.site.requester_calendar or ours,
        "vendor": Calendar() if profile is None else _of_vendor(profile.hours),
    }


def _of_vendor(hours: Hours) -> Calendar:
    if hours.calendar == "none":
        return Calendar(country="none", open=time(0), close=time(0), days="all")
    return Calendar(country=hours.calendar, days=hours.days, open=hours.open, close=hours.close, zone=hours.zone)
