"""When a mail was written: which dates are believed, and in which zone a header block is read that names none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

from service.mail.message import Earlier, Mail


def moment(date: datetime | None, limit: datetime) -> tuple[datetime, bool]:
    """When a mail was written, in UTC; a date that is missing, or far in the future of its receipt, is not believed."""
    ceiling = limit.astimezone(UTC)
    if date is None:
        return ceiling, False
    moment = date.astimezone(UTC)
    return (moment, True) if moment <= ceiling + timedelta(days=400) else (ceiling, False)


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
