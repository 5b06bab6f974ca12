"""Address keys, vendor and names of the people in a mail's address headers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from service.cases.facts.content_words import names
from service.cases.facts.roles import Roles
from service.mail.message import Address


def is_intake(address: str, intake: Sequence[str]) -> bool:
    """Whether an address is sodan's own; a plus-tag is ignored."""
    local, _, domain = address.casefold().rpartition("@")
    plain = f"{local.partition('+')[0]}@{domain}"
    return any(plain == entry.casefold() or entry.casefold() == f"@{domain}" for entry in intake)


def addresses_on(addresses: Sequence[Address], intake: Sequence[str]) -> tuple[str, ...]:
    """Return the case-folded addresses without sodan's own; at most 100."""
    return tuple(dict.fromkeys(a.key for a in addresses if a.address and not is_intake(a.key, intake)))[:100]


def first_vendor(addresses: Iterable[Address | None], roles: Roles) -> str | None:
    """Return the vendor of the first address that has one; None if there is none."""
    return next((vendor for vendor in map(roles.vendor, addresses) if vendor), None)


def names_on(author: Address | None, others: Sequence[Address | None], organisation: Sequence[str]) -> frozenset[str]:
    """Return words from names, addresses and our own domains; they say nothing about the topic of the mail."""
    parts: list[str] = [*organisation, *(d.replace(".", "") for d in organisation)]
    for address in (author, *others):
        if address is not None:
            parts += [address.name, address.address.partition("@")[0]]
    return names(parts) | {d.partition(".")[0] for d in organisation}
