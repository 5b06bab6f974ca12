"""When a mail was written: which dates are believed, and in which zone a header block is read that names none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

from service.mail.message import Earlier, Mail

CLOCKS_DIFFER = timedelta(minutes=15)
"""A mail's date is at most so much later than its receipt; a later one is not believed."""

ZONES_DIFFER = timedelta(hours=15)
"""The same for what a mail quotes: header blocks leave the zone out."""


def moment(date: datetime | None, received: datetime, tolerance: timedelta = CLOCKS_DIFFER) -> tuple[datetime, bool]:
    """When a mail was written, in UTC, and whether by its own date; the receipt where that is missing or impossible."""
    received = received.astimezone(UTC)
    if date is None:
        return received, False
    moment = date.astimezone(UTC)
    return (moment, True) if moment <= received + tolerance else (received, False)


def in_zone(earlier: Earlier, mail: Mail, zone: tzinfo, ours: bool) -> datetime | None:
    """The date of a header block that names no zone: mailers write it in the reader's zone.

    Exchange writes Date headers in UTC, so a containing mail in UTC says nothing about where its writer sits: then our
    own zone is meant, as it is for a mail of our own people, whoever quotes it.
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
