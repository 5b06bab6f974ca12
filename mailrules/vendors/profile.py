"""A vendor's profile as its file says it: who it is, its domains, the shapes of its case numbers, its desk hours."""

from __future__ import annotations

from datetime import time
from typing import Literal

from pydantic import Field, model_validator

from mailrules.fields import Bilingual, Clock, Country, Model, Name, Names, Words, Zone, opens_before_it_closes


class Canonical(Model):
    """How two spellings of one reference become equal. Order: keep, upper, length."""

    keep: Literal["all", "digits", "alnum"] = "all"
    """White space is always removed; leading zeros always stay."""
    upper: bool = False
    length: int | None = None
    """Only so many characters from the left (a sub-task appends digits)."""


class ReferencePattern(Model):
    """The shape of a vendor's case number."""

    pattern: str
    """RE2, any case, with ``(?P<ref>…)``; behind a ``label`` the bare shape of the number."""
    label: str | None = None
    """RE2 for the word before the number (``case|ケース``). What people put in between (番号, No., ``:``, ``#``,
    ``is``) is allowed for."""
    at: list[Literal["subject", "header", "line", "body"]] = Field(default=["subject", "line", "body"])
    """``line``: a label line or a line of its own near the top; ``body``: anywhere, and then merely mentioned."""
    header: str | None = None
    """With ``at: [header]``: the name of the header, lower case."""
    needs: Literal["nothing", "words", "domain"] = "words"
    """What must speak for the vendor first: ``nothing`` for shapes nobody else has, ``words`` when the vendor is named
    or writes, ``domain`` when only an address of the vendor makes the digits trustworthy."""
    canonical: Canonical = Canonical()
    token: bool = False
    """Ties mails together without being a number that people use (``[ref:_00D…:ref]``, ``[1G7EOR-0Q2J]``)."""
    not_: Words = Field(default=[], alias="not")
    """RE2: the line, or the subject, must not match any of these."""


class ReferenceExample(Model):
    """A text and the references to be read from it (``[]`` in a near-miss)."""

    text: str = ""
    subject: str = ""
    author: str = ""
    """Address of the writer; empty: somebody at the vendor's first domain."""
    headers: dict[str, str] = Field(default={})
    refs: Words = Field(default=[])


class SeverityWord(Model):
    """The vendor's own word for a level, as ``severity_requested`` keeps it."""

    word: str
    level: Literal["P1", "P2", "P3", "P4"]


class Hours(Model):
    """When the vendor's desk works, for business time."""

    calendar: Country = "JP"
    """Country of the public holidays (ISO 3166), or ``none`` for around the clock."""
    days: Literal["mon-fri", "mon-sat", "all"] = "mon-fri"
    open: Clock = time(9)
    close: Clock = time(18)
    zone: Zone = "Asia/Tokyo"

    _in_order = model_validator(mode="after")(opens_before_it_closes)


class Portal(Bilingual):
    """Where a vendor wants its answers, in words, and the address of the page."""

    url: str = ""


class Vendor(Model):
    """Who a vendor is and how its mail looks."""

    id: Name
    name: Bilingual
    domains: list[str] = Field(default=[])
    """Domains its people and machines write from; a subdomain counts too."""
    platform: bool = False
    """A desk that many vendors use (Zendesk, Jira): named only where no vendor is known."""
    names: Names = Field(default=[])
    """Words people use for it and for its products, to recognise it where no address does."""
    products: Names = Field(default=[])
    """Product words: they fill ``product``, and speak for the vendor weakly."""
    no_reply: Words = Field(default=[])
    """Local parts or whole addresses that nobody reads."""
    portal_only: bool = False
    """Answers go by the vendor's portal, never by reply."""
    portal: Portal | None = None
    """Where answers go instead."""
    references: list[ReferencePattern] = Field(default=[])
    never: Words = Field(default=[])
    """RE2 for numbers of this vendor that are no case (serials, contracts, articles, bugs): the patterns do not see
    them."""
    severities: list[SeverityWord] = Field(default=[])
    hours: Hours = Hours()
    upload: Words = Field(default=[])
    """Places where the vendor takes files (addresses, hosts)."""
    sources: Words = Field(default=[])
    """Where the facts were read, with their mark (A read, B seen, own, label)."""
    examples: list[ReferenceExample] = Field(default=[])
    near_misses: list[ReferenceExample] = Field(default=[])


class Incidental(Model):
    """A vendor named in passing, as a way to talk ("Slackで連絡ください"), is no vendor of the case."""

    before: Words = Field(default=[])
    """RE2 for what stands before the name."""
    after: Words = Field(default=[])
    """RE2 for what follows it."""
    maker: Words = Field(default=[])
    """RE2 for what follows the name of a product where its maker is meant ("…に問い合わせ中", "… Support")."""
    party: Words = Field(default=[])
    """RE2 for what stands before a name where its maker is meant ("we asked …", "the invoice from …")."""
