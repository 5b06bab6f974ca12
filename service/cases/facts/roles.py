"""Which side an address is on: team, requester (our own people), vendor or unknown."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from mailrules.thread import Side
from service.mail.message import Address
from service.mail.word_lists import load

_CONSUMER_PROVIDERS, _ROLE_MAILBOXES = (
    frozenset(load("addresses", "service.cases")[name].split()) for name in ("providers", "role_mailboxes")
)
_GENERIC = frozenset("ac ad co com ed edu go gob gov gr lg ne net or org plc".split())
"""Second-level labels such as ``co`` in ``acme.co.jp``; they name no company."""


@dataclass(frozen=True, slots=True)
class LearnedRoles:
    """Roles learned from mail for people and companies that no setting lists."""

    team: frozenset[str] = frozenset()  # addresses of people who forwarded a vendor's mail
    partners: frozenset[str] = frozenset()  # companies that the team contacted, named as by ``company_of``
    refused: frozenset[str] = frozenset()  # companies that a person removed from the partners: not learned again

    def with_more(self, more: Iterable[LearnedRoles]) -> LearnedRoles:
        """Return these roles combined with ``more`` roles learned from mail."""
        every = (self, *more)
        return LearnedRoles(
            frozenset[str]().union(*(one.team for one in every)),
            frozenset[str]().union(*(one.partners for one in every)),
            self.refused,
        )


NOTHING_LEARNED = LearnedRoles()


@dataclass(frozen=True, slots=True)
class Roles:
    """The known sides of addresses. ``team`` and ``organisation`` take precedence over ``learned``."""

    organisation: tuple[str, ...] = ()
    team: tuple[str, ...] = ()
    learned: LearnedRoles = NOTHING_LEARNED
    distrusted: Collection[str] = ()  # addresses that may be forged in this mail; their side is ``unknown``
    known: Mapping[str, Side] = field(default_factory=dict)
    """Address or ``@domain`` → side, from the site file.

    An address here overrides every other source; a domain overrides all listed domains, but not a listed team address.
    """
    vendor_of: Callable[[str], str | None] = field(default=lambda _address: None)
    is_platform: Callable[[str | None], bool] = field(default=lambda _vendor: False)
    """Whether a vendor (by id) hosts the help desks of other companies."""

    def role_of(self, address: str | Address | None) -> Side:
        """Return the side of an address; ``unknown`` if the address is missing or on no side."""
        key = _key(address)
        if not key or key in self.distrusted:
            return "unknown"
        if (named := self.known.get(key) or self.known.get(_plain(key))) is not None:
            return named
        if self.known and not _named(key, self.team) and (side := self._known_domain(key)) is not None:
            return side
        if _listed(key, self.team) or key in self.learned.team:
            return "team"
        if _listed(key, self.organisation):
            return "requester"
        return "vendor" if self.vendor_of(key) or self._learned_partner(key) else "unknown"

    def is_hosted(self, address: Address | None) -> bool:
        """Whether the address is of one customer of a help desk provider (``acme.zendesk.com``)."""
        return address is not None and self.is_platform(self.vendor(address))

    def _known_domain(self, key: str) -> Side | None:
        """Return the side of the longest matching domain in ``known``; None if there is none."""
        return next((self.known[f"@{one}"] for one in _domains(key) if f"@{one}" in self.known), None)

    def vendor(self, address: str | Address | None) -> str | None:
        """Return the vendor of an address; None for our own addresses."""
        key = _key(address)
        ours = not key or key in self.distrusted or self.role_of(key) in ("team", "requester")
        return None if ours else self.vendor_of(key)

    def knows_vendor(self, address: Address | None) -> bool:
        """Whether a vendor file or the site file says that the address is a vendor's. Earlier mail does not count."""
        return self.role_of(address) == "vendor" and replace(self, learned=NOTHING_LEARNED).role_of(address) == "vendor"

    def partner(self, address: str | Address | None) -> str | None:
        """Return the partner company of a vendor's address; None if there is none.

        A partner is a company without a vendor file, or one whose help desk is at a provider
        (``booklane@service-now.com`` or ``help@booklane.freshdesk.com`` for ``booklane.example``).
        """
        key = _key(address)
        if self.role_of(key) != "vendor":
            return None
        vendor = self.vendor_of(key)
        if vendor is None:
            return self._learned_partner(key) or company_of(key)
        if not self.is_platform(vendor):
            return None
        local, _, domain = key.rpartition("@")
        tenant = domain.partition(".")[0] if domain.count(".") > 1 else local
        return next((known for known in sorted(self.learned.partners) if known.partition(".")[0] == tenant), None)

    def _learned_partner(self, key: str) -> str | None:
        return next((company for company in companies_above(key) if company in self.learned.partners), None)


def is_freemail(domain: str) -> bool:
    """Whether the domain, or a parent domain, belongs to a consumer mail provider."""
    return not _CONSUMER_PROVIDERS.isdisjoint(_domains(domain.casefold()))


def registered_domain(domain: str) -> str:
    """Return the domain that a company registered: ``acme.co.jp`` for ``mail.acme.co.jp``."""
    labels = domain.split(".")
    return ".".join(labels[-3 if len(labels) > 2 and labels[-2] in _GENERIC else -2 :]) if len(labels) > 1 else ""


def is_role_mailbox(key: str) -> bool:
    """Whether an address is of a function, such as ``support@``, not of a person (RFC 2142).

    Addresses at consumer providers are of persons.
    """
    local, _, domain = key.casefold().rpartition("@")
    return re.split("[-_]", local)[-1] in _ROLE_MAILBOXES and not is_freemail(domain)


def company_of(key: str) -> str:
    """Return the id of a company without a vendor file: its domain, or a freemail address."""
    domain = key.rpartition("@")[2]
    return key if is_freemail(domain) else domain


def companies_above(key: str) -> list[str]:
    """Return the company of an address and its parent domains, most specific first."""
    company = company_of(key)
    return [company] if "@" in company else list(_domains(company)[:-1])


def _listed(key: str, entries: tuple[str, ...]) -> bool:
    """Whether ``entries`` contain the address, its domain or a parent domain. ``a+tag@`` counts as ``a@``."""
    return not _normalised(entries).isdisjoint((key, _plain(key), *_domains(key)))


def _named(key: str, entries: tuple[str, ...]) -> bool:
    """Whether ``entries`` contain exactly this address."""
    return not _normalised(entries).isdisjoint((key, _plain(key)))


@lru_cache(maxsize=64)
def _normalised(entries: tuple[str, ...]) -> frozenset[str]:
    """Return the addresses and domains for comparison; ``@domain`` without its ``@``."""
    return frozenset(filter(None, (entry.strip().casefold().lstrip("@") for entry in entries)))


@lru_cache(maxsize=256)  # a domain of 320 bytes has 24 kB of parents
def _domains(key: str) -> tuple[str, ...]:
    """Return the domain of an address (or a domain) and its parent domains, most specific first."""
    labels = key.rpartition("@")[2].split(".")
    return tuple(".".join(labels[start:]) for start in range(len(labels)))


def _key(address: str | Address | None) -> str:
    return (address.address if isinstance(address, Address) else address or "").strip().casefold()


def _plain(key: str) -> str:
    """Return the address without its ``+tag``."""
    local, _, domain = key.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
