"""Limits for one client (RFC 5321 §4.5.3, §7.8), the networks that may connect, and counts by network."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

BareNewlines = Literal["normalise", "refuse", "keep"]
"""How a lone CR or LF in a message is handled: see content.py."""

COMMAND_LINE = 512
"""RFC 5321 §4.5.3.1.4, in bytes including CRLF."""
LONGER_LINES = {
    "MAIL": 512 + 26 + 17 + 10 + 500,  # SIZE (RFC 1870 §3), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH (RFC 4954 §3)
    "VRFY": 512 + 9,  # SMTPUTF8 (RFC 6531 §3.7.4.2)
    "AUTH": 12_288,  # RFC 4954 §4
}
LONGEST_LINE = max(LONGER_LINES.values())
PATH = 256
"""RFC 5321 §4.5.3.1.3, in bytes. The limit of 64 for the local part is not enforced: bounce addresses exceed it."""
DOMAIN = 255
"""RFC 5321 §4.5.3.1.2, in bytes."""
FAILED_LOGINS = 20
"""Failed logins per hour from one ``neighbourhood``, over all its connections."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a listener. Sizes in bytes, times in seconds."""

    message_bytes: int = 36_700_160
    recipients: int = 100
    connections: int = 256
    connections_per_host: int = 128
    timeout: float = 300.0
    """For one command from its first byte to its last, and for each ``timeout * slowest`` bytes of a message."""
    slowest: float = 64.0
    """Bytes per second that a message must average over ``timeout``."""
    bad_commands: int = 20
    """Wrong commands in a session before it is closed."""
    unknown_commands: int = 5
    """Unknown commands in a session before it is closed."""
    refused_recipients: int = 100
    """Refused recipients in a session before it is closed, against guessing of addresses."""
    idle_commands: int = 100
    """NOOP, RSET, HELO, EHLO, VRFY, HELP between two mails."""
    failed_logins: int = 3
    overdraft: int = 67_108_864
    """Bytes read and discarded after a message became too big, before the connection is closed."""
    content_seconds: float = 1800.0
    """For a whole message, however steadily it arrives."""
    bare_newlines: BareNewlines = "normalise"
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Peers that may send; empty: all."""

    def admits(self, host: str | None) -> bool:
        """Whether the peer at ``host`` may send at all."""
        if not self.networks or host is None:
            return True
        return any(_address(host) in network for network in self.networks)


def _address(host: str) -> IPv4Address | IPv6Address:
    address = ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def network_of(host: str | None) -> str:
    """Return the /24 of an IPv4 address or the /48 of an IPv6 address, which often has a single owner."""
    near = neighbourhood(host)
    return near.rpartition(".")[0] if "." in near else near[:14]


def neighbourhood(host: str | None) -> str:
    """Return the IPv4 address, or the /64 of an IPv6 address, since one customer usually has a whole /64."""
    if host is None or ":" not in host:
        return host or ""
    address = _address(host)
    return str(address) if address.version == 4 else address.exploded[:19]


class Usage:
    """How much of a shared resource each address and each network uses."""

    def __init__(self) -> None:
        self.total = 0
        self._near: Counter[str] = Counter()
        self._networks: Counter[str] = Counter()

    def add(self, host: str | None, more: int) -> None:
        """Add to what ``host`` uses; a negative number is given back."""
        self.total += more
        for counter, name in ((self._near, neighbourhood(host)), (self._networks, network_of(host))):
            counter[name] += more
            if not counter[name]:
                del counter[name]

    def near(self, host: str | None) -> int:
        """Return what the ``neighbourhood`` of this host uses."""
        return self._near[neighbourhood(host)]

    def network(self, host: str | None) -> int:
        """Return what the network of this host uses."""
        return self._networks[network_of(host)]

    def to_cut(self, newcomer: str | None) -> str | None:
        """Return the network that must make room for a newcomer: the one that uses most, if more than its own."""
        network, most = max(self._networks.items(), key=lambda item: item[1], default=("", 0))
        return network if most > self.network(newcomer) else None
