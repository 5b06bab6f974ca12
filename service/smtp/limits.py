"""Limits for one client (RFC 5321 §4.5.3, §7.8), and the networks that may connect. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal

BareNewlines = Literal["normalise", "refuse", "keep"]
"""What becomes of CR or LF alone in a content: see content.py."""

COMMAND_LINE = 512
"""RFC 5321 §4.5.3.1.4, in bytes, with its CRLF."""
LONGER_LINES = {
    "MAIL": 512 + 26 + 17 + 10 + 500,  # SIZE (RFC 1870 §3), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH (RFC 4954 §3)
    "VRFY": 512 + 9,  # SMTPUTF8 (RFC 6531 §3.7.4.2)
    "AUTH": 12_288,  # RFC 4954 §4
}
LONGEST_LINE = max(LONGER_LINES.values())
PATH = 256
"""RFC 5321 §4.5.3.1.3. Its 64 bytes for a local part are not held: signed bounce addresses are longer."""
FAILED_LOGINS = 20
"""An hour, of one neighbourhood, over all its connections."""
DOMAIN = 255
"""RFC 5321 §4.5.3.1.2."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a listener grants. Sizes in bytes, times in seconds."""

    message_bytes: int = 36_700_160
    recipients: int = 100
    connections: int = 256
    connections_per_host: int = 128
    timeout: float = 300.0
    """For one command from its first byte to its last, and for each ``timeout * slowest`` bytes of a content."""
    slowest: float = 64.0
    """Bytes a second that a content must make on average over ``timeout``."""
    bad_commands: int = 20
    """Commands a conversation may get wrong before it ends."""
    unknown_commands: int = 5
    """Of these, commands that do not exist."""
    refused_recipients: int = 100
    """Recipients refused in one conversation: more is guessing at addresses."""
    idle_commands: int = 100
    """NOOP, RSET, HELO, EHLO, VRFY, HELP between two mails."""
    failed_logins: int = 3
    overdraft: int = 67_108_864
    """Bytes read and thrown away behind a mail that is too big, until its sender is cut off."""
    content_seconds: float = 1800.0
    """For a whole content, however steadily it comes."""
    at_once_bytes: int = 1_073_741_824
    """Bytes of contents that may be on their way, or wait for their commit, at once; most of them on disk."""
    bare_newlines: BareNewlines = "normalise"
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Peers that may send; empty: all."""

    def admits(self, host: str | None) -> bool:
        """Whether the peer at ``host`` may send at all."""
        if not self.networks or host is None:
            return True
        address = ip_address(host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.networks)


def network_of(host: str | None) -> str:
    """The /24 of an IPv4 address, the /48 of an IPv6 address: what one sender may own whole."""
    near = neighbourhood(host)
    return near.rpartition(".")[0] if "." in near else near[:14]


def neighbourhood(host: str | None) -> str:
    """What counts as one address: an IPv4 address, or the /64 of an IPv6 address, which one customer has whole."""
    if host is None:
        return ""
    if ":" not in host:
        return host
    address = ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped) if mapped else address.exploded[:19]
