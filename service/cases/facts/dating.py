"""When a mail was written: which dates are plausible, and the time zone of quoted dates that state none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

from service.mail.message import Earlier, Mail

CLOCKS_DIFFER = timedelta(minutes=15)
"""A Date header may be at most this much later than the time of receipt; otherwise it is ignored."""

ZONES_DIFFER = timedelta(hours=15)
"""The same tolerance for quoted mail, whose header lines usually state no time zone."""


def moment(date: datetime | None, received: datetime, tolerance: timedelta = CLOCKS_DIFFER) -> tuple[datetime, bool]:
    """Return when a mail was written (UTC), and whether that is its own date.

    The time of receipt is returned if the date is missing or later than ``received`` plus ``tolerance``.
    """
    received = received.astimezone(UTC)
    if date is None:
        return received, False
    moment = date.astimezone(UTC)
    return (moment, True) if moment <= received + tolerance else (received, False)


def in_zone(earlier: Earlier, mail: Mail, zone: tzinfo, ours: bool) -> datetime | None:
    """Return the date of a quoted header block, in a plausible zone if the block states none.

    Mail clients write such dates in the zone of the outer mail's author. Exchange writes Date headers in UTC, so an
    outer mail in UTC does not show that zone, and ``zone`` is used. It is also used for mail of our own people
    (``ours``), whoever quotes it.
    """
    date = earlier.date
    if date is None or not earlier.zone_assumed:
        return date
    outer = mail.date
    if outer is not None and outer.utcoffset() not in (None, timedelta(0)) and not ours:
        return date
    local = date.replace(tzinfo=zone)
    fixed = local.replace(tzinfo=timezone(local.utcoffset() or timedelta(0)))
    if outer is not None and fixed > outer + timedelta(hours=1) and date <= outer:
        return date
    return fixed
