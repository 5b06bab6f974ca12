"""Renders calendar invitations as one line (RFC 5545, RFC 5546)."""

import re
from typing import NamedTuple

MAX_CHARS = 500_000
_FIELD = re.compile(r"^(SUMMARY|DTSTART|DTEND|LOCATION)((?:;[^:\n]{0,500})?):(.*)$", re.MULTILINE)
_STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})\d{2}(Z?))?")
_VERBS = {
    "REQUEST": "Invitation",
    "CANCEL": "Cancelled",
    "REPLY": "Reply to invitation",
    "COUNTER": "New time proposed",
    "PUBLISH": "Event",
}


class Event(NamedTuple):
    """An invitation. ``method`` is ``REQUEST``, ``REPLY``, ``CANCEL`` or another of RFC 5546."""

    method: str
    line: str  # such as ``Invitation: Review, 2026-11-10 10:00–11:00 UTC, Room 3``


def read(text: str, method: str = "") -> Event | None:
    """Return the first event of an iCalendar object, or None. ``method``: used if the object states none."""
    text = re.sub(r"\n[ \t]", "", text[:MAX_CHARS].replace("\r", ""))
    begin = re.search("BEGIN:V(?:EVENT|TODO)", text)
    if begin is None:
        return None
    end = text.find("END:V", begin.end())
    fields: dict[str, tuple[str, str]] = {}
    for match in _FIELD.finditer(text, begin.start(), end if end > 0 else len(text)):
        fields.setdefault(match[1], (match[2], match[3].strip()))
    summary, start, until, place = (fields.get(name, ("", "")) for name in ("SUMMARY", "DTSTART", "DTEND", "LOCATION"))
    details = ", ".join(filter(None, (_plain(summary[1]), _period(_when(*start), _when(*until)), _plain(place[1]))))
    method_line = re.search(r"^METHOD:(\w+)", text, re.MULTILINE)
    method = (method_line[1] if method_line else method).upper()
    return Event(method, f"{_VERBS.get(method, 'Event')}: {details}")


def _plain(value: str) -> str:
    return re.sub(r"\\([,;\\])", r"\1", re.sub(r"\\[nN]", " ", value))[:500].strip()


def _period(start: str, end: str) -> str:
    if not end or end == start:
        return start
    day, _, clock = end.partition(" ")
    if not clock or not start.startswith(day):
        return f"{start}–{end}"
    return start.removesuffix(f" {clock.partition(' ')[2]}") + f"–{clock}"


def _when(parameters: str, value: str) -> str:
    """Return the text of a time, such as ``2026-11-10 10:00 UTC``; empty if it is malformed."""
    match = _STAMP.match(value)
    if match is None:
        return ""
    day = f"{match[1]}-{match[2]}-{match[3]}"
    if match[4] is None:
        return day
    zone = re.search(r"TZID=\"?([^;:\"]+)", parameters)
    return f"{day} {match[4]}:{match[5]}" + (" UTC" if match[6] else f" {zone[1]}" if zone else "")
