"""`sodan judge --guess-roles`: sides of people whom nobody declared, from the company that one mail keeps.

The service never does this. Somebody whose domain is also that of a recipient is one of ours, and of the team where a
recipient is a vendor or the mail states a vendor's number.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from mailrules.engine.judge import Rules
from service.cases.facts.extraction import IngestConfig, extract_messages
from service.cases.facts.roles import Roles
from service.mail.message import Address, Mail

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_LEVEL = frozenset(("co", "ne", "or", "ac", "go", "ed", "lg", "gr", "com", "net", "org", "gov", "edu", "plc"))


def guess_ways(mail: Mail, ingest: IngestConfig) -> IngestConfig:
    """With the recipients that are evidently sodan itself, by their name."""
    found = (
        a.key for a in (*mail.to, *mail.cc) if "intake" in a.key.partition("@")[0] or ".intake." in f".{a.domain}."
    )
    return replace(ingest, intake=(*ingest.intake, *found))


def guess_roles(mail: Mail, rules: Rules, roles: Roles, ingest: IngestConfig) -> Roles:
    """Declared roles with what the mail itself shows."""
    if mail.from_ is None or roles.role_of(mail.from_) in ("team", "vendor") or mail.automatic == "bounce":
        return roles
    home = _registered(mail.from_)
    known = roles.role_of(mail.from_) == "requester"
    if not known and (not home or not any(_registered(other) == home for other in (*mail.to, *mail.cc))):
        return roles
    ours = roles if known else replace(roles, organisation=(*roles.organisation, home))
    if mail.forwarded or mail.automatic:
        return ours
    reading = rules.read(extract_messages(mail, ours, ingest, received_at=mail.date or _NEVER)[0].turn)
    quotes_number = reading.vendor is not None and any(r.stated for r in reading.references)
    if quotes_number or any(ours.role_of(other) == "vendor" for other in mail.to):
        ours = replace(ours, team=(*ours.team, mail.from_.key))
    strangers = frozenset(other.key for other in mail.to if ours.role_of(other) == "unknown")
    if quotes_number and strangers:  # a partner's desk answers for the vendor
        vendor, named = reading.vendor, ours.vendor_of
        ours = replace(ours, vendor_of=lambda address: named(address) or (vendor if address in strangers else None))
    return ours


def _registered(address: Address) -> str:
    """The domain that was registered, by its usual shape (`example.co.jp` of `intake.example.co.jp`)."""
    labels = address.domain.split(".")
    if len(labels) < 2:
        return ""
    keep = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 2
    return ".".join(labels[-keep:])
