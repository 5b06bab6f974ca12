"""How certain the author of a mail is: verified, local, unverified or forged.

Only the From field names the author, and only if it holds exactly one address. Our own people are verified if our mail
server states ``dmarc=pass`` for their exact domain, or if the mail comes from a trusted network. If neither is set up,
mail from a program on this machine is trusted too (``local``). But such mail may not name a case by its key, because
anybody can guess a key.
"""

from collections.abc import Collection
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
    """Whom we trust to verify senders: our mail server (``authserv``) and networks that only our own people can use."""

    authserv: str = ""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    open: bool = False  # any host may send (no SODAN_SMTP_NETWORKS), also one that forges the verification header

    @property
    def configured(self) -> bool:
        return bool(self.authserv or self.networks)


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
    """Return how certain the author is. ``ours``: the address is of our own people; ``handed``: None for a file."""
    given = handed.authserv if handed else None
    found = authentication.dmarc(mail, verdicts.authserv if given is None else given)
    if found == "fail":
        return "forged"
    if "from-several" in mail.defects or "from-missing" in mail.defects:
        return "unverified"
    if not ours:
        return ""
    if found == "pass" and verdicts.open and handed is not None and _from_internet(handed.peer):
        found = "none"
    if found == "pass" or handed is None or _from_network(handed.peer, verdicts.networks):
        return "verified"
    return "local" if _is_local(mail, verdicts, handed) else "unverified"


def _is_local(mail: Mail, verdicts: Verdicts, handed: Handover) -> bool:
    """Whether the mail is an operator's import or, without any verification setup, from a local program that is no
    relay.

    If a relay passed the mail on, the newest Received line is from just before, or up to five days old if the mail was
    queued. A mail that was read from a file has an older Received line or none.
    """
    if handed.channel == "import":
        return True
    kept_long = mail.relayed_at is not None and abs(handed.received_at - mail.relayed_at) > QUEUED
    relayed = mail.relayed and not kept_long
    return not verdicts.configured and _address(handed.peer) in _SURE_HOSTS and not relayed


def _from_network(peer: str | None, networks: Collection[IPv4Network | IPv6Network]) -> bool:
    address = _address(peer)
    return address is not None and any(address in network for network in networks)


def _from_internet(peer: str | None) -> bool:
    address = _address(peer)
    return address is not None and address.is_global


def _address(peer: str | None) -> IPv4Address | IPv6Address | None:
    """Return the peer's IP address; for an IPv4-mapped IPv6 address, the IPv4 address."""
    try:
        address = ip_address((peer or "").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
