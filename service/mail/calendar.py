"""Renders calendar invitations as one line (RFC 5545, RFC 5546)."""

import re
from dataclasses import dataclass

MAX_CHARS = 500_000
_FIELD = re.compile(
    r"^(SUMMARY|DTSTART|DTEND|LOCATION|ORGANIZER|STATUS|METHOD|UID|RRULE)((?:;[^:\n]{0,500})?):(.*)$", re.MULTILINE
)
_STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})\d{2}(Z?))?")
_VERBS = {
    "REQUEST": "Invitation",
    "CANCEL": "Cancelled",
    "REPLY": "Reply to invitation",
    "COUNTER": "New time proposed",
    "PUBLISH": "Event",
}


@dataclass(frozen=True, slots=True)
class Event:
    """The main facts of an invitation. ``method`` is ``REQUEST``, ``REPLY``, ``CANCEL`` or another of RFC 5546.

    ``start`` and ``end`` are texts such as ``2026-11-10 10:00 UTC``; empty if unknown.
    """

    method: str
    summary: str
    start: str
    end: str
    place: str

    @property
    def line(self) -> str:
        """The event as one line, such as ``Invitation: Review, 2026-11-10 10:00–11:00 UTC, Room 3``."""
        when = self.start
        if self.end and self.end != self.start:
            day, _, clock = self.end.partition(" ")
            if clock and when.startswith(day):
                zone = clock.partition(" ")[2]
                when = when.removesuffix(f" {zone}") + "–" + clock
            else:
                when += "–" + self.end
        details = ", ".join(filter(None, (self.summary, when, self.place)))
        return f"{_VERBS.get(self.method, 'Event')}: {details}"


def read(text: str, method: str = "") -> Event | None:
    """Return the first event of an iCalendar object; or None. ``method``: used if the object states none."""
    text = re.sub(r"\n[ \t]", "", text[:MAX_CHARS].replace("\r", ""))
    begin = text.find("BEGIN:VEVENT")
    if begin < 0:
        begin = text.find("BEGIN:VTODO")
        if begin < 0:
            return None
    end = text.find("END:V", begin + 12)
    fields: dict[str, tuple[str, str]] = {}
    for match in _FIELD.finditer(text, begin, end if end > 0 else len(text)):
        fields.setdefault(match[1], (match[2], match[3].strip()))
    method_line = re.search(r"^METHOD:(\w+)", text, re.MULTILINE)
    return Event(
        (method_line[1] if method_line else method).upper(),
        _plain(fields.get("SUMMARY", ("", ""))[1]),
        _when(*fields.get("DTSTART", ("", ""))),
        _when(*fields.get("DTEND", ("", ""))),
        _plain(fields.get("LOCATION", ("", ""))[1]),
    )


def _plain(value: str) -> str:
    value = re.sub(r"\\[nN]", " ", value)
    return re.sub(r"\\([,;\\])", r"\1", value)[:500].strip()


def _when(parameters: str, value: str) -> str:
    match = _STAMP.match(value)
    if match is None:
        return ""
    day = f"{match[1]}-{match[2]}-{match[3]}"
    if match[4] is None:
        return day
    zone = re.search(r"TZID=\"?([^;:\"]+)", parameters)
    return f"{day} {match[4]}:{match[5]}" + (" UTC" if match[6] else f" {zone[1]}" if zone else "")
