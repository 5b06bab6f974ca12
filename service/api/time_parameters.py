"""Parses times in requests and commands: ISO 8601, or a duration before now."""

import re
from datetime import UTC, datetime, timedelta

from service.errors import Refused

TIME_SCHEMA = [
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "date"},
    {"type": "string", "pattern": "^[0-9]{1,4}[smhdw]$", "examples": ["90m", "12h", "3d"]},
    {"type": "string", "maxLength": 0},
    {"type": "null"},
]
"""OpenAPI schema of a time in a request."""
_AGO = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_time(value: str | None, name: str, now: datetime) -> datetime | None:
    """Parse ``2026-11-24T01:00:00Z``, ``2026-11-24``, or a duration before now such as ``90m``.

    A time without a zone is in UTC. A blank value gives None. Raises Refused. ``name``: the parameter of the request.
    """
    if value is None or not value.strip():
        return None
    text = value.strip()
    try:
        if match := _AGO.fullmatch(text.lower()):
            return _in_range(now - timedelta(**{_UNITS[match["unit"]]: int(match["count"])}))
        # form encoding replaces the "+" of a zone by a space; RFC 3339 allows leap seconds and the year 0000
        text = re.sub(r" (?=\d{2}:?\d{2}$)", "+", text) if "T" in text.upper() else text
        text = re.sub(r"(?<=:\d{2}:)60", "59", text.upper())
        time = datetime.fromisoformat(re.sub(r"^0000", "0001", text))
        return _in_range(time if time.tzinfo else time.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise Refused(
            f"{name}: expected a time such as 2026-11-24T01:00:00Z, or a duration before now: 90m, 12h, 3d"
        ) from None


def _in_range(moment: datetime) -> datetime:
    """Return the time in UTC, limited to the years that databases can store."""
    if not 1971 <= moment.year <= 9990:
        return datetime(1971 if moment.year < 1971 else 9990, 1, 1, tzinfo=UTC)
    return moment.astimezone(UTC)
