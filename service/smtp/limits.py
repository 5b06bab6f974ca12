"""Limits for one client (RFC 5321 §4.5.3, §7.8), for its address, and for its network."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

from service.rate import Rate

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
TOO_MANY_MAILS = "450 4.7.1 too many mails from this sender within an hour, try again later"
TOO_MANY_FROM_THERE = "450 4.7.1 too many mails from your network, try again later"
FAILED_LOGINS = 20
"""Failed logins per hour from one ``neighbourhood``, over all its connections."""
GRACE_SECONDS = 5.0
"""A message younger than this is not treated as slow."""


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


@lru_cache(4096)
def network_of(host: str | None) -> str:
    """Return the /24 of an IPv4 address or the /48 of an IPv6 address, which often has a single owner."""
    near = neighbourhood(host)
    return near.rpartition(".")[0] if "." in near else near[:14]


@lru_cache(4096)
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


@dataclass(eq=False, slots=True)
class Share:
    """The bytes used by one message."""

    host: str | None
    began: float
    cut_off: Callable[[], None]
    held: int = 0
    received: int = 0
    moving: bool = True
    """Still being received; a complete message is never cut off."""


class Budget:
    """Limits the bytes of messages that one process is receiving or committing; most of them are on disk.

    An address may use a quarter of the total, a network half. If the total is used up, the slowest message of the
    network that uses most is cut off, provided that it uses more than the newcomer's. So slow senders block nobody.
    """

    def __init__(self, total: int = 1_073_741_824, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._clock = clock
        self._shares: set[Share] = set()
        self._usage = Usage()

    @property
    def held(self) -> int:
        return self._usage.total

    def open(self, host: str | None, cut_off: Callable[[], None]) -> Share:
        """Create the share of a message that begins now."""
        share = Share(host, self._clock(), cut_off)
        self._shares.add(share)
        return share

    def close(self, share: Share) -> None:
        """Release all bytes of a share; may be called twice."""
        self._add(share, -share.held)
        self._shares.discard(share)

    def reserve(self, share: Share, size: int) -> bool:
        """Raise ``share`` to at least ``size`` bytes; False if a limit forbids it."""
        more = size - share.held
        if more <= 0:
            return True
        usage = self._usage
        if usage.near(share.host) + more > self._total // 4 or usage.network(share.host) + more > self._total // 2:
            return False
        while usage.total + more > self._total:
            slowest = self._slowest(share)
            if slowest is None:
                return False
            self.close(slowest)
            slowest.cut_off()
        self._add(share, more)
        return True

    def _slowest(self, newcomer: Share) -> Share | None:
        """Return the slowest message of the network that must make room."""
        network, now = self._usage.to_cut(newcomer.host), self._clock()
        slow = [one for one in self._shares if one.moving and one.held and now - one.began > GRACE_SECONDS]
        candidates = [one for one in slow if network_of(one.host) == network]
        return min(candidates, key=lambda one: one.received / (now - one.began), default=None)

    def _add(self, share: Share, more: int) -> None:
        share.held += more
        self._usage.add(share.host, more)


class Rates:
    """Limits mails per sender within one network, and per network for all its senders together.

    Envelopes can be forged, so what others send in a sender's name does not reduce the rate in the sender's own
    network. Loopback has no network limit, since a mail server on this machine passes on mail of everybody.
    """

    def __init__(self, of_sender: int, of_network: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._of_sender = Rate(of_sender, clock)
        self._of_network = Rate(of_network, clock, burst=max(1, of_network // 6))

    def refusal(self, sender: str, host: str | None) -> str | None:
        """Count a mail; return the reply to MAIL if a limit is exceeded, else None.

        The empty sender has only a network limit.
        """
        network = network_of(host)
        local = host is None or _address(host).is_loopback
        if not local and not self._of_network.allows(network):
            return TOO_MANY_FROM_THERE
        if sender in ("", "<>") or self._of_sender.allows(f"{network} {sender.casefold()}"):
            return None
        return TOO_MANY_MAILS
