"""Which side an address is on: our team, our people, a vendor, or nobody we know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from mailrules.thread import Side
from service.cases.facts.freemail import is_freemail
from service.mail.message import Address


@dataclass(frozen=True, slots=True)
class LearnedRoles:
    """What mail showed about people nobody listed."""

    team: frozenset[str] = frozenset()
    """Addresses of those who forwarded a vendor's mail."""
    partners: frozenset[str] = frozenset()
    """Companies that the team wrote to, as ``company_of`` names them."""
    refused: frozenset[str] = frozenset()
    """Companies that a person took from the partners: they are not learned again."""

    def with_more(self, more: Iterable[LearnedRoles]) -> LearnedRoles:
        """Together with what further mails show."""
        every = (self, *more)
        return LearnedRoles(
            frozenset[str]().union(*(one.team for one in every)),
            frozenset[str]().union(*(one.partners for one in every)),
            self.refused,
        )


NOTHING_LEARNED = LearnedRoles()


@dataclass(frozen=True, slots=True)
class Roles:
    """``team`` and ``organisation`` are addresses or domains (``@corp.example`` or ``corp.example``), any case.

    What mail showed (``learned``) comes after both.
    """

    organisation: Collection[str] = ()
    team: Collection[str] = ()
    learned: LearnedRoles = NOTHING_LEARNED
    distrusted: Collection[str] = ()
    """Addresses that a mail cannot be believed to be from: nobody's side, whatever is listed."""
    known: Mapping[str, Side] = field(default_factory=dict)
    """Addresses and domains (``@partner.example``) whose side somebody named (the site file): an address is stronger
    than all else, a domain than other domains."""
    vendor_of: Callable[[str], str | None] = field(default=lambda _address: None)
    is_platform: Callable[[str | None], bool] = field(default=lambda _vendor: False)
    """Whether a vendor (its id) hosts other companies' help desks."""

    def role_of(self, address: str | Address | None) -> Side:
        """The side of an address; ``unknown`` for none."""
        key = (address.address if isinstance(address, Address) else address or "").strip().casefold()
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
        """Whether an address is one tenant's at a host of help desks (``acme.zendesk.com``)."""
        return address is not None and self.is_platform(self.vendor(address))

    def _known_domain(self, key: str) -> Side | None:
        """Of the longest domain that somebody named."""
        domain = key.rpartition("@")[2]
        while domain:
            if (side := self.known.get(f"@{domain}")) is not None:
                return side
            domain = domain.partition(".")[2]
        return None

    def vendor(self, address: str | Address | None) -> str | None:
        """The vendor behind an address that is not one of ours."""
        key = (address.address if isinstance(address, Address) else address or "").strip().casefold()
        if not key or key in self.distrusted or self.role_of(key) in ("team", "requester"):
            return None
        return self.vendor_of(key)

    def knows_vendor(self, address: Address | None) -> bool:
        """Whether an address is a vendor's by a pack or the site file, not only by what mail showed."""
        return self.role_of(address) == "vendor" and replace(self, learned=NOTHING_LEARNED).role_of(address) == "vendor"

    def partner(self, address: str | Address | None) -> str | None:
        """The company behind a vendor's address that no pack knows, or whose desk is at a host of help desks
        (``booklane@service-now.com`` or ``help@booklane.freshdesk.com`` of ``booklane.example``)."""
        key = (address.address if isinstance(address, Address) else address or "").strip().casefold()
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


def company_of(key: str) -> str:
    """What a company that no pack knows goes by: its mail domain; at a consumer mail provider the whole address."""
    domain = key.rpartition("@")[2]
    return key if is_freemail(domain) else domain


def companies_above(key: str) -> list[str]:
    """The company of an address, and those whose domain is above its own."""
    labels = company_of(key).split(".")
    return [company_of(key)] if "@" in company_of(key) else [".".join(labels[n:]) for n in range(len(labels) - 1)]


def _listed(key: str, entries: Collection[str]) -> bool:
    """Whether an address is one of ``entries``: equal, at the domain, or below it. ``a+tag@`` counts as ``a@``."""
    domain, plain = key.rpartition("@")[2], _plain(key)
    for raw in entries:
        entry = raw.strip().casefold()
        if not entry:
            continue
        if "@" in entry.lstrip("@"):
            if entry in (key, plain):
                return True
        elif domain == (bare := entry.lstrip("@")) or domain.endswith(f".{bare}"):
            return True
    return False


def _named(key: str, entries: Collection[str]) -> bool:
    """Whether the very address is one of ``entries``."""
    return any(entry.strip().casefold() in (key, _plain(key)) for entry in entries)


def _plain(key: str) -> str:
    """Without a ``+tag``."""
    local, _, domain = key.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
