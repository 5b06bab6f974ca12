"""Working hours of each side: ours from the site file, the vendor's from its vendor file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from zoneinfo import ZoneInfo

from mailrules import site
from mailrules.engine.judge import Rules
from mailrules.thread import Side
from mailrules.vendors.profile import Hours
from service.cases.clocks import Calendar

_DAYS = {"mon-fri": frozenset(range(5)), "mon-sat": frozenset(range(6)), "all": frozenset(range(7))}


def calendars_of(rules: Rules, vendor: str | None) -> Mapping[Side, Calendar]:
    """Return the calendars for ``revise``; a vendor without a vendor file gets default working hours."""
    profile = rules.vendors.profiles.get(vendor or "")
    ours = _of_site(rules.site.calendar)
    asking = rules.site.requester_calendar
    return {
        "team": ours,
        "requester": ours if asking is None else _of_site(asking),
        "vendor": Calendar() if profile is None else _of_vendor(profile.hours),
    }


def _of_site(given: site.Calendar) -> Calendar:
    return Calendar(
        zone=ZoneInfo(given.zone),
        country="" if given.country == "none" else given.country,
        opens=given.open,
        closes=given.close,
        weekdays=_DAYS[given.days],
        closed=frozenset(given.closed),
    )


def _of_vendor(hours: Hours) -> Calendar:
    if hours.calendar == "none":
        return Calendar(country="", opens=time(0), closes=time(0), weekdays=_DAYS["all"])
    return Calendar(
        zone=ZoneInfo(hours.zone),
        country=hours.calendar,
        opens=hours.open,
        closes=hours.close,
        weekdays=_DAYS[hours.days],
    )
