"""Times as a caller writes them: ISO 8601, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from service.errors import Refused

_AGO = re.compile(r"(?P<count>[0-9]{1,6})\s*(?P<unit>[smhdw]|min|sec|hours?|days?|weeks?|minutes?|seconds?)")
_ISO = re.compile(
    r"P(?:(?P<d>[0-9]{1,6})D)?(?:T(?:(?P<h>[0-9]{1,6})H)?(?:(?P<m>[0-9]{1,6})M)?(?:(?P<s>[0-9]{1,6})S)?)?"
)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(written: str | None, name: str, now: datetime) -> datetime | None:
    """``2026-11-24T01:00:00Z``, ``2026-11-24``, or a length before now: ``90m``, ``12h``, ``3d``, ``P3D``.

    A time without a zone is UTC. Raises Refused, naming the parameter.
    """
    if written is None or not written.strip():
        return None
    text = written.strip()
    try:
        if found := _AGO.fullmatch(text.lower()):
            return now - timedelta(**{_UNITS[found["unit"][0]]: int(found["count"])})
        if (found := _ISO.fullmatch(text.upper())) and any(found.groups()):
            part = {key: int(value or 0) for key, value in found.groupdict().items()}
            return now - timedelta(days=part["d"], hours=part["h"], minutes=part["m"], seconds=part["s"])
        # a "+" that a form turned into a blank is still the sign of a zone
        read = datetime.fromisoformat(re.sub(r" (?=[0-9]{2}:?[0-9]{2}$)", "+", text) if "T" in text else text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(f"{name}: expected a time such as 2026-11-24T01:00:00Z, or how long ago: 90m, 12h, 3d") from None
