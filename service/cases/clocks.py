"""How long each side had to act: elapsed seconds, and seconds of business time without public holidays.

Our working hours are in the site file, the working hours of a vendor in the vendor file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

import holidays

from mailrules.engine.judge import Rules
from mailrules.site import Calendar
from mailrules.thread import Side
from mailrules.vendors.profile import Hours


@dataclass(frozen=True, slots=True)
class Span:
    """A period during which one side had to act."""

    side: Side
    start: datetime
    end: datetime


def elapsed(spans: Iterable[Span], side: Side) -> int:
    """Return the total seconds during which ``side`` had to act."""
    return int(sum((span.end - span.start).total_seconds() for span in spans if span.side == side))


def business(spans: Iterable[Span], side: Side, calendar: Calendar) -> int:
    """Return the seconds within the working hours of ``calendar`` during which ``side`` had to act."""
    return int(sum(_working(s.start, s.end, calendar) for s in spans if s.side == side))


def spans_of(moves: Sequence[tuple[datetime, Side | None]], until: datetime) -> list[Span]:
    """Return the periods between sorted ``moves`` (time, side to act from then on). The last ends at ``until``."""
    ends = [*(start for start, _ in moves[1:]), until]
    return [Span(side, at, end) for (at, side), end in zip(moves, ends, strict=False) if side is not None and end > at]


def _working(start: datetime, end: datetime, calendar: Calendar) -> float:
    if end <= start:
        return 0.0
    here, there = start.astimezone(calendar.zone), end.astimezone(calendar.zone)
    if (there.date() - here.date()).days > 3660:
        here = there - timedelta(days=3660)
    total, day, last = 0.0, here.date(), there.date()
    free = _free(calendar.country, here.year, there.year).union(calendar.closed)
    for edge in (day, last) if day < last else (day,):
        if edge.weekday() in calendar.weekdays and edge not in free:
            opens = datetime.combine(edge, calendar.open, calendar.zone)
            closes = datetime.combine(*_closing(edge, calendar), calendar.zone)
            total += max(0.0, (min(there, closes) - max(here, opens)).total_seconds())
    return total + _days_between(day, last, calendar.weekdays, free) * _day(calendar)


def _days_between(first: date, last: date, weekdays: range, free: frozenset[date]) -> int:
    """Return the number of working days after ``first`` and before ``last``."""
    if (days := (last - first).days - 1) <= 0:
        return 0
    weeks, rest = divmod(days, 7)
    ahead = first.weekday() + 1
    working = weeks * sum(day in weekdays for day in range(7)) + sum(
        (ahead + step) % 7 in weekdays for step in range(rest)
    )
    return working - sum(first < one < last and one.weekday() in weekdays for one in free)


def _closing(day: date, calendar: Calendar) -> tuple[date, time]:
    """Return when working hours end. Midnight means the end of the day."""
    return (day, calendar.close) if calendar.close != time(0) else (day + timedelta(days=1), time(0))


def _day(calendar: Calendar) -> float:
    """Return the seconds of a whole working day in local time, ignoring daylight saving changes."""
    opens, closes = datetime.combine(date.min, calendar.open), datetime.combine(*_closing(date.min, calendar))
    return max(0.0, (closes - opens).total_seconds())


@lru_cache(maxsize=256)
def _free(country: str, first: int, last: int) -> frozenset[date]:
    if country == "none":
        return frozenset()
    return frozenset(holidays.country_holidays(country, years=range(first, last + 1)))


def calendars_of(rules: Rules, vendor: str | None) -> Mapping[Side, Calendar]:
    """Return the calendars for ``revise``; a vendor without a vendor file gets default working hours."""
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
