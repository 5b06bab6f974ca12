"""The site file: the organisation's products, hosts, people, partners and holidays."""

from __future__ import annotations

from datetime import date
from functools import cache

import holidays
from pydantic import Field, field_validator

from mailrules.fields import Addresses, Country, Hosts, Model, Names, OpeningHours
from mailrules.thread import Side


class Person(Model):
    """The side of an address or ``@domain``. It takes precedence over the side derived from the mail domain."""

    address: Addresses
    name: str = ""
    side: Side = "team"


class Calendar(OpeningHours):
    """Working hours of one of our sides. Every field is optional."""

    country: Country = "JP"
    """ISO 3166 code, or ``none``.

    Its public holidays count for business time, and for deadlines only if it is set explicitly.
    """
    closed: list[date] = Field(default=[])  # additional days off

    def is_off(self, day: date) -> bool:
        """Whether a day does not count for deadlines. Public holidays need an explicit ``country``."""
        named = "country" in self.model_fields_set and self.country != "none"
        return day in self.closed or (named and day in _holidays(self.country))


@cache
def _holidays(country: str) -> holidays.HolidayBase:
    return holidays.country_holidays(country)


class Site(Model):
    """The site file."""

    products: Names = Field(default=[])  # names of own systems and of products in use, as people write them
    installed: Names = Field(default=[])  # products whose version is worth asking for (not SaaS)
    hosts: Hosts = Field(default=[])  # RE2 for host, PC and asset names (``NB-\\d{5}``)
    people: list[Person] = Field(default=[])
    vendors: dict[str, str] = Field(default={})
    """Domain or address → vendor id: for partners, and for a vendor's sub-domain at a platform."""
    calendar: Calendar = Calendar()  # calendar of the team, and of the requesters if they have no own calendar
    requester_calendar: Calendar | None = None

    @field_validator("people")
    @classmethod
    def _each_has_one_side(cls, people: list[Person]) -> list[Person]:
        sides: dict[str, str] = {}
        for one in people:
            if sides.setdefault(one.address.lower(), one.side) != one.side:
                raise ValueError(f"{one.address} is listed with two sides; keep one")
        return people
