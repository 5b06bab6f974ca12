"""The filters for a list of cases, as requests, pages and commands give them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from mailrules.judgement import Kind
from service.cases.state import Level, SideToAct, Status
from service.errors import Refused
from service.store.cases import Filter

TIME_SCHEMA = [
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "date"},
    {"type": "string", "pattern": "^[0-9]{1,4}[smhdw]$", "examples": ["90m", "12h", "3d"]},
    {"type": "string", "maxLength": 0},
    {"type": "null"},
]
"""OpenAPI schema of a time in a request."""
Ago = Annotated[str | None, Field(max_length=40, json_schema_extra={"anyOf": TIME_SCHEMA})]


class CaseQuery(BaseModel):
    """Filters for cases. A case must match every given filter. If a filter has several values, one must match."""

    q: str | None = Field(None, max_length=500, description="Words of one mail of the case; a key; a vendor's number.")
    status: tuple[Status, ...] = Field((), description="Status of the case.")
    waiting_on: tuple[SideToAct, ...] = Field((), description="Who has to act; `none`: no side.")
    priority: tuple[Level, ...] = Field((), description="Priority.")
    kind: tuple[Kind, ...] = Field((), description="What the case is about.")
    needs_triage: bool | None = Field(None, description="Whether a person has to judge the priority.")
    vendor: tuple[str, ...] = Field((), examples=["microsoft"], description="Id of a vendor, such as `microsoft`.")
    vendor_ref: str | None = Field(None, max_length=200, description="A vendor's case number.")
    missing: str | None = Field(None, max_length=64, description="Id of a missing checklist item, or `any`.")
    participant: str | None = Field(None, max_length=320, description="Address of a participant, or `@domain`.")
    owner: str | None = Field(None, max_length=200, description="A team member; `me`: you; `none`: nobody.")
    updated_since: Ago = Field(
        None, description="Only cases that changed since: a time, or an age: `90m`, `12h`, `3d`."
    )
    older_than: Ago = Field(None, description="Only cases unchanged since: a time, or an age: `90m`, `12h`, `3d`.")

    def filter(self, me: str, now: datetime) -> Filter:
        """Return the conditions for the database. ``me``: the caller's name. Raises Refused for an invalid time."""
        values = self.model_dump() | {
            "missing": (self.missing or "").strip() or None,
            "owner": me if self.owner == "me" else self.owner,
            "updated_since": parse_time(self.updated_since, "updated_since", now),
            "older_than": parse_time(self.older_than, "older_than", now),
        }
        return Filter(**{name: values[name] for name in CaseQuery.model_fields})


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
