"""`sodan judge --guess-roles`: guesses the sides of undeclared people from the addresses of one mail.

The service itself never does this. If the author and a recipient have the same domain, the author is one of our people.
Such an author belongs to the team if a recipient is a vendor, or if the mail states a vendor's case number.
"""

from dataclasses import replace
from datetime import UTC, datetime

from mailrules.engine.judge import Rules
from service.cases.facts.extraction import IngestConfig, extract_messages
from service.cases.facts.roles import Roles
from service.mail.message import Address, Mail

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_LEVEL = frozenset(("co", "ne", "or", "ac", "go", "ed", "lg", "gr", "com", "net", "org", "gov", "edu", "plc"))


def guess_intake_addresses(mail: Mail, ingest: IngestConfig) -> IngestConfig:
    """Return the settings with further intake addresses: the recipients whose name contains "intake"."""
    found = (
        a.key for a in (*mail.to, *mail.cc) if "intake" in a.key.partition("@")[0] or ".intake." in f".{a.domain}."
    )
    return replace(ingest, intake=(*ingest.intake, *found))


def guess_roles(mail: Mail, rules: Rules, roles: Roles, ingest: IngestConfig) -> Roles:
    """Return the declared roles, and the roles that the mail itself shows."""
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
    if quotes_number and strangers:  # a partner's help desk counts as the vendor
        vendor, named = reading.vendor, ours.vendor_of
        ours = replace(ours, vendor_of=lambda address: named(address) or (vendor if address in strangers else None))
    return ours


def _registered(address: Address) -> str:
    """Return the registered domain by its usual form (`example.co.jp` for `intake.example.co.jp`)."""
    labels = address.domain.split(".")
    if len(labels) < 2:
        return ""
    keep = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 2
    return ".".join(labels[-keep:])
