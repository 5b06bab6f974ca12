"""What only this organisation knows: its own products, host names, people, partners and holidays.

One YAML file, given to ``library.load``; every field is optional.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from mailrules.pack import Model, SideName, Words


class Person(Model):
    """Somebody whose side no domain tells."""

    address: str
    name: str = ""
    side: SideName = "team"


class Calendar(Model):
    """Days off beside the weekends."""

    country: str = "JP"
    """ISO 3166; its public holidays count for business time."""
    closed: list[date] = Field(default=[])


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
    language: Literal["ja", "en"] = "ja"
