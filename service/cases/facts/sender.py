"""How certain the author of a mail is: verified, local, unverified or forged.

Only the From field names the author, and only if it holds exactly one address. Our own people are verified if our mail
server states ``dmarc=pass`` for their exact domain, or if the mail comes from a trusted network. If neither is set up,
mail from a program on this machine is trusted too (``local``). But a case key in such mail has no effect, because
anybody can guess a key.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

from service.mail import authentication
from service.mail.message import Mail

Trust = Literal["", "verified", "local", "unverified", "forged"]
"""Empty: somebody outside our organisation, for whom no verification is needed."""
DEFECTS = {"forged": "dmarc-failed", "unverified": "sender-unverified"}
QUEUED = timedelta(days=5)  # how long a relay keeps undelivered mail (RFC 5321 §4.5.4.1: four to five days)
_SURE_HOSTS = frozenset({ip_address("127.0.0.1"), ip_address("::1")})


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Whom we trust to verify senders: our mail server (``authserv``) and our own networks."""

    authserv: str = ""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    open: bool = False  # any host may send (no SODAN_SMTP_NETWORKS), also one that forges the verification header


@dataclass(frozen=True, slots=True)
class Handover:
    """How a mail reached us: channel (``smtp``, ``lmtp``, ``import`` …), sending host and time."""

    channel: str
    peer: str | None
    received_at: datetime
    authserv: str | None = None
    """Mail server whose verification headers count for this mail (a mailbox names its provider's); None: the configured
    one."""


def trust_of(mail: Mail, ours: bool, verdicts: Verdicts, handed: Handover | None) -> Trust:
    """Return how certain it is that the author wrote the mail.

    ``ours``: whether the address belongs to our own people. ``handed``: how the mail arrived; None for a file.
    """
    peer, given = (_address(handed.peer), handed.authserv) if handed else (None, None)
    found = authentication.dmarc(mail, verdicts.authserv if given is None else given)
    if found == "fail":
        return "forged"
    if "from-several" in mail.defects or "from-missing" in mail.defects:
        return "unverified"
    if not ours:
        return ""
    passed = found == "pass" and not (verdicts.open and peer is not None and peer.is_global)
    trusted = peer is not None and any(peer in network for network in verdicts.networks)
    if passed or trusted or handed is None:
        return "verified"
    configured = verdicts.authserv or verdicts.networks
    local = not configured and peer in _SURE_HOSTS and not _is_relayed(mail, handed)
    return "local" if local or handed.channel == "import" else "unverified"


def _is_relayed(mail: Mail, handed: Handover) -> bool:
    """Whether a relay, not a program on this machine, passed the mail on.

    Then the newest Received line is from just before, or up to five days old if the mail was queued. A mail that was
    read from a file has an older Received line or none.
    """
    kept_long = mail.relayed_at is not None and abs(handed.received_at - mail.relayed_at) > QUEUED
    return mail.relayed and not kept_long


def _address(peer: str | None) -> IPv4Address | IPv6Address | None:
    """Return the peer's IP address; for an IPv4-mapped IPv6 address, the IPv4 address."""
    try:
        address = ip_address((peer or "").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
