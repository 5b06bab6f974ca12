"""What only this organisation knows: its own products, host names, people, partners and holidays.

One YAML file, given to ``library.load``; every field is optional.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import holidays
from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from mailrules.pack import Model, SideName, Words


def _as_clock(value: Any) -> Any:
    return time(0) if value == "24:00" else value


_WRITTEN = {"type": "string", "pattern": r"^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?|24:00)$"}
Clock = Annotated[time, BeforeValidator(_as_clock), WithJsonSchema(_WRITTEN)]
"""``09:00``; ``24:00`` as the end of a day."""


class Person(Model):
    """Somebody whose side no domain tells, or tells wrongly: what stands here wins."""

    address: str
    name: str = ""
    side: SideName = "team"


class Calendar(Model):
    """When a side of ours works. Every field may be left out."""

    country: str = "JP"
    """ISO 3166, or ``none``; its public holidays count for business time and, where it is named, for deadlines."""
    closed: list[date] = Field(default=[])
    """Further days off."""
    days: Literal["mon-fri", "mon-sat", "all"] = "mon-fri"
    open: Clock = time(9)
    close: Clock = time(17, 30)
    zone: str = "Asia/Tokyo"

    @field_validator("country")
    @classmethod
    def _country_is_known(cls, country: str) -> str:
        if country != "none" and country not in holidays.list_supported_countries():
            raise ValueError(f"no holidays are known for {country!r}: write an ISO 3166 code such as JP, or none")
        return country

    @field_validator("zone")
    @classmethod
    def _zone_is_known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (OSError, ValueError, KeyError):
            raise ValueError(f"expected a time zone such as Asia/Tokyo or UTC, not {zone!r}") from None
        return zone

    @property
    def days_off(self) -> DaysOff:
        """For deadlines: a country that nobody named keeps no deadline up."""
        named = "country" in self.model_fields_set and self.country != "none"
        return DaysOff(self.country if named else "", frozenset(self.closed))


@dataclass(frozen=True, slots=True)
class DaysOff:
    """Public holidays of a country (empty: of none), and further days."""

    country: str = ""
    closed: frozenset[date] = frozenset()

    def __contains__(self, day: object) -> bool:
        return day in self.closed or bool(self.country and isinstance(day, date) and day in _holidays(self.country))


@cache
def _holidays(country: str) -> holidays.HolidayBase:
    return holidays.country_holidays(country)


class Site(Model):
    """The site file."""

    products: Words = Field(default=[])
    """Names of own systems and of products in use, as people write them."""
    installed: Words = Field(default=[])
    """Those of them that have a version worth asking for (not SaaS)."""
    hosts: Words = Field(default=[])
    """RE2 for host, PC and asset names (``NB-\\d{5}``)."""
    people: list[Person] = Field(default=[])
    vendors: dict[str, str] = Field(default={})
    """Domain or address → vendor id: partners, and a vendor's sub-domain at a platform."""
    calendar: Calendar = Calendar()
    """Of the team, and of the people who ask where they have none of their own."""
    requester_calendar: Calendar | None = None
