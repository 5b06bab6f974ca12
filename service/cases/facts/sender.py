"""How sure we are who wrote a mail: verified, local, unverified or forged.

Only the From field names the author, and only where it holds one address. Our own people are believed when our mail
server says ``dmarc=pass`` for their very domain, or a trusted network hands the mail over. Where neither is set up, a
program on this machine is believed too, except for what anybody can guess: case keys.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

from service.mail import authentication
from service.mail.message import Mail

Trust = Literal["", "verified", "local", "unverified", "forged"]
"""Empty: somebody outside, of whom no verdict is needed."""
DEFECTS = {"forged": "dmarc-failed", "unverified": "sender-unverified"}
QUEUED = timedelta(days=5)
"""How long a relay keeps a mail that it cannot hand on (RFC 5321 §4.5.4.1: four to five days)."""
_SURE_HOSTS = frozenset({ip_address("127.0.0.1"), ip_address("::1")})


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Who tells us who wrote a mail: our mail server's name, and networks that only our own people can send from."""

    authserv: str = ""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    open: bool = False
    """Any host may send (no SODAN_SMTP_NETWORKS): one on the internet could write the verdict by itself."""

    @property
    def configured(self) -> bool:
        return bool(self.authserv or self.networks)


@dataclass(frozen=True, slots=True)
class Handover:
    """How a mail reached us: channel (``smtp``, ``lmtp``, ``import`` …), the sending host, when."""

    channel: str
    peer: str | None
    received_at: datetime
    authserv: str | None = None
    """Whose verdicts count for this mail (a mailbox names its provider's server); None: those of the installation."""


def trust_of(mail: Mail, ours: bool, verdicts: Verdicts, handed: Handover | None) -> Trust:
    """``ours``: the author's address is one of our own people's. ``handed``: None for a file that an operator names."""
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
    """An operator's import; or, where no verdicts are set up, a program on this machine that is no relay.

    A relay writes a Received line before it hands the mail over, perhaps after days in its queue. A mail read from a
    file has an older one or none.
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
    """The peer's address; IPv4 also where IPv6 wraps it."""
    try:
        address = ip_address((peer or "").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
