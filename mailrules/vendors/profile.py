"""Data model of a vendor file: names, domains, patterns of case numbers, working hours."""

from datetime import time
from typing import Literal

from pydantic import Field

from mailrules.fields import Bilingual, Clock, Country, Model, Name, Names, OpeningHours, Words


class Canonical(Model):
    """How to normalise the spelling of a case number. Applied in the order keep, upper, length."""

    keep: Literal["all", "digits", "alnum"] = "all"  # white space is always removed; leading zeros are kept
    upper: bool = False
    length: int | None = None  # number of characters kept from the left (a sub-task appends digits)


class ReferencePattern(Model):
    """A pattern of a vendor's case numbers."""

    pattern: str  # RE2, any case, with ``(?P<ref>…)``; with ``label``: only the number itself
    label: str | None = None
    """RE2 for the word before the number (``case|ケース``).

    Usual text between label and number (番号, No., ``:``, ``#``, ``is``) is accepted.
    """
    at: list[Literal["subject", "line", "body"]] = Field(default=["subject", "line", "body"])
    """``line``: a line with a label, or a short line near the top; ``body``: anywhere, which is weaker evidence."""
    needs: Literal["nothing", "words", "domain"] = "words"
    """What must indicate the vendor first.

    ``nothing``: the pattern is unique to this vendor. ``words``: the vendor is named or is the author. ``domain``: an
    address of the vendor is required, because the number alone is too general.
    """
    canonical: Canonical = Canonical()
    token: bool = False  # links mails but is not a number that people use (``[ref:_00D…:ref]``, ``[1G7EOR-0Q2J]``)
    not_: Words = Field(default=[], alias="not")  # RE2 patterns; matching lines and subjects are skipped


class ReferenceExample(Model):
    """A text and the case numbers to be found in it (``[]`` in a near-miss)."""

    text: str = ""
    subject: str = ""
    author: str = ""  # address of the author; empty: an address at the vendor's first domain
    refs: Words = Field(default=[])


class Hours(OpeningHours):
    """Working hours of the vendor's support desk, for business time."""

    calendar: Country = "JP"  # country of the public holidays (ISO 3166), or ``none`` for around the clock
    close: Clock = time(18)


class Vendor(Model):
    """A vendor: how to recognise its mail, and its case numbers."""

    id: Name
    name: Bilingual
    domains: list[str] = Field(default=[])  # domains of the vendor's mail addresses, including their subdomains
    platform: bool = False
    """A help-desk platform that many vendors use (Zendesk, Jira); used only if no vendor is recognised."""
    names: Names = Field(default=[])  # names that people use for the vendor, to recognise the vendor without an address
    products: Names = Field(default=[])  # names of products of the vendor: weak evidence for the vendor
    references: list[ReferencePattern] = Field(default=[])
    never: Words = Field(default=[])
    """RE2 patterns for numbers of this vendor that are not case numbers (serials, contracts, articles, bugs).

    Their matches are hidden from the case number patterns.
    """
    hours: Hours = Hours()
    sources: Words = Field(default=[])  # sources of these facts, with their quality (A read, B seen, own, label)
    examples: list[ReferenceExample] = Field(default=[])
    near_misses: list[ReferenceExample] = Field(default=[])


class Incidental(Model):
    """Text around a vendor's name that shows whether the case is about this vendor.

    In "Slackで連絡ください", it is not.
    """

    before: Words = Field(default=[])  # RE2 for text before a name; the name then does not count
    after: Words = Field(default=[])  # RE2 for text after a name; the name then does not count
    maker: Words = Field(default=[])
    """RE2 for text after a product name that refers to its maker ("…に問い合わせ中", "… Support")."""
    party: Words = Field(default=[])
    """RE2 for text before a product name that refers to its maker ("we asked …", "the invoice from …")."""
