"""Facts from the header of a mail: people, numbers that may name a case, time of writing."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from service.cases.facts.content_words import name_words
from service.cases.facts.roles import Roles
from service.mail.message import Address, Earlier, Mail

CLOCKS_DIFFER = timedelta(minutes=15)  # if Date is later than the time of receipt by more than this, it is ignored

ZONES_DIFFER = timedelta(hours=15)  # the same for quoted mail, whose header lines usually state no time zone


def is_intake(address: str, intake: Sequence[str]) -> bool:
    """Whether an address belongs to sodan. A plus-tag is ignored."""
    local, _, domain = address.casefold().rpartition("@")
    plain = f"{local.partition('+')[0]}@{domain}"
    return any(plain == entry.casefold() or entry.casefold() == f"@{domain}" for entry in intake)


def addresses_on(addresses: Sequence[Address], intake: Sequence[str]) -> tuple[str, ...]:
    """Return the case-folded addresses, at most 100, without those of sodan."""
    return tuple(dict.fromkeys(a.key for a in addresses if a.address and not is_intake(a.key, intake)))[:100]


def first_vendor(addresses: Iterable[Address | None], roles: Roles) -> str | None:
    """Return the vendor of the first address that belongs to a vendor, or None."""
    return next((vendor for vendor in map(roles.vendor, addresses) if vendor), None)


def names_on(author: Address | None, others: Sequence[Address | None], organisation: Iterable[str]) -> frozenset[str]:
    """Return the words of names, addresses and our domains. Such words say nothing about the topic."""
    parts: list[str] = [*organisation, *(d.replace(".", "") for d in organisation)]
    for address in (author, *others):
        if address is not None:
            parts += [address.name, address.address.partition("@")[0]]
    return name_words(parts) | {d.partition(".")[0] for d in organisation}


def case_keys_in(subject: str, prefix: str) -> tuple[int, ...]:
    """Return the numbers of at most four case keys (``SD-12``) in a subject."""
    found = re.finditer(rf"(?<![A-Za-z0-9-]){re.escape(prefix)}-([1-9]\d{{0,11}})(?![\d-])", subject, re.IGNORECASE)
    return tuple(dict.fromkeys(int(match[1]) for match in found))[:4]


def written_at(
    date: datetime | None, received: datetime, tolerance: timedelta = CLOCKS_DIFFER
) -> tuple[datetime, bool]:
    """Return (time of writing in UTC, whether this is the Date of the mail).

    If Date is missing, or later than the receipt by more than ``tolerance``, the time of receipt is used.
    """
    received = received.astimezone(UTC)
    if date is None:
        return received, False
    moment = date.astimezone(UTC)
    return (moment, True) if moment <= received + tolerance else (received, False)


def date_in_zone(earlier: Earlier, mail: Mail, zone: tzinfo, ours: bool) -> datetime | None:
    """Return the date of a quoted header block. If the block states no zone, a plausible zone is assumed.

    Mail clients write such dates in the zone of the outer mail's author, which the Date of the outer mail shows.
    But Exchange writes Date in UTC. Therefore ``zone`` is used if the outer Date is in UTC. ``zone`` is also used for
    mail of our own people (``ours``).
    """
    date = earlier.date
    if date is None or not earlier.zone_assumed:
        return date
    outer = mail.date
    if outer is not None and outer.utcoffset() not in (None, timedelta(0)) and not ours:
        return date
    local = date.replace(tzinfo=zone)
    fixed = local.replace(tzinfo=timezone(local.utcoffset() or timedelta(0)))
    if outer is not None and fixed > outer + timedelta(hours=1) and date <= outer:
        return date
    return fixed
